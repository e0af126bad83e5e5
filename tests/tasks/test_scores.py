"""The figures of every task, beside what their definitions give."""

import math

import numpy as np
import pytest
import torch

from spectrans.sequences import Sequences
from spectrans.tasks import MaskedLM, MultiLabel, Regression, Task, TokenClassification
from spectrans.tasks.tokens import NO_LABEL

RANDOM = np.random.RandomState(0)


def measured(task: Task, outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """The figures of two batches of unequal size."""
    meter = task.meter()
    meter.add(outputs[:3], targets[:3])
    meter.add(outputs[3:], targets[3:])
    return meter.scores().values


def test_multi_label_figures_follow_from_the_counts_of_each_class() -> None:
    task = MultiLabel(labels=("a", "b", "c"))
    true = RANDOM.randint(0, 2, (9, 3)).astype(np.uint8)
    logits = torch.from_numpy(RANDOM.randn(9, 3))
    found = measured(task, logits, task.targets(list(true), 1))
    said = (logits.sigmoid() >= 0.5).numpy()
    right, either = (said & (true > 0)).sum(0), said.sum(0) + true.sum(0)
    assert found["micro_f1"] == pytest.approx(2 * right.sum() / either.sum())
    assert found["macro_f1"] == pytest.approx((2 * right / either).mean())
    assert found["exact"] == (said == (true > 0)).all(1).mean()
    assert found["loss"] == pytest.approx(task.loss(logits, torch.from_numpy(true)).item())


def test_regression_figures_are_in_the_units_of_the_numbers() -> None:
    true = RANDOM.randn(9, 2) * [3, 500] + [1, -2000]
    mean, scale = true.mean(0), true.std(0)
    task = Regression(labels=("x", "y"), mean=mean.tolist(), scale=scale.tolist())
    outputs = torch.from_numpy(RANDOM.randn(9, 2))
    found = measured(task, outputs, task.targets(list(true), 1))
    wrong = task.answers(outputs).numpy() - true
    assert found["rmse"] == pytest.approx(np.sqrt((wrong**2).mean(0)).mean(), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(wrong).mean(), rel=1e-5)
    r2 = 1 - (wrong**2).sum(0) / ((true - true.mean(0)) ** 2).sum(0)
    assert found["r2"] == pytest.approx(r2.mean(), rel=1e-5)


def test_the_mean_has_an_r2_of_zero() -> None:
    true = RANDOM.randn(9, 1)
    task = Regression(labels=("x",), mean=(0.5,), scale=(2.0,))
    name, output = task.constant(true)
    found = measured(task, output.expand(9, 1), task.targets(list(true), 1))
    assert name == "mean"
    assert found["r2"] == pytest.approx(0, abs=1e-5)


LABELS = [np.array(row, dtype=np.int32) for row in ([0, -100, 1], [2, 2], [-100], [1, 0, 0, 2])]
TOKENS = TokenClassification(labels=("O", "PER", "LOC"))


def test_tokens_without_a_label_count_for_nothing() -> None:
    targets = TOKENS.targets(list(LABELS), 5)
    outputs = torch.from_numpy(RANDOM.randn(4, 5, 3))
    found = measured(TOKENS, outputs, targets)
    asked = targets != NO_LABEL
    assert int(asked.sum()) == 8
    assert found["accuracy"] == (outputs[asked].argmax(-1) == targets[asked]).double().mean()
    changed = torch.where(asked[..., None], outputs, outputs + 100 * torch.randn(4, 5, 3))
    assert measured(TOKENS, changed, targets) == found
    assert TOKENS.loss(changed, targets).item() == pytest.approx(found["loss"])


def test_a_batch_without_any_label_has_a_loss_of_zero() -> None:
    outputs = torch.randn(1, 2, 3, requires_grad=True)
    loss = TOKENS.loss(outputs, torch.full((1, 2), NO_LABEL))
    loss.backward()
    assert loss.item() == 0
    assert outputs.grad is not None
    assert outputs.grad.abs().max() == 0


def test_the_shares_of_classes_of_tokens_are_those_of_labelled_ones() -> None:
    name, outputs = TOKENS.constant(Sequences.of(LABELS))
    assert name == "majority class"
    torch.testing.assert_close(outputs.exp(), torch.tensor([3 / 8, 2 / 8, 3 / 8]).double())


@pytest.mark.parametrize("kind", [np.uint8, np.int32])
def test_hidden_tokens_are_asked_and_others_are_not(kind: type) -> None:
    task = MaskedLM(mask=0, vocab_size=256)
    tokens: np.ndarray = RANDOM.randint(1, 256, 20_000).astype(kind)
    shown, label = task.ask(tokens, None, np.random.RandomState(0))
    asked = label != NO_LABEL
    assert asked.mean() == pytest.approx(0.15, abs=0.01)
    assert (label[asked] == tokens[asked]).all()
    assert (shown[~asked] == tokens[~asked]).all()
    assert (shown[asked] == 0).mean() == pytest.approx(0.8, abs=0.03)
    assert (shown[asked] == tokens[asked]).mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_short_row_has_something_hidden(length: int) -> None:
    task = MaskedLM(mask=0, vocab_size=9)
    rows = [task.ask(np.ones(length), None, np.random.RandomState(k))[1] for k in range(30)]
    assert min(int((row != NO_LABEL).sum()) for row in rows) == 1


def test_perplexity_is_the_exponential_of_the_loss() -> None:
    task = MaskedLM(mask=0, vocab_size=7)
    outputs = torch.zeros(4, 2, 7)
    found = measured(task, outputs, torch.tensor([[1, -100]] * 4))
    assert found["perplexity"] == pytest.approx(7)
    assert found["loss"] == pytest.approx(math.log(7))
