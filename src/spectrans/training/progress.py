"""What a training run says while it runs, and how it says that it cannot go on."""

from collections.abc import Callable
from dataclasses import dataclass

from spectrans.tasks import Metric


class TrainingError(RuntimeError):
    """A run that cannot go on, with the reason in one sentence."""


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Parameters
    ----------
    step
        Optimiser steps done.
    total_steps
        Steps the run will take.
    loss
        Mean training loss since the last report.
    metric
        The figure that decides.
    validation
        Its latest value on the validation split; None before the first evaluation.
    tokens_per_second
        Tokens trained on per second so far, evaluations left out.
    seconds_left
        Estimate, evaluations included.
    """

    step: int
    total_steps: int
    loss: float
    metric: Metric
    validation: float | None
    tokens_per_second: float
    seconds_left: float


Watch = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """Watch nothing."""
