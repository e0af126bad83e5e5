"""How good a trained model is on some rows, and how sure that is."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64, Int64
from pydantic import ConfigDict

from spectrans.data import Examples
from spectrans.data.encoding import AnyEncoding
from spectrans.models import BaseModel
from spectrans.options import Options
from spectrans.tasks import ClassScore, Task
from spectrans.tasks.outcomes import Outcomes, outcomes_for
from spectrans.training.batches import LabelledSequences, feed, padded
from spectrans.training.predict import BATCH_SIZE

# Samples of the rows that are drawn, and with many rows how many rows are drawn in all at least.
RESAMPLES, FEWEST = 1000, 200
DRAWN = 5 * 10**7
# Of the normal distribution, for 95 %.
Z = 1.959964


class Figure(Options):
    """A figure with its 95 % confidence interval.

    Parameters
    ----------
    name
        Its key.
    value
        On the rows.
    low
        Lower end of the interval.
    high
        Upper end.
    method
        "wilson" for a share of rows; "bootstrap" draws the rows anew, again and again.
    """

    # Of a model that diverged.
    model_config = ConfigDict(allow_inf_nan=True)

    name: str
    value: float
    low: float
    high: float
    method: Literal["wilson", "bootstrap"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What came out on some rows.

    Parameters
    ----------
    figures
        Those of the task, and the mean loss.
    classes
        Each class by itself, where there are classes.
    losses
        Mean loss of each row.
    resamples
        Samples behind the bootstrap.
    """

    figures: tuple[Figure, ...]
    classes: tuple[ClassScore, ...]
    losses: Float64[np.ndarray, " rows"]
    resamples: int

    def worst(self, rows: int) -> Int64[np.ndarray, " _"]:
        """Give the rows with the highest loss, the worst first."""
        return np.argsort(-self.losses, kind="stable")[:rows]


def evaluate(
    model: BaseModel,
    task: Task,
    encoding: AnyEncoding,
    examples: Examples,
    batch_size: int = BATCH_SIZE,
    seed: int = 0,
) -> Evaluation:
    """Judge a model on labelled rows.

    Parameters
    ----------
    model
        A trained model.
    task
        What it was trained for.
    encoding
        What its tokens are.
    examples
        The rows, at least one.
    batch_size
        Rows per forward pass.
    seed
        Of the samples that the bootstrap draws.

    Returns
    -------
    Evaluation
        The same on every call.
    """
    model.eval()
    meter, outcomes = task.meter(), outcomes_for(task, len(examples))
    asked = LabelledSequences(examples, task)
    order = np.argsort(examples.tokens.lengths, kind="stable")
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            items = [asked[int(row)] for row in rows]
            batch = padded([encoding.present(item["tokens"]) for item in items])
            labels = [item["labels"] for item in items]
            targets = task.targets(labels, batch["inputs"].shape[1])
            outputs = feed(model, **batch)
            meter.add(outputs, targets)
            outcomes.add(rows, outputs, targets)
    figures, resamples = _intervals(outcomes, len(examples), seed)
    return Evaluation(figures, meter.scores().classes, outcomes.losses, resamples)


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Give the 95 % interval of a share of independent rows.

    Parameters
    ----------
    share
        From 0 to 1.
    rows
        At least 1.

    Returns
    -------
    tuple of float
        Both ends, within 0 and 1. Source: Wilson 1927, *Probable inference*.
    """
    grown = 1 + Z**2 / rows
    middle = (share + Z**2 / (2 * rows)) / grown
    half = Z * sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2)) / grown
    return max(0.0, middle - half), min(1.0, middle + half)


def _intervals(outcomes: Outcomes, rows: int, seed: int) -> tuple[tuple[Figure, ...], int]:
    """Give all figures, and how many samples were drawn."""
    values = outcomes.figures(np.ones(rows))
    resamples = int(np.clip(DRAWN // rows, FEWEST, RESAMPLES))
    random = np.random.RandomState(seed)
    drawn: dict[str, list[float]] = {name: [] for name in values}
    for _ in range(resamples):
        weights = np.bincount(random.randint(rows, size=rows), minlength=rows).astype(np.float64)
        for name, value in outcomes.figures(weights).items():
            drawn[name].append(value)
    found = []
    for name, value in values.items():
        if name in outcomes.shares:
            low, high = wilson(value, rows)
            found.append(Figure(name=name, value=value, low=low, high=high, method="wilson"))
        else:
            low, high = (float(end) for end in np.quantile(drawn[name], (0.025, 0.975)))
            found.append(Figure(name=name, value=value, low=low, high=high, method="bootstrap"))
    return tuple(found), resamples
