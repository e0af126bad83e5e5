"""Weights that make all classes count alike."""

import numpy as np
import pytest
import torch

from spectrans.sequences import Sequences
from spectrans.tasks import Classification, MultiLabel, Regression, TokenClassification

NAMES = ("a", "b", "c")
RARE = np.array([0, 0, 0, 0, 1, 1, 2], dtype=np.int64)


def shares(losses: list[float]) -> None:
    """All classes have the same part in the loss, and the mean weight is 1."""
    assert losses == pytest.approx([losses[0]] * len(losses))


def test_every_class_has_the_same_part_in_the_loss() -> None:
    task, outputs = Classification(labels=NAMES), torch.zeros(7, 3)
    weights = task.balance(RARE)
    each = [
        float(task.loss(outputs[k == RARE], torch.from_numpy(RARE[k == RARE]), weights, torch.tensor(7)))
        for k in range(3)
    ]  # fmt: skip
    shares(each)
    plain = task.loss(outputs, torch.from_numpy(RARE))
    assert sum(each) == pytest.approx(float(plain))


def test_tokens_without_a_label_count_for_nothing() -> None:
    task = TokenClassification(labels=NAMES)
    labels = Sequences.of([np.append(RARE, -100).astype(np.int32)])
    torch.testing.assert_close(task.balance(labels), Classification(labels=NAMES).balance(RARE))


def test_of_each_class_rows_with_it_and_without_it_have_the_same_part() -> None:
    task = MultiLabel(labels=("a", "b"))
    labels = np.array([[1, 0], [0, 0], [0, 1], [0, 1]], dtype=np.uint8)
    weights = task.balance(labels)
    present = torch.from_numpy(labels).bool()
    each = torch.where(present, weights[1], weights[0])
    assert torch.equal((each * present).sum(0), (each * ~present).sum(0))
    loss = task.loss(torch.zeros(4, 2), torch.from_numpy(labels), weights)
    assert float(loss) == pytest.approx(np.log(2), rel=1e-5)


def test_numbers_cannot_be_balanced() -> None:
    task = Regression(labels=("x",), mean=(0.0,), scale=(1.0,))
    with pytest.raises(ValueError, match="class_weights must be left out for regression"):
        task.balance(np.zeros((2, 1)))
