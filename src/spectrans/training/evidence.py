"""What a model answers to the rows of a split, counted so that reports can be made from it."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from pydantic import Field, NonNegativeInt, Strict
from torch import Tensor

from spectrans.data import Dataset, Examples
from spectrans.models import BaseModel
from spectrans.options import Options
from spectrans.tasks import Classification, MultiLabel, Regression, Task
from spectrans.tasks.tokens import NO_LABEL, TokenTask
from spectrans.training.batches import Collator, LabelledSequences, feed
from spectrans.training.folders import write_whole
from spectrans.training.record import read_json

EVIDENCE = "evidence.json"
# Rows per forward pass.
BATCH = 64
# Groups of answers by their probability.
BINS = 10
# Rows whose numbers are kept one by one.
POINTS = 1_000


# JSON has lists where Python has tuples.
Triple = Annotated[tuple[int, int, int], Strict(False)]
Pair = Annotated[tuple[float, float], Strict(False)]


class Bin(Options):
    """Answers whose probability lies in one range.

    Parameters
    ----------
    count
        Answers.
    probability
        Sum of what the model gave them.
    right
        How many of them hold.
    """

    count: NonNegativeInt
    probability: float
    right: NonNegativeInt


class Evidence(Options):
    """What a model answered, without the rows themselves.

    Parameters
    ----------
    format
        Version of this layout.
    confusion
        For classes: index of the true one, index of the answered one, and how often.
    reliability
        Ten ranges of the probability, from 0 to 1; none where answers have none.
    right
        For a class of each row, in the order of the split: 1 where the answer is right, else 0.
    points
        For numbers: the true and the answered one of the first rows, under the number's name.
    """

    format: Literal["spectrans-evidence-1"] = "spectrans-evidence-1"
    confusion: Annotated[tuple[Triple, ...], Strict(False)] = ()
    reliability: Annotated[tuple[Bin, ...], Strict(False)] = ()
    right: str = ""
    points: dict[str, Annotated[tuple[Pair, ...], Strict(False)]] = Field(default_factory=dict)

    @property
    def calibration_error(self) -> float | None:
        """Mean distance of probability and share of right answers, weighted by the answers."""
        total = sum(part.count for part in self.reliability)
        if not total:
            return None
        return sum(abs(part.probability - part.right) for part in self.reliability) / total


def examine(model: BaseModel, dataset: Dataset, split: Examples | None = None) -> Evidence:
    """Ask a model for every row of a split and count the answers.

    Parameters
    ----------
    model
        A trained model.
    dataset
        Says what is asked.
    split
        The test split unless another is given.

    Returns
    -------
    Evidence
        The counts.
    """
    task = dataset.task
    split = dataset.test if split is None else split
    rows = LabelledSequences(split, task)
    collate = Collator(dataset)
    tally = _Tally(task, len(split))
    device = next(model.parameters()).device
    # Neighbours in length share a batch, so that there is little padding.
    order = np.argsort(split.tokens.lengths, kind="stable")
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            batch = collate([rows[int(row)] for row in some])
            labels = batch.pop("labels")
            outputs = feed(model, **{name: value.to(device) for name, value in batch.items()})
            tally.add(outputs.float().cpu(), labels, some)
    model.train(was_training)
    return tally.evidence()


class _Tally:
    """Counts answers batch by batch."""

    def __init__(self, task: Task, rows: int) -> None:
        self.task = task
        self.right = np.zeros(rows, dtype=np.int64)
        self.pairs: Counter[tuple[int, int]] = Counter()
        # Count, sum of probabilities, sum of right answers.
        self.bins = np.zeros((3, BINS))
        self.points: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def add(self, outputs: Tensor, labels: Tensor, rows: Int64[np.ndarray, " b"]) -> None:
        """Count a batch; `rows` are the places of its rows in the split."""
        if isinstance(self.task, Regression):
            truth, found = self.task.answers(labels).numpy(), self.task.answers(outputs).numpy()
            self.points |= {int(row): (truth[k], found[k]) for k, row in enumerate(rows)
                            if row < POINTS}  # fmt: skip
        elif isinstance(self.task, MultiLabel):
            shares = self.task.answers(outputs).flatten().numpy()
            self._bin(shares, labels.flatten().numpy())
        else:
            self._classes(outputs, labels, rows)

    def _classes(self, outputs: Tensor, labels: Tensor, rows: Int64[np.ndarray, " b"]) -> None:
        outputs, labels = outputs.flatten(0, -2), labels.flatten()
        asked = labels != NO_LABEL
        shares, answers = self.task.answers(outputs[asked]).max(-1)
        truth, found = labels[asked].numpy(), answers.numpy()
        self._bin(shares.numpy(), truth == found)
        if self.task.labels:
            self.pairs.update(zip(truth.tolist(), found.tolist(), strict=True))
        if isinstance(self.task, Classification):
            self.right[rows] = truth == found

    def _bin(self, shares: Float[np.ndarray, " n"], right: np.ndarray) -> None:
        place = np.minimum((shares * BINS).astype(np.int64), BINS - 1)
        for k, weights in enumerate((np.ones(len(shares)), shares, right)):
            self.bins[k] += np.bincount(place, weights, minlength=BINS)

    def evidence(self) -> Evidence:
        """Give all counts."""
        task = self.task
        asks_classes = isinstance(task, (Classification, MultiLabel, TokenTask))
        kept = [self.points[row] for row in sorted(self.points)]
        return Evidence(
            confusion=tuple((*pair, count) for pair, count in sorted(self.pairs.items())),
            reliability=tuple(
                Bin(count=int(n), probability=round(float(p), 6), right=int(r))
                for n, p, r in self.bins.T
            )
            if asks_classes
            else (),
            right="".join(map(str, self.right)) if isinstance(task, Classification) else "",
            points={
                name: tuple((float(truth[k]), float(found[k])) for truth, found in kept)
                for k, name in enumerate(task.labels)
            }
            if kept
            else {},
        )


def save_evidence(evidence: Evidence, folder: Path) -> None:
    """Write `evidence.json`."""
    written = evidence.model_dump(mode="json")
    write_whole(folder / EVIDENCE, json.dumps(written, separators=(",", ":")) + "\n")


def read_evidence(folder: Path) -> Evidence | None:
    """Read `evidence.json`; None where there is none."""
    path = folder / EVIDENCE
    return Evidence(**read_json(path)) if path.is_file() else None
