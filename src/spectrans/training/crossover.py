"""Plans against the length of a row: what is measured, what was found, and who overtakes whom."""

import re
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from spectrans.errors import must
from spectrans.options import Options

REFERENCE = "attention"
PLANS = (REFERENCE, "3xgfnet,attention", "gfnet", "wavelet", "fourier")
_LONGEST = 1 << 20
Dtype = Literal["float32", "bfloat16", "float16"]


class Spread(Options):
    """A number that was measured in rounds.

    Parameters
    ----------
    median
        Of all rounds.
    low
        One round in ten is below.
    high
        One round in ten is above.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise rounds, at least two."""
        low, *_, high = quantiles(values, n=10, method="inclusive")
        return cls(median=median(values), low=low, high=high)


class Point(Options):
    """One plan on rows of one length.

    Parameters
    ----------
    length
        Tokens of a row.
    rows
        Of a batch.
    milliseconds
        Of a batch.
    tokens_per_second
        Of the median.
    speed
        How many times as fast as attention, round by round.
    memory
        Bytes that a training step on the batch takes at its peak, in float32, without the weights;
        None where it was not asked for.
    """

    length: PositiveInt
    rows: PositiveInt
    milliseconds: Spread
    tokens_per_second: float
    speed: Spread
    memory: NonNegativeInt | None = None


class Setting(Options):
    """What is measured, and how.

    Parameters
    ----------
    lengths
        Tokens of a row, from short to long.
    tokens
        Of a batch, which so has fewer rows where they are longer, and one at least.
    num_layers
        Of every plan.
    hidden_dim
        Channels.
    num_heads
        Heads of mixers that have heads.
    threads
        Of the processor.
    dtype
        Of weights and activations.
    backward
        Measure training steps, optimiser included, and not inference.
    memory
        Measure the memory of a training step too, in processes of their own.
    seconds
        About how long to measure at each length; five rounds are done in any case.
    """

    lengths: tuple[PositiveInt, ...]
    tokens: PositiveInt = 8192
    num_layers: PositiveInt = 4
    hidden_dim: PositiveInt = 64
    num_heads: PositiveInt = 4
    threads: PositiveInt = 1
    dtype: Dtype = "float32"
    backward: bool = False
    memory: bool = False
    seconds: float = Field(default=4.0, ge=0)


class Curve(Options):
    """One plan at all lengths.

    Parameters
    ----------
    plan
        Layout string.
    points
        In the order of the lengths.
    faster_from
        The shortest length from which on it is faster than attention by more than chance; None
        where it is not so at the longest.
    """

    plan: str
    points: tuple[Point, ...]
    faster_from: PositiveInt | None


class Curves(Options):
    """All plans at all lengths.

    Parameters
    ----------
    setting
        What was measured.
    plans
        In the order asked for.
    control
        Attention against itself at each length: what chance does to a ratio.
    """

    setting: Setting
    plans: tuple[Curve, ...]
    control: tuple[Spread, ...]


def parse_lengths(text: str) -> tuple[int, ...]:
    """Read lengths.

    Parameters
    ----------
    text
        As "128..8192", which doubles, or "100,1000,3000".

    Returns
    -------
    tuple of int
        From short to long.

    Raises
    ------
    ValueError
        Written otherwise, or out of bounds.
    """
    ends = text.split("..")
    parts = ends if len(ends) == 2 else text.split(",")
    if not all(re.fullmatch(r"\s*\d{1,9}\s*", part) for part in parts):
        raise ValueError(must("lengths", "be written as 128..8192 or 100,1000", text))
    numbers = sorted({int(part) for part in parts})
    if not 1 <= numbers[0] <= numbers[-1] <= _LONGEST:
        raise ValueError(must("lengths", f"lie between 1 and {_LONGEST:,}", text))
    if len(ends) != 2:
        return tuple(numbers)
    if int(parts[0]) > int(parts[1]):
        raise ValueError(must("lengths", "go from short to long", text))
    found = [numbers[0]]
    while 2 * found[-1] <= numbers[-1]:
        found.append(2 * found[-1])
    return tuple(found)


def faster_from(points: Sequence[Point], control: Sequence[Spread]) -> int | None:
    """Give the shortest length from which on a plan is faster than attention by more than chance.

    Parameters
    ----------
    points
        Of the plan, from short to long.
    control
        Of each length.

    Returns
    -------
    int or None
        None where it is not so at the longest.
    """
    since = None
    for point, chance in zip(points, control, strict=True):
        beyond = max(chance.high, 1 / chance.low)
        if point.speed.low > 1 and point.speed.median > beyond:
            since = point.length if since is None else since
        else:
            since = None
    return since
