"""Arms that take turns, and what their times say."""

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# A sample lasts at least this long, or the clock and the pipe would be part of it.
_SAMPLE = 0.01
_FEWEST, _MOST = 5, 200
# With samples this long three rounds must do, and two in a case that is slow.
_LONG = 4.0

Arm = Callable[[int], float]


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, and between which two eight in ten of them lie."""

    median: float
    low: float
    high: float


def take_turns(
    arms: Mapping[str, Arm], seconds: float, slow: bool = False
) -> dict[str, list[float]]:
    """Time all arms for about so long, each once per round in random order.

    A slow moment of the machine hits all arms of a round, so ratios are taken within rounds. What
    is slow gets two rounds and no warm-up.
    """
    repeats = dict.fromkeys(arms, 1) if slow else {n: _warmed_up(arm) for n, arm in arms.items()}
    shuffle, order = random.Random(0).shuffle, list(arms)
    times: dict[str, list[float]] = {name: [] for name in arms}
    end = time.perf_counter() + seconds
    for number in range(_MOST):
        longest = max((t[0] for t in times.values() if t), default=0.0)
        fewest = 2 if slow else 3 if longest > _LONG else _FEWEST
        if number >= fewest and time.perf_counter() > end:
            break
        shuffle(order)
        for name in order:
            times[name].append(arms[name](repeats[name]))
    return times


def _warmed_up(arm: Arm) -> int:
    """Run an arm once or twice; give how many runs make a sample."""
    first = arm(1)
    return 1 if first > 100 * _SAMPLE else math.ceil(_SAMPLE / arm(1))


def spread(values: list[float]) -> Spread:
    """Give median and spread."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, *_, high = statistics.quantiles(values, n=10, method="inclusive")
    return Spread(statistics.median(values), low, high)


def ratio(upper: list[float], lower: list[float]) -> Spread:
    """Give how many times longer the first took, round by round."""
    return spread([a / b for a, b in zip(upper, lower, strict=True)])


def slower(found: Spread, control: Spread, limit: float = 1.15) -> bool:
    """Say whether a slow-down is beyond the limit and beyond what the control does by chance."""
    chance = max(control.high, 1 / control.low)
    return found.median > max(limit, chance)
