"""One or several numbers for each row."""

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from pydantic import Strict, model_validator
from torch import Tensor
from torch.nn.functional import mse_loss

from spectrans.errors import must
from spectrans.spill import Growing
from spectrans.tasks.base import Labels, Meter, Metric, Scores, Task
from spectrans.tasks.collector import Collector, Matched, Place, fault, missing, number
from spectrans.tasks.counts import refuse_form

# Groups of rows with like numbers, of which every split has its share.
STRATA = 10


class Regression(Task):
    """One or several numbers for each row.

    Parameters
    ----------
    kind
        Name of this task.
    labels
        What the numbers are called.
    mean
        Of each number over the rows that may be trained on.
    scale
        Standard deviation of each number there: the unit of the loss.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(name="r2", title="R²", percent=False),
        Metric(name="rmse", title="RMSE", percent=False, higher=False),
        Metric(name="mae", title="mean absolute error", percent=False, higher=False),
    )

    kind: Literal["regression"] = "regression"
    labels: Annotated[tuple[str, ...], Strict(False)]
    mean: Annotated[tuple[float, ...], Strict(False)]
    scale: Annotated[tuple[float, ...], Strict(False)]

    @model_validator(mode="after")
    def _check(self) -> "Regression":
        if not len(self.labels) == len(self.mean) == len(self.scale) > 0:
            raise ValueError(must("mean", f"have an entry for each of {self.labels}", self.mean))
        if min(self.scale) <= 0:
            raise ValueError(must("scale", "be above 0", self.scale))
        return self

    def describe(self) -> str:
        """Say what is predicted."""
        return f"with {', '.join(self.labels)} to predict"

    def head(self) -> dict[str, Any]:
        """Give a head with one output for each number."""
        return {"output_type": "regression", "num_classes": len(self.labels), "pooling": "mean"}

    def check(self, name: str, labels: Labels, lengths: Int64[np.ndarray, " rows"]) -> None:
        """Refuse labels that are no table of finite numbers."""
        refuse_form(name, labels, 2, np.float64)
        assert isinstance(labels, np.ndarray)
        if labels.shape[1] != len(self.labels):
            rule = f"have {len(self.labels)} columns"
            raise ValueError(must(f"{name}.labels", rule, labels.shape[1]))
        if not np.isfinite(labels).all():
            raise ValueError(must(f"{name}.labels", "be finite", float(labels.sum())))

    def targets(self, labels: list[Any], length: int) -> Float32[Tensor, "b numbers"]:
        """Give the numbers in units of their scale, from their mean."""
        numbers = (np.stack(labels) - np.array(self.mean)) / np.array(self.scale)
        return torch.from_numpy(numbers.astype(np.float32))

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        items: Tensor | None = None,
    ) -> Tensor:
        """Give the mean squared error, in units of the scale."""
        assert weights is None, "numbers have no classes"
        total = mse_loss(outputs, targets.to(outputs.dtype), reduction="sum")
        return total / (targets.numel() if items is None else items)

    def meter(self) -> "RegressionMeter":
        """Give a meter of R² and errors."""
        return RegressionMeter(self)

    def constant(self, labels: Labels) -> tuple[str, Tensor]:
        """Answer with the mean."""
        assert isinstance(labels, np.ndarray)
        mean = (labels.mean(axis=0) - np.array(self.mean)) / np.array(self.scale)
        return "mean", torch.from_numpy(mean)

    def strata(self, labels: Labels) -> tuple[Int64[np.ndarray, " rows"], tuple[str, ...]]:
        """Give ten groups of rows by their first number: every split has its share of each."""
        assert isinstance(labels, np.ndarray)
        ends = np.unique(np.quantile(labels[:, 0], np.linspace(0, 1, STRATA + 1)[1:-1]))
        return np.searchsorted(ends, labels[:, 0], side="right").astype(np.int64), ()

    def answers(self, outputs: Tensor) -> Tensor:
        """Give the numbers in their own units."""
        return outputs.double() * torch.tensor(self.scale, dtype=torch.float64) + torch.tensor(
            self.mean, dtype=torch.float64
        )

    def answer(self, row: Float[np.ndarray, "..."], top: int) -> dict[str, Any]:
        """Give every number under its name."""
        return {"values": dict(zip(self.labels, row.tolist(), strict=True))}

    def show(self, answer: dict[str, Any]) -> str:
        """Write the numbers."""
        shown = _shown(answer["values"])
        return f"{shown}  (it is {_shown(answer['truth'])})" if "truth" in answer else shown

    def truth(self, label: Any) -> dict[str, float]:
        """Give the true numbers of a row."""
        return dict(zip(self.labels, label.tolist(), strict=True))

    def stand_in(self, outputs: Tensor) -> Tensor:
        """Make up the mean for each row."""
        return torch.zeros_like(outputs)


def _shown(values: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())


class RegressionMeter(Meter):
    """R² over all rows, and errors in the units of the numbers, each the mean over the numbers.

    Parameters
    ----------
    task
        Its numbers.
    """

    def __init__(self, task: Regression) -> None:
        self.scale = torch.tensor(task.scale, dtype=torch.float64)
        self.sums = torch.zeros(4, len(task.labels), dtype=torch.float64)
        self.rows = 0

    def add(self, outputs: Float[Tensor, "b numbers"], targets: Float[Tensor, "b numbers"]) -> None:
        """Count a batch."""
        true = targets.double().cpu()
        wrong = outputs.double().cpu() - true
        self.sums += torch.stack(
            [true.sum(0), true.square().sum(0), wrong.square().sum(0), wrong.abs().sum(0)]
        )
        self.rows += len(true)

    def scores(self) -> Scores:
        """Judge all batches so far; R² of numbers that are all the same is 0."""
        rows = max(1, self.rows)
        total, squares, wrong, absolute = self.sums
        varies = squares - total.square() / rows
        r2 = torch.where(varies > 0, 1 - wrong / varies.where(varies > 0, torch.ones(())), 0)
        values = {
            "r2": float(r2.mean()),
            "rmse": float((self.scale * (wrong / rows).sqrt()).mean()),
            "mae": float((self.scale * absolute / rows).mean()),
            "loss": float((wrong / rows).mean()),
        }
        return Scores(values=values)


class RegressionCollector(Collector):
    """Reads one or several numbers for each row.

    Parameters
    ----------
    columns
        Names of the label columns.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns
        self.width: int | None = None
        self.found = Growing(np.float64)

    def read(self, value: Any, length: int | None) -> list[float]:
        """Give the numbers of a row."""
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        self.width = len(values) if self.width is None else self.width
        if len(values) != self.width or not values:
            raise fault(f"hold {max(1, self.width)} numbers, as in the first row", value)
        for one in values:
            if missing(one):
                raise fault("not be empty", one, "write a number or remove the row")
            found = number(one)
            if found is None or not math.isfinite(found):
                raise fault("be a finite number", one, "correct or remove the row")
        return [float(one) for one in values]

    def keep(self, label: list[float], place: Place) -> None:
        """Keep the numbers of the next row."""
        self.found.extend(label)

    def finish(self, source: str, trained: slice) -> tuple[Regression, Labels]:
        """Give the mean and scale of each number, and all numbers."""
        assert self.width is not None
        table = self.found.finish().reshape(-1, self.width)
        names = self.columns
        if len(names) != self.width:
            names = tuple(f"{names[0]}[{k}]" for k in range(self.width))
        some = table[trained]
        for name, column in zip(names, some.T, strict=True):
            if column.min() == column.max():
                raise ValueError(
                    f"{source} must have different numbers to train on, got only {column[0]:g} "
                    f"in {name!r}"
                )
        mean, scale = some.mean(axis=0).tolist(), some.std(axis=0).tolist()
        return Regression(labels=names, mean=mean, scale=scale), table

    def match(self, task: Regression) -> Matched:
        """Give the numbers of all rows, as many as the task has."""
        assert self.width is not None
        if self.width != len(task.labels):
            rule = f"hold {len(task.labels)} numbers in a row, as in training"
            raise ValueError(must("labels", rule, self.width))
        table = self.found.finish().reshape(-1, self.width)
        return Matched(table, np.arange(len(table)), {})
