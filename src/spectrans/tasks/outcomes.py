"""What came out for each row, so that the figures of any choice of rows can be had."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from spectrans.tasks.base import Task
from spectrans.tasks.classification import Classification
from spectrans.tasks.multilabel import MultiLabel
from spectrans.tasks.regression import Regression
from spectrans.tasks.tokens import NO_LABEL, TokenClassification, entity_counts

Rows = Int64[np.ndarray, " b"]
Weights = Float64[np.ndarray, " rows"]


class Outcomes:
    """Takes the outputs for rows in any order.

    Parameters
    ----------
    task
        What is answered.
    rows
        How many rows there will be.
    """

    # Figures that are shares of rows, each of which is right or wrong.
    shares: ClassVar[tuple[str, ...]] = ()

    def __init__(self, task: Task, rows: int) -> None:
        self.task = task
        # Mean loss of each row.
        self.losses = np.zeros(rows)

    def add(self, rows: Rows, outputs: Tensor, targets: Tensor) -> None:
        """Take the outputs for some rows."""
        raise NotImplementedError

    def figures(self, weights: Weights) -> dict[str, float]:
        """Give the figures of the task, each row counted as often as its weight says."""
        raise NotImplementedError


class ClassOutcomes(Outcomes):
    """One class for each row."""

    shares: ClassVar[tuple[str, ...]] = ("accuracy",)

    def __init__(self, task: Task, rows: int) -> None:
        super().__init__(task, rows)
        self.true, self.answered = np.zeros((2, rows), dtype=np.int64)

    def add(self, rows: Rows, outputs: Tensor, targets: Tensor) -> None:
        """Take the outputs for some rows."""
        self.true[rows] = targets.numpy()
        self.answered[rows] = outputs.argmax(-1).numpy()
        self.losses[rows] = cross_entropy(outputs, targets, reduction="none").numpy()

    def figures(self, weights: Weights) -> dict[str, float]:
        """Give accuracy, macro F1 and loss."""
        found = _of_classes(self.true, self.answered, weights, len(self.task.labels))
        return {**found, "loss": float(np.average(self.losses, weights=weights))}


class TokenOutcomes(Outcomes):
    """A class for each token that has a label."""

    def __init__(self, task: Task, rows: int) -> None:
        super().__init__(task, rows)
        self.events: list[np.ndarray] = []
        self.entities = np.zeros((3, rows), dtype=np.int64)
        self.sums, self.counts = np.zeros((2, rows))

    def add(self, rows: Rows, outputs: Tensor, targets: Tensor) -> None:
        """Take the outputs for some rows."""
        assert isinstance(self.task, TokenClassification)
        asked = targets != NO_LABEL
        owners = np.repeat(rows, asked.sum(1).numpy())
        losses = cross_entropy(outputs[asked], targets[asked], reduction="none").numpy()
        answered = outputs.argmax(-1)
        self.events.append(np.stack([owners, targets[asked].numpy(), answered[asked].numpy()]))
        np.add.at(self.sums, owners, losses)
        np.add.at(self.counts, owners, 1)
        self.losses[rows] = self.sums[rows] / self.counts[rows].clip(min=1)
        if self.task.has_entities:
            for row, answer, target in zip(rows, answered, targets, strict=True):
                self.entities[:, row] = entity_counts(self.task.labels, answer, target)

    def figures(self, weights: Weights) -> dict[str, float]:
        """Give the figures of tokens, and of entities where tags make some."""
        assert isinstance(self.task, TokenClassification)
        owners, true, answered = np.concatenate(self.events, axis=1)
        each = weights[owners]
        found = _of_classes(true, answered, each, len(self.task.labels))
        loss = float(self.sums @ weights / max(1.0, self.counts @ weights))
        entities = {}
        if self.task.has_entities:
            right, wanted, given = self.entities @ weights
            entities["entity_f1"] = float(2 * right / max(1.0, wanted + given))
        return {**entities, **found, "loss": loss}


class MultiLabelOutcomes(Outcomes):
    """Any of several classes for each row."""

    shares: ClassVar[tuple[str, ...]] = ("exact",)

    def __init__(self, task: Task, rows: int) -> None:
        super().__init__(task, rows)
        self.true, self.answered = np.zeros((2, rows, len(task.labels)), dtype=np.float32)

    def add(self, rows: Rows, outputs: Tensor, targets: Tensor) -> None:
        """Take the outputs for some rows."""
        self.true[rows], self.answered[rows] = targets.numpy(), (outputs >= 0).numpy()
        wanted = targets.to(outputs.dtype)
        each = binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
        self.losses[rows] = each.mean(-1).numpy()

    def figures(self, weights: Weights) -> dict[str, float]:
        """Give micro F1, macro F1, rows that are all right, and loss."""
        true, answered = weights @ self.true, weights @ self.answered
        right = weights @ (self.true * self.answered)
        exact = (self.true == self.answered).all(axis=1)
        return {
            "micro_f1": float(2 * right.sum() / max(1.0, (true + answered).sum())),
            "macro_f1": _macro_f1(true, answered, right),
            "exact": float(np.average(exact, weights=weights)),
            "loss": float(np.average(self.losses, weights=weights)),
        }


class RegressionOutcomes(Outcomes):
    """Numbers for each row."""

    def __init__(self, task: Task, rows: int) -> None:
        super().__init__(task, rows)
        self.true, self.wrong = np.zeros((2, rows, len(task.labels)))

    def add(self, rows: Rows, outputs: Tensor, targets: Tensor) -> None:
        """Take the outputs for some rows."""
        self.true[rows] = targets.double().numpy()
        self.wrong[rows] = (outputs.double() - targets.double()).numpy()
        self.losses[rows] = np.square(self.wrong[rows]).mean(axis=1)

    def figures(self, weights: Weights) -> dict[str, float]:
        """Give R², errors in the units of the numbers, and loss."""
        assert isinstance(self.task, Regression)
        scale, total = np.array(self.task.scale), weights.sum()
        mean = weights @ self.true / total
        varies = weights @ np.square(self.true - mean)
        squares, absolute = weights @ np.square(self.wrong), weights @ np.abs(self.wrong)
        r2 = np.where(varies > 0, 1 - squares / np.where(varies > 0, varies, 1), 0)
        return {
            "r2": float(r2.mean()),
            "rmse": float((scale * np.sqrt(squares / total)).mean()),
            "mae": float((scale * absolute / total).mean()),
            "loss": float((squares / total).mean()),
        }


class MaskedOutcomes(Outcomes):
    """Hidden tokens of each row."""

    def __init__(self, task: Task, rows: int) -> None:
        super().__init__(task, rows)
        self.sums, self.counts, self.right = np.zeros((3, rows))

    def add(self, rows: Rows, outputs: Tensor, targets: Tensor) -> None:
        """Take the outputs for some rows."""
        asked = targets != NO_LABEL
        owners = np.repeat(rows, asked.sum(1).numpy())
        losses = cross_entropy(outputs[asked], targets[asked], reduction="none").numpy()
        right = (outputs.argmax(-1) == targets)[asked].numpy()
        for sums, values in ((self.sums, losses), (self.counts, 1), (self.right, right)):
            np.add.at(sums, owners, values)
        self.losses[rows] = self.sums[rows] / self.counts[rows].clip(min=1)

    def figures(self, weights: Weights) -> dict[str, float]:
        """Give perplexity, accuracy and loss."""
        count = max(1.0, float(self.counts @ weights))
        loss = float(self.sums @ weights) / count
        with np.errstate(over="ignore"):
            perplexity = float(np.exp(np.float64(loss)))
        accuracy = float(self.right @ weights) / count
        return {"perplexity": perplexity, "accuracy": accuracy, "loss": loss}


def outcomes_for(task: Task, rows: int) -> Outcomes:
    """Give what takes the outputs of a task."""
    kinds: dict[type[Task], type[Outcomes]] = {
        Classification: ClassOutcomes,
        TokenClassification: TokenOutcomes,
        MultiLabel: MultiLabelOutcomes,
        Regression: RegressionOutcomes,
    }
    return kinds.get(type(task), MaskedOutcomes)(task, rows)


def _of_classes(
    true: np.ndarray, answered: np.ndarray, weights: np.ndarray, classes: int
) -> dict[str, float]:
    right = true == answered
    counts = [
        np.bincount(index, weights=share, minlength=classes)
        for index, share in ((true, weights), (answered, weights), (true[right], weights[right]))
    ]
    accuracy = float(counts[2].sum() / max(1.0, weights.sum()))
    return {"accuracy": accuracy, "macro_f1": _macro_f1(*counts)}


def _macro_f1(true: np.ndarray, answered: np.ndarray, right: np.ndarray) -> float:
    """Give the mean F1 of the classes that occur or are answered."""
    either = true + answered
    seen = either > 0
    return float((2 * right[seen] / either[seen]).mean()) if seen.any() else 0.0
