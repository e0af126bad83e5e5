"""One of several classes for each row."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from pydantic import Strict, model_validator
from torch import Tensor
from torch.nn.functional import cross_entropy

from spectrans.spill import Growing, chosen, gathered
from spectrans.tasks.base import Labels, Meter, Metric, Scores, Task
from spectrans.tasks.classes import Classes
from spectrans.tasks.collector import Collector, Matched, Place, fault, missing, number
from spectrans.tasks.counts import ClassCounts, balanced, refuse_few, refuse_form, refuse_labels

# More are no classes, but something that is different in every row.
MOST_CLASSES = 10_000


class Classification(Task):
    """One class for each row.

    Parameters
    ----------
    kind
        Name of this task.
    labels
        The classes in the order of their indices, at least two.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(name="accuracy", title="accuracy"),
        Metric(name="macro_f1", title="macro F1"),
    )

    kind: Literal["classification"] = "classification"
    labels: Annotated[tuple[str, ...], Strict(False)]

    _check = model_validator(mode="after")(refuse_few)

    def describe(self) -> str:
        """Say how many classes there are."""
        return f"in {len(self.labels)} classes"

    def head(self) -> dict[str, Any]:
        """Give a classification head."""
        return {
            "output_type": "classification",
            "num_classes": len(self.labels),
            "pooling": "mean",
        }

    def check(self, name: str, labels: Labels, lengths: Int64[np.ndarray, " rows"]) -> None:
        """Refuse labels that are no indices of classes."""
        refuse_form(name, labels, 1, np.int64)
        assert isinstance(labels, np.ndarray)
        refuse_labels(name, labels, len(self.labels))

    def targets(self, labels: list[Any], length: int) -> Int64[Tensor, " b"]:
        """Give the indices of the classes."""
        return torch.tensor(labels, dtype=torch.int64)

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        items: Tensor | None = None,
    ) -> Tensor:
        """Give the mean cross entropy."""
        total = cross_entropy(outputs, targets, weights, reduction="sum")
        return total / (len(targets) if items is None else items)

    def balance(self, labels: Labels) -> Tensor:
        """Weigh each class by one over its share of the rows."""
        assert isinstance(labels, np.ndarray)
        return balanced(torch.bincount(torch.from_numpy(labels), minlength=len(self.labels)))

    def meter(self) -> "ClassMeter":
        """Give a meter of accuracy, macro F1 and every class."""
        return ClassMeter(self)

    def constant(self, labels: Labels) -> tuple[str, Tensor]:
        """Answer with the share of every class."""
        assert isinstance(labels, np.ndarray)
        counts = torch.bincount(torch.from_numpy(labels), minlength=len(self.labels))
        # A class that the training split lacks gets a small share, not a loss without bound.
        return "majority class", torch.log(counts.double().clamp(min=0.5) / len(labels))

    def answers(self, outputs: Tensor) -> Tensor:
        """Give the probability of every class."""
        return outputs.softmax(-1)

    def answer(self, row: Float[np.ndarray, "..."], top: int) -> dict[str, Any]:
        """Give the likeliest class, and the likeliest few with their probabilities."""
        order = np.argsort(-row, kind="stable")[:top]
        found = {self.labels[k]: float(row[k]) for k in order}
        label = next(iter(found))
        return {"label": label, "probability": found[label], "top": found}

    def show(self, answer: dict[str, Any]) -> str:
        """Write the likeliest classes with their probabilities."""
        shown = "  ".join(f"{label} {share:.2f}" for label, share in answer["top"].items())
        if "truth" not in answer:
            return shown
        right = answer["truth"] == answer["label"]
        return f"{shown}  ({'right' if right else 'wrong, it is ' + answer['truth']})"

    def strata(self, labels: Labels) -> tuple[Int64[np.ndarray, " rows"], tuple[str, ...]]:
        """Give the classes: every split has its share of each."""
        assert isinstance(labels, np.ndarray)
        return labels, self.labels

    def truth(self, label: Any) -> str:
        """Give the name of a class."""
        return self.labels[int(label)]

    def stand_in(self, outputs: Tensor) -> Tensor:
        """Make up a class for each row."""
        return torch.zeros(len(outputs), dtype=torch.int64)


class ClassMeter(Meter):
    """Accuracy, macro F1, loss and every class.

    Parameters
    ----------
    task
        Its classes.
    """

    def __init__(self, task: Classification) -> None:
        self.counts = ClassCounts(task.labels)
        self.loss = 0.0

    def add(self, outputs: Float[Tensor, "b classes"], targets: Int64[Tensor, " b"]) -> None:
        """Count a batch."""
        self.loss += cross_entropy(outputs, targets, reduction="sum").item()
        self.counts.add(outputs.argmax(-1), targets)

    def scores(self) -> Scores:
        """Judge all batches so far."""
        return self.counts.scores(self.loss / max(1, self.counts.total))


class ClassCollector(Collector):
    """Reads classes that are strings, whole numbers or truth values, all of one type.

    Parameters
    ----------
    whole
        Whether a fraction is refused, since the first labels were all whole numbers and nobody
        said that they are classes.
    """

    def __init__(self, whole: bool = False) -> None:
        self.whole = whole
        self.kind: type | None = None
        self.classes = Classes(MOST_CLASSES)
        self.places: list[Place] = []
        self.found = Growing(np.int64)

    def read(self, value: Any, length: int | None) -> str:
        """Give the name of a class."""
        if missing(value):
            raise fault("not be empty", value, "label or remove the row")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if self.whole and not (number(value) or 0.0).is_integer():
            way = "say --task regression, or --task classification for names"
            raise fault("be a whole number, as in the rows before", value, way)
        if not isinstance(value, (str, int, float)):
            raise fault("be a string, a number or a truth value", value)
        self.kind = self.kind or type(value)
        if type(value) is not self.kind:
            raise fault(f"be of type {self.kind.__name__}, as in the first row", value)
        return str(value).lower() if isinstance(value, bool) else str(value).strip()

    def keep(self, label: str, place: Place) -> None:
        """Keep the class of the next row."""
        code = self.classes.code(label)
        if code == len(self.places):
            if code == MOST_CLASSES:
                way = "is it the right column? Numbers need --task regression"
                rule = f"must be one of at most {MOST_CLASSES:,} classes"
                raise ValueError(f"{place()}: label {rule}, got another; {way}")
            self.places.append(place)
        self.found.append(code)

    def finish(self, source: str, trained: slice) -> tuple[Classification, Labels]:
        """Give the classes in order, and the index of each row's."""
        names, index = self.classes.finish(source)
        found = self.found.finish()
        counts = np.bincount(found[trained], minlength=len(names))
        for code, name in enumerate(self.classes):
            if not counts[code]:
                fix = "add rows of it there, or remove this row"
                place = self.places[code]()
                raise ValueError(
                    f"{place}: label must be a class of the training rows, got {name!r}; {fix}"
                )
        return Classification(labels=names), gathered(index, found)

    def match(self, task: Classification) -> Matched:
        """Give the classes as indices of the task; rows of other classes are left out."""
        known = self.classes.among(task.labels)
        codes = self.found.finish()
        found = gathered(known, codes)
        counts = np.bincount(codes, minlength=len(known))
        unseen = {n: int(counts[k]) for k, n in enumerate(self.classes) if known[k] < 0}
        kept = chosen(found >= 0)
        return Matched(gathered(found, kept), kept, unseen)
