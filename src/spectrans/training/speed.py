"""What a plan costs: tokens per second in training and inference, memory, parameters, FLOPs."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from spectrans.options import Options
from spectrans.training.memory import peak_memory
from spectrans.training.spec import Described, RunSpec
from spectrans.training.stand import Shape, Stand

FEWEST_ROUNDS = 3
MOST_ROUNDS = 30
# Of a batch in which the cost of one row is measured: fewer are lost in what a call costs.
TOKENS = 2048


class Cost(Options):
    """What one plan costs on this machine, on one thread, in float32.

    Parameters
    ----------
    inference_tokens_per_second
        Median over rounds.
    training_tokens_per_second
        Of forward pass, backward pass and optimiser step; median over rounds.
    peak_memory
        Bytes that a training step takes at its peak, see `spectrans.training.memory`.
    parameters
        Numbers that training changes.
    flops_per_token
        Of the blocks in a forward pass, on a longest row.
    rounds
        Measurements behind the medians.
    """

    inference_tokens_per_second: PositiveFloat
    training_tokens_per_second: PositiveFloat
    peak_memory: NonNegativeInt
    parameters: PositiveInt
    flops_per_token: NonNegativeFloat
    rounds: PositiveInt


def measure(specs: Sequence[RunSpec], data: Described, seconds: float = 6.0) -> list[Cost]:
    """Measure the cost of plans side by side, on batches of longest rows.

    Parameters
    ----------
    specs
        One run of each plan, all with one batch size.
    data
        Says how long rows are.
    seconds
        About how long to measure speed; three rounds are done in any case.

    Returns
    -------
    list of Cost
        In the order of `specs`.
    """
    shape = Shape.of(data)
    with _one_thread():
        stands = [Stand(spec, shape) for spec in specs]
        inference, training = _times(stands, seconds)
    memory = peak_memory([(spec, shape) for spec in specs])
    costs = []
    for number, (stand, peak) in enumerate(zip(stands, memory, strict=True)):
        summary = stand.model.summary(shape.max_length)
        costs.append(
            Cost(
                inference_tokens_per_second=stand.tokens / median(inference[number]),
                training_tokens_per_second=stand.tokens / median(training[number]),
                peak_memory=peak,
                parameters=summary.parameters,
                flops_per_token=summary.flops / shape.max_length,
                rounds=len(inference[number]),
            )
        )
    return costs


class LengthCost(Options):
    """What one plan costs on rows of one length, on one thread, in float32.

    Parameters
    ----------
    length
        Tokens of a row.
    milliseconds
        Of inference for one row, in a batch; median over rounds.
    memory
        Bytes of a training step for one row, in a batch, at its peak.
    """

    length: PositiveInt
    milliseconds: PositiveFloat
    memory: NonNegativeInt


def usual_lengths(longest: int) -> tuple[int, ...]:
    """Give lengths from a half of the longest row to four times it."""
    return tuple(sorted({max(1, longest // 2), *(k * longest for k in (1, 2, 4))}))


def measure_lengths(
    specs: Sequence[RunSpec], data: Described, lengths: Sequence[int], seconds: float = 4.0
) -> list[tuple[LengthCost, ...]]:
    """Measure plans side by side on rows of several lengths, each model made for the length.

    Parameters
    ----------
    specs
        One run of each plan.
    data
        Says what tokens and answers are.
    lengths
        Tokens of a row, each at least 1.
    seconds
        About how long to measure speed; three rounds of each length are done in any case.

    Returns
    -------
    list of tuple of LengthCost
        For each plan, in the order of `specs`, its costs in the order of `lengths`.
    """
    shapes = [
        Shape(data.task, data.encoding, length, rows=max(1, TOKENS // length)) for length in lengths
    ]
    times = []
    for shape in shapes:
        with _one_thread():
            stands = [Stand(spec, shape) for spec in specs]
            found = _rounds([stand.infer for stand in stands], seconds / len(shapes))
        times.append(
            [1e3 * median(row) / stand.rows for row, stand in zip(found, stands, strict=True)]
        )
    cases = [(spec, shape) for spec in specs for shape in shapes]
    peaks = iter(peak_memory(cases))
    return [
        tuple(
            LengthCost(
                length=shape.max_length,
                milliseconds=times[column][row],
                memory=next(peaks) // (shape.rows or 1),
            )
            for column, shape in enumerate(shapes)
        )
        for row in range(len(specs))
    ]


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _rounds(actions: Sequence[Callable[[], None]], seconds: float) -> list[list[float]]:
    """Time actions in turns, after a round that warms up."""
    times: list[list[float]] = [[] for _ in actions]
    end = time.perf_counter() + seconds
    # Turns: a machine that slows down slows all of them.
    for number in range(MOST_ROUNDS + 1):
        if number > FEWEST_ROUNDS and time.perf_counter() > end:
            break
        for action, row in zip(actions, times, strict=True):
            passed = _seconds(action)
            if number:
                row.append(passed)
    return times


def _times(stands: Sequence[Stand], seconds: float) -> tuple[list[list[float]], list[list[float]]]:
    """Time inference and training of every stand, in turns, after a warm-up round."""
    actions = [action for stand in stands for action in (stand.infer, stand.train)]
    times = _rounds(actions, seconds)
    return times[::2], times[1::2]


def _seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
