"""What plans take on rows of many lengths, beside attention and beside chance."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt

from spectrans.data.encoding import Bytes
from spectrans.errors import must
from spectrans.models import BaseModel
from spectrans.options import Options
from spectrans.tasks import Classification
from spectrans.training.batches import feed
from spectrans.training.memory import peak_memory
from spectrans.training.spec import RunSpec
from spectrans.training.stand import Shape

REFERENCE = "attention"
PLANS = (REFERENCE, "3xgfnet,attention", "gfnet", "wavelet", "fourier")
_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 200
# Passes that take this many seconds are measured three times.
_LONG = 4.0
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
    if not all(part.strip().isdecimal() for part in parts):
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


class _Arm:
    """A plan with a batch of rows, to be run again and again."""

    def __init__(self, spec: RunSpec, shape: Shape, setting: Setting) -> None:
        self.model: BaseModel = spec.build(shape).to(getattr(torch, setting.dtype))
        self.task = shape.task
        self.inputs = shape.encoding.stand_in(spec.batch_size, shape.max_length)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), fused=True)
        self.model.train(setting.backward)
        self.run = self._train if setting.backward else self._infer

    def seconds(self) -> float:
        """Run once."""
        start = time.perf_counter()
        self.run()
        return time.perf_counter() - start

    def _train(self) -> None:
        outputs = feed(self.model, self.inputs)
        self.task.loss(outputs.float(), self.task.stand_in(outputs)).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()

    def _infer(self) -> None:
        with torch.inference_mode():
            feed(self.model, self.inputs)


def measure_lengths(
    plans: Sequence[str],
    setting: Setting,
    watch: Callable[[int, list[Point], Spread], None] | None = None,
) -> Curves:
    """Time plans side by side at each length; attention twice, as its own control.

    Parameters
    ----------
    plans
        Layout strings.
    setting
        What to measure, and how.
    watch
        Told of each length once it is done: the length, a point for each plan, and the control.

    Returns
    -------
    Curves
        All times, and where each plan overtakes attention.

    Raises
    ------
    ValueError
        A plan that does not fit the setting.
    """
    for plan in (*plans, REFERENCE):
        _spec(plan, setting, 1)
    points: list[list[Point]] = [[] for _ in plans]
    control = []
    with _threads(setting.threads):
        for length in setting.lengths:
            found, chance = _at(length, plans, setting)
            for own, point in zip(points, found, strict=True):
                own.append(point)
            control.append(chance)
            if watch is not None:
                watch(length, found, chance)
    curves = [
        Curve(plan=plan, points=tuple(own), faster_from=faster_from(own, control))
        for plan, own in zip(plans, points, strict=True)
    ]
    return Curves(setting=setting, plans=tuple(curves), control=tuple(control))


def _spec(plan: str, setting: Setting, rows: int) -> RunSpec:
    return RunSpec(
        plan=plan,
        num_layers=setting.num_layers,
        hidden_dim=setting.hidden_dim,
        num_heads=setting.num_heads,
        batch_size=rows,
    )


def _at(length: int, plans: Sequence[str], setting: Setting) -> tuple[list[Point], Spread]:
    rows = max(1, setting.tokens // length)
    # The reference first, and last again.
    shape = Shape(Classification(labels=("no", "yes")), Bytes(), length)
    arms = [
        _Arm(_spec(plan, setting, rows), shape, setting) for plan in (REFERENCE, *plans, REFERENCE)
    ]
    reference, *own, again = _turns([arm.seconds for arm in arms], setting.seconds)
    peaks: list[int | None] = [None] * len(plans)
    if setting.memory:
        peaks = [*peak_memory([(_spec(plan, setting, rows), shape) for plan in plans])]
    found = [
        Point(
            length=length,
            rows=rows,
            milliseconds=Spread.of([1e3 * one for one in times]),
            tokens_per_second=rows * length / median(times),
            speed=_ratio(reference, times),
            memory=peak,
        )
        for times, peak in zip(own, peaks, strict=True)
    ]
    return found, _ratio(reference, again)


def _ratio(upper: Sequence[float], lower: Sequence[float]) -> Spread:
    """Give how many times longer the first took, round by round."""
    return Spread.of([a / b for a, b in zip(upper, lower, strict=True)])


def _turns(arms: Sequence[Callable[[], float]], seconds: float) -> list[list[float]]:
    """Time all arms, each once per round in random order, after a round to warm up.

    A slow moment of the machine hits all arms of a round, so ratios are taken within rounds.
    """
    warm = [arm() for arm in arms]
    fewest = 3 if max(warm) > _LONG else _FEWEST_ROUNDS
    order, shuffle = list(range(len(arms))), random.Random(0).shuffle
    taken: list[list[float]] = [[] for _ in arms]
    end = time.perf_counter() + seconds
    for number in range(_MOST_ROUNDS):
        if number >= fewest and time.perf_counter() > end:
            break
        shuffle(order)
        for place in order:
            taken[place].append(arms[place]())
    return taken


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


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
