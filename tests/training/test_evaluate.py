"""Figures with intervals: the same as the meter's, and as wide as they should be."""

import numpy as np
import pytest
import torch
from scipy import stats

from spectrans.tasks import (
    Classification,
    MaskedLM,
    MultiLabel,
    Regression,
    Task,
    TokenClassification,
)
from spectrans.tasks.outcomes import outcomes_for
from spectrans.training.evaluate import wilson

CLASSES = ("a", "b", "c")
TASKS: list[tuple[Task, tuple[int, ...]]] = [
    (Classification(labels=CLASSES), (9, 3)),
    (MultiLabel(labels=CLASSES), (9, 3)),
    (Regression(labels=("x", "y"), mean=(1.0, 2.0), scale=(3.0, 0.5)), (9, 2)),
    (TokenClassification(labels=("B-X", "I-X", "O")), (9, 5, 3)),
    (TokenClassification(labels=CLASSES), (9, 5, 3)),
    (MaskedLM(mask=0, vocab_size=4), (9, 5, 4)),
]


def answered(task: Task, shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs, and targets that a task can have."""
    outputs = torch.randn(shape)
    if isinstance(task, Regression):
        return outputs, torch.randn(shape)
    if isinstance(task, MultiLabel):
        return outputs, torch.randint(0, 2, shape).float()
    targets = torch.randint(0, shape[-1], shape[:-1])
    if task.per_token:
        targets[:, 1] = -100
    return outputs, targets


@pytest.mark.parametrize(("task", "shape"), TASKS, ids=lambda value: getattr(value, "kind", ""))
def test_figures_are_those_of_the_meter(task: Task, shape: tuple[int, ...]) -> None:
    outputs, targets = answered(task, shape)
    meter, outcomes = task.meter(), outcomes_for(task, 9)
    meter.add(outputs, targets)
    rows = np.random.RandomState(0).permutation(9)
    outcomes.add(rows[:4], outputs[rows[:4]], targets[rows[:4]])
    outcomes.add(rows[4:], outputs[rows[4:]], targets[rows[4:]])
    assert outcomes.figures(np.ones(9)) == pytest.approx(meter.scores().values, rel=1e-5)


@pytest.mark.parametrize(("task", "shape"), TASKS, ids=lambda value: getattr(value, "kind", ""))
def test_a_weight_counts_a_row_so_often(task: Task, shape: tuple[int, ...]) -> None:
    outputs, targets = answered(task, shape)
    weights = np.array([0, 3, 1, 0, 2, 1, 0, 1, 1])
    again = np.repeat(np.arange(9), weights)
    outcomes, meter = outcomes_for(task, 9), task.meter()
    outcomes.add(np.arange(9), outputs, targets)
    meter.add(outputs[again], targets[again])
    found = outcomes.figures(weights.astype(np.float64))
    assert found == pytest.approx(meter.scores().values, rel=1e-5)


@pytest.mark.parametrize(("right", "rows"), [(0, 5), (5, 5), (81, 263), (1, 1)])
def test_wilson_is_scipys(right: int, rows: int) -> None:
    wanted = stats.binomtest(right, rows).proportion_ci(0.95, method="wilson")
    assert wilson(right / rows, rows) == pytest.approx((wanted.low, wanted.high), abs=1e-6)
