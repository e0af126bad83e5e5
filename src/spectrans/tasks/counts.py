"""Right and wrong answers by class."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float32, Int64, Integer
from torch import Tensor

from spectrans.errors import must
from spectrans.tasks.base import ClassScore, Labels, Scores, Task

AnyTask = TypeVar("AnyTask", bound=Task)


def refuse_few(task: AnyTask) -> AnyTask:
    """Refuse a task with fewer than two classes."""
    if len(task.labels) < 2:
        raise ValueError(must("labels", "name at least 2 classes", task.labels))
    return task


def refuse_form(name: str, labels: Labels, axes: int, kind: type) -> None:
    """Refuse labels that are no array with these axes and this type."""
    found = type(labels).__name__
    if isinstance(labels, np.ndarray):
        if labels.ndim == axes and labels.dtype == kind:
            return
        found = f"{labels.ndim}-D {labels.dtype}"
    raise ValueError(must(f"{name}.labels", f"be a {axes}-D {kind.__name__} array", found))


def refuse_labels(name: str, labels: Integer[np.ndarray, " rows"], classes: int) -> None:
    """Refuse the first label that is no index of a class, naming its row."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        row = int(wrong[0])
        rule = f"be between 0 and {classes - 1}"
        raise ValueError(must(f"{name}.labels[{row}]", rule, int(labels[row])))


def balanced(counts: Int64[Tensor, " classes"]) -> Float32[Tensor, " classes"]:
    """Give each class a weight of one over its share; the mean over what was counted is 1."""
    return (counts.sum() / (len(counts) * counts.clamp(min=1))).float()


class ClassCounts:
    """How often each class was true, answered, and both.

    Parameters
    ----------
    labels
        Names of the classes.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = labels
        self.true, self.answered, self.right = torch.zeros(3, len(labels), dtype=torch.int64)

    @property
    def total(self) -> int:
        """Answers that were counted."""
        return int(self.true.sum())

    def add(self, answers: Int64[Tensor, " n"], targets: Int64[Tensor, " n"]) -> None:
        """Count answers that name one class each."""
        classes = len(self.labels)
        answers, targets = answers.cpu(), targets.cpu()
        self.true += torch.bincount(targets, minlength=classes)
        self.answered += torch.bincount(answers, minlength=classes)
        self.right += torch.bincount(targets[answers == targets], minlength=classes)

    def classes(self) -> tuple[ClassScore, ...]:
        """Judge each class by itself."""
        counts = zip(
            self.labels,
            self.true.tolist(),
            self.answered.tolist(),
            self.right.tolist(),
            strict=True,
        )
        return tuple(
            ClassScore(
                label=label,
                precision=right / answered if answered else 0.0,
                recall=right / true if true else 0.0,
                f1=2 * right / (true + answered) if true + answered else 0.0,
                rows=true,
            )
            for label, true, answered, right in counts
        )

    def macro_f1(self) -> float:
        """Give the mean F1 of the classes that occur or are answered."""
        seen = (self.true + self.answered) > 0
        f1 = 2 * self.right / (self.true + self.answered).clamp(min=1)
        return float(f1[seen].mean()) if seen.any() else 0.0

    def scores(self, loss: float) -> Scores:
        """Give accuracy, macro F1 and every class, beside a loss."""
        accuracy = int(self.right.sum()) / max(1, self.total)
        values = {"accuracy": accuracy, "macro_f1": self.macro_f1(), "loss": loss}
        return Scores(values=values, classes=self.classes())
