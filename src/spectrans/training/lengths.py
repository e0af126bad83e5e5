"""What plans take on rows of many lengths, beside attention and beside chance."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import torch

from spectrans.data.encoding import Bytes
from spectrans.models import BaseModel
from spectrans.tasks import Classification
from spectrans.training.batches import feed
from spectrans.training.crossover import (
    REFERENCE,
    Curve,
    Curves,
    Point,
    Setting,
    Spread,
    faster_from,
)
from spectrans.training.memory import peak_memory
from spectrans.training.spec import Described, RunSpec
from spectrans.training.speed import TOKENS
from spectrans.training.stand import Shape

_FEWEST_ROUNDS, _MOST_ROUNDS = 5, 200
# Passes that take this many seconds are measured three times.
_LONG = 4.0


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


def latency(spec: RunSpec, data: Described, seconds: float) -> Spread:
    """Measure how long a plan takes for the longest rows, in times of attention of the same size.

    Parameters
    ----------
    spec
        Plan and sizes.
    data
        What a token is, and how many a row has.
    seconds
        About how long to measure; five rounds are done in any case.

    Returns
    -------
    Spread
        Of inference on one thread in float32, in turns with attention, round by round; 1 for
        attention itself.
    """
    if spec.plan == REFERENCE:
        return Spread(median=1.0, low=1.0, high=1.0)
    setting = Setting(lengths=(data.max_length,), tokens=TOKENS)
    rows = max(1, setting.tokens // data.max_length)
    shape = Shape(data.task, data.encoding, data.max_length)
    arms = [
        _Arm(spec.model_copy(update={"plan": plan, "batch_size": rows}), shape, setting)
        for plan in (spec.plan, REFERENCE)
    ]
    with _threads(1):
        own, reference = _turns([arm.seconds for arm in arms], seconds)
    return _ratio(own, reference)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
