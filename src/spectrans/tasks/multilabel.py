"""Any number of several classes for each row."""

import re
from collections import Counter
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from pydantic import Strict, model_validator
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from spectrans.errors import must
from spectrans.spill import Growing
from spectrans.tasks.base import ClassScore, Labels, Meter, Metric, Scores, Task
from spectrans.tasks.classes import Classes
from spectrans.tasks.collector import Collector, Matched, Place, fault
from spectrans.tasks.counts import balanced, refuse_few, refuse_form

MOST_CLASSES = 1_000
# What stands between the classes of a row in a table.
SEPARATORS = re.compile(r"[|;,]")
# Probability from which a class is part of the answer.
THRESHOLD = 0.5


class MultiLabel(Task):
    """Any number of classes for each row, none included.

    Parameters
    ----------
    kind
        Name of this task.
    labels
        The classes in the order of their indices, at least two.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(name="micro_f1", title="micro F1"),
        Metric(name="macro_f1", title="macro F1"),
        Metric(name="exact", title="rows all right"),
    )

    kind: Literal["multi-label"] = "multi-label"
    labels: Annotated[tuple[str, ...], Strict(False)]

    _check = model_validator(mode="after")(refuse_few)

    def describe(self) -> str:
        """Say how many classes there are."""
        return f"with any of {len(self.labels)} classes"

    def head(self) -> dict[str, Any]:
        """Give a head with a number for each class."""
        return {
            "output_type": "classification",
            "num_classes": len(self.labels),
            "pooling": "mean",
        }

    def check(self, name: str, labels: Labels, lengths: Int64[np.ndarray, " rows"]) -> None:
        """Refuse labels that are no table of 0 and 1 with a column for each class."""
        refuse_form(name, labels, 2, np.uint8)
        assert isinstance(labels, np.ndarray)
        if labels.shape[1] != len(self.labels):
            rule = f"have {len(self.labels)} columns"
            raise ValueError(must(f"{name}.labels", rule, labels.shape[1]))
        if labels.max(initial=0) > 1:
            raise ValueError(must(f"{name}.labels", "hold 0 and 1", int(labels.max())))

    def targets(self, labels: list[Any], length: int) -> Float32[Tensor, "b classes"]:
        """Give 1 for every class that a row has."""
        return torch.from_numpy(np.stack(labels)).float()

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        items: Tensor | None = None,
    ) -> Tensor:
        """Give the mean binary cross entropy over rows and classes."""
        targets = targets.to(outputs.dtype)
        each = None if weights is None else torch.where(targets > 0, weights[1], weights[0])
        total = binary_cross_entropy_with_logits(outputs, targets, each, reduction="sum")
        return total / (targets.numel() if items is None else items)

    def balance(self, labels: Labels) -> Tensor:
        """Weigh, for each class, the rows without it and the rows with it alike."""
        assert isinstance(labels, np.ndarray)
        present = torch.from_numpy(labels.sum(axis=0, dtype=np.int64))
        both = torch.stack([len(labels) - present, present])
        return torch.stack([balanced(pair) for pair in both.unbind(1)], 1)

    def meter(self) -> "MultiLabelMeter":
        """Give a meter of F1 and of rows that are all right."""
        return MultiLabelMeter(self)

    def constant(self, labels: Labels) -> tuple[str, Tensor]:
        """Answer with the share of every class."""
        assert isinstance(labels, np.ndarray)
        rows = len(labels)
        counts = torch.from_numpy(labels.sum(axis=0, dtype=np.int64)).double()
        # A class that all rows have, or none, gets no loss without bound.
        return "shares of classes", torch.logit(counts.clamp(0.5, max(0.5, rows - 0.5)) / rows)

    def strata(self, labels: Labels) -> tuple[Int64[np.ndarray, " rows"], tuple[str, ...]]:
        """Give the sets of classes that rows have: every split has its share of each."""
        assert isinstance(labels, np.ndarray)
        _, found = np.unique(labels, axis=0, return_inverse=True)
        return found.reshape(-1), ()

    def answers(self, outputs: Tensor) -> Tensor:
        """Give the probability of every class."""
        return outputs.sigmoid()

    def answer(self, row: Float[np.ndarray, "..."], top: int) -> dict[str, Any]:
        """Give the classes above one half, and the likeliest few with their probabilities."""
        order = np.argsort(-row, kind="stable")
        likely = {self.labels[k]: float(row[k]) for k in order[:top]}
        return {"labels": self.chosen(row, dict.fromkeys(self.labels, THRESHOLD)), "top": likely}

    def chosen(self, row: Float[np.ndarray, " classes"], limits: dict[str, float]) -> list[str]:
        """Give the classes that reach their limits.

        Parameters
        ----------
        row
            Probability of every class.
        limits
            Of every class the probability from which it is chosen.

        Returns
        -------
        list of str
            Classes, the likeliest first.
        """
        order = np.argsort(-row, kind="stable")
        return [self.labels[k] for k in order if row[k] >= limits[self.labels[k]]]

    def show(self, answer: dict[str, Any]) -> str:
        """Write the classes of the answer, and the likeliest with their probabilities."""
        likely = "  ".join(f"{label} {share:.2f}" for label, share in answer["top"].items())
        shown = f"{', '.join(answer['labels']) or 'none'}  ({likely})"
        if "truth" not in answer:
            return shown
        right = set(answer["truth"]) == set(answer["labels"])
        truth = ", ".join(answer["truth"]) or "none"
        return f"{shown}  ({'right' if right else f'wrong, it is {truth}'})"

    def truth(self, label: Any) -> list[str]:
        """Give the names of the classes of a row."""
        return [self.labels[k] for k in np.flatnonzero(label)]

    def stand_in(self, outputs: Tensor) -> Tensor:
        """Make up rows without a class."""
        return torch.zeros_like(outputs)


class MultiLabelMeter(Meter):
    """Micro F1, macro F1, rows that are all right, loss and every class.

    Parameters
    ----------
    task
        Its classes.
    """

    def __init__(self, task: MultiLabel) -> None:
        self.labels = task.labels
        self.true, self.answered, self.right = torch.zeros(3, len(task.labels), dtype=torch.int64)
        self.loss, self.rows, self.exact = 0.0, 0, 0

    def add(self, outputs: Float[Tensor, "b classes"], targets: Float[Tensor, "b classes"]) -> None:
        """Count a batch."""
        each = binary_cross_entropy_with_logits(
            outputs, targets.to(outputs.dtype), reduction="none"
        )
        self.loss += each.mean(-1).sum().item()
        # A logit of 0 is a probability of one half.
        answers, true = (outputs >= 0).cpu(), targets.bool().cpu()
        self.rows += len(true)
        self.exact += int((answers == true).all(-1).sum())
        self.true += true.sum(0)
        self.answered += answers.sum(0)
        self.right += (answers & true).sum(0)

    def scores(self) -> Scores:
        """Judge all batches so far."""
        either = self.true + self.answered
        f1 = 2 * self.right / either.clamp(min=1)
        seen = either > 0
        values = {
            "micro_f1": 2 * int(self.right.sum()) / max(1, int(either.sum())),
            "macro_f1": float(f1[seen].mean()) if seen.any() else 0.0,
            "exact": self.exact / max(1, self.rows),
            "loss": self.loss / max(1, self.rows),
        }
        return Scores(values=values, classes=tuple(self._class(k) for k in range(len(f1))))

    def _class(self, k: int) -> ClassScore:
        true, answered, right = (int(n[k]) for n in (self.true, self.answered, self.right))
        return ClassScore(
            label=self.labels[k],
            precision=right / answered if answered else 0.0,
            recall=right / true if true else 0.0,
            f1=2 * right / (true + answered) if true + answered else 0.0,
            rows=true,
        )


class MultiLabelCollector(Collector):
    """Reads sets of classes: lists of names, names with separators, or columns of 0 and 1.

    Parameters
    ----------
    columns
        Names of the label columns; of several, each is a class.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.wide: int | None = None
        self.classes = Classes(MOST_CLASSES)
        self.found = Growing(np.int64)
        self.counts = Growing(np.int64)

    def read(self, value: Any, length: int | None) -> list[str]:
        """Give the names of the classes of a row."""
        if isinstance(value, tuple):
            return self._flags(value, self.columns)
        if isinstance(value, list) and value and all(_is_flag(one) for one in value):
            return self._numbered(value)
        if value is None:
            raise fault("be a list of classes, empty for none", value)
        names = SEPARATORS.split(value) if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(one, (str, int)) for one in names):
            way = "write names in a list, or in a table as a|b"
            raise fault("be a list of classes", value, way)
        if self.wide is not None and names:
            raise fault(f"hold {self.wide} times 0 or 1, as in the rows before", value)
        stripped = [str(name).strip() for name in names]
        return list(dict.fromkeys(name for name in stripped if name))

    def _numbered(self, value: list[Any]) -> list[str]:
        """Read a row of 0 and 1 whose columns have no names."""
        self.wide = len(value) if self.wide is None else self.wide
        if len(value) != self.wide:
            raise fault(f"hold {self.wide} times 0 or 1, as in the rows before", value)
        return self._flags(value, tuple(map(str, range(self.wide))))

    def _flags(self, value: Any, names: tuple[str, ...]) -> list[str]:
        for name in names:
            self.classes.code(name)
        flags = [str(flag).strip().lower() for flag in value]
        wrong = [one for one, flag in zip(value, flags, strict=True) if flag not in _FLAGS]
        if wrong:
            raise fault("hold 0 or 1 in each column", wrong[0])
        return [name for name, flag in zip(names, flags, strict=True) if _FLAGS[flag]]

    def keep(self, label: list[str], place: Place) -> None:
        """Keep the classes of the next row."""
        self.found.extend(self.classes.code(name) for name in label)
        self.counts.append(len(label))
        self.classes.check(place)

    def finish(self, source: str, trained: slice) -> tuple[MultiLabel, Labels]:
        """Give the classes in order, and a table of 0 and 1."""
        names, index = self.classes.finish(source)
        counts = self.counts.finish()
        table = np.zeros((len(counts), len(names)), dtype=np.uint8)
        found = index[self.found.finish()]
        table[np.repeat(np.arange(len(counts)), counts), found] = 1
        for k in np.flatnonzero(table[trained].sum(axis=0) == 0):
            fix = "add rows of it, or leave the class out"
            raise ValueError(f"{source} must have rows to train on of each class, got none of "
                             f"{names[k]!r}; {fix}")  # fmt: skip
        return MultiLabel(labels=names), table

    def match(self, task: MultiLabel) -> Matched:
        """Give a table of 0 and 1 for the classes of the task; rows with others are left out."""
        known = self.classes.among(task.labels)
        counts = self.counts.finish()
        codes = self.found.finish()
        owners = np.repeat(np.arange(len(counts)), counts)
        table = np.zeros((len(counts), len(task.labels)), dtype=np.uint8)
        found = known[codes] if len(codes) else codes
        table[owners[found >= 0], found[found >= 0]] = 1
        kept = np.setdiff1d(np.arange(len(counts)), owners[found < 0])
        names = list(self.classes)
        unseen = Counter(names[code] for code in codes[found < 0])
        return Matched(table[kept], kept, dict(unseen))


_FLAGS = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}


def _is_flag(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and value in (0, 1)
