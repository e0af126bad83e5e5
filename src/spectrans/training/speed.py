"""What a plan costs: tokens per second in training and inference, memory, parameters, FLOPs."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from spectrans.data import Dataset
from spectrans.options import Options
from spectrans.training.memory import peak_memory
from spectrans.training.spec import RunSpec
from spectrans.training.stand import Stand

FEWEST_ROUNDS = 3
MOST_ROUNDS = 30


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


def measure(specs: Sequence[RunSpec], dataset: Dataset, seconds: float = 6.0) -> list[Cost]:
    """Measure the cost of plans side by side, on batches of longest rows.

    Parameters
    ----------
    specs
        One run of each plan, all with one batch size.
    dataset
        Says how long rows are.
    seconds
        About how long to measure speed; three rounds are done in any case.

    Returns
    -------
    list of Cost
        In the order of `specs`.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        stands = [Stand(spec, dataset) for spec in specs]
        inference, training = _times(stands, seconds)
    finally:
        torch.set_num_threads(threads)
    memory = peak_memory(specs, dataset)
    costs = []
    for number, (stand, peak) in enumerate(zip(stands, memory, strict=True)):
        summary = stand.model.summary(dataset.max_length)
        costs.append(
            Cost(
                inference_tokens_per_second=stand.tokens / median(inference[number]),
                training_tokens_per_second=stand.tokens / median(training[number]),
                peak_memory=peak,
                parameters=summary.parameters,
                flops_per_token=summary.flops / dataset.max_length,
                rounds=len(inference[number]),
            )
        )
    return costs


def _times(stands: Sequence[Stand], seconds: float) -> tuple[list[list[float]], list[list[float]]]:
    """Time inference and training of every stand, in turns, after a warm-up round."""
    inference: list[list[float]] = [[] for _ in stands]
    training: list[list[float]] = [[] for _ in stands]
    end = time.perf_counter() + seconds
    # Turns: a machine that slows down slows all plans. The first round warms up.
    for number in range(MOST_ROUNDS + 1):
        if number > FEWEST_ROUNDS and time.perf_counter() > end:
            break
        for stand, infer, train in zip(stands, inference, training, strict=True):
            passed = _seconds(stand.infer), _seconds(stand.train)
            if number:
                infer.append(passed[0])
                train.append(passed[1])
    return inference, training


def _seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
