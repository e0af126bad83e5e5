"""What has to be known of a data set to read the scores on it, kept beside them."""

import json
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt, Strict

from spectrans.data import Dataset, Examples
from spectrans.data.baselines import Baseline, baselines
from spectrans.options import Options
from spectrans.sequences import Sequences
from spectrans.spill import copied
from spectrans.tasks import MultiLabel, Regression, Task
from spectrans.tasks.tokens import NO_LABEL
from spectrans.training.folders import write_whole
from spectrans.training.record import read_json

FACTS = "data.json"
_QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)


class SplitFacts(Options):
    """One split.

    Parameters
    ----------
    name
        As in tables.
    rows
        Their number.
    tokens
        Of all rows.
    lengths
        Tokens of the shortest row, of that at 5 %, 50 % and 95 %, and of the longest.
    classes
        Rows, or tokens, of each class of the task.
    numbers
        For numbers: the smallest, the mean and the largest, under the number's name.
    """

    name: str
    rows: PositiveInt
    tokens: PositiveInt
    lengths: Annotated[tuple[int, int, int, int, int], Strict(False)]
    classes: Annotated[tuple[int, ...], Strict(False)] = ()
    numbers: dict[str, Annotated[tuple[float, float, float], Strict(False)]] = Field(
        default_factory=dict
    )


class Facts(Options):
    """A data set.

    Parameters
    ----------
    format
        Version of this layout.
    splits
        To train on, to choose by and to test.
    baselines
        What a model has to beat.
    truncated
        Rows that were cut.
    repeated
        Rows whose input an earlier row has.
    leaks
        Rows of validation and test whose input is also in another split.
    """

    format: Literal["spectrans-data-1"] = "spectrans-data-1"
    splits: Annotated[tuple[SplitFacts, ...], Strict(False)]
    baselines: Annotated[tuple[Baseline, ...], Strict(False)]
    truncated: NonNegativeInt = 0
    repeated: NonNegativeInt = 0
    leaks: NonNegativeInt = 0


def facts(dataset: Dataset, scored: tuple[Baseline, ...] | None = None) -> Facts:
    """Count what there is in a data set.

    Parameters
    ----------
    dataset
        Any.
    scored
        Its baselines, where they are known already.

    Returns
    -------
    Facts
        The counts.
    """
    named = (
        ("train", dataset.train),
        ("validation", dataset.validation),
        ("test", dataset.test),
    )
    reading = dataset.reading
    return Facts(
        splits=tuple(_split(name, split, dataset.task) for name, split in named),
        baselines=baselines(dataset) if scored is None else scored,
        truncated=dataset.truncated,
        repeated=reading.repeated if reading else 0,
        leaks=sum(reading.leaks.values()) if reading else 0,
    )


def _split(name: str, split: Examples, task: Task) -> SplitFacts:
    lengths = split.tokens.lengths
    five = np.quantile(copied(lengths), _QUANTILES, method="nearest", overwrite_input=True)
    numbers = {}
    if isinstance(task, Regression):
        ends = (split.labels.min(0), split.labels.mean(0), split.labels.max(0))
        columns = zip(*(end.tolist() for end in ends), strict=True)
        numbers = dict(zip(task.labels, columns, strict=True))
    return SplitFacts(
        name=name,
        rows=len(split),
        tokens=int(lengths.sum()),
        lengths=tuple(five.astype(int).tolist()),
        classes=_classes(split, task),
        numbers=numbers,
    )


def _classes(split: Examples, task: Task) -> tuple[int, ...]:
    """Count the rows, or the tokens, of each class."""
    if not task.labels or isinstance(task, Regression):
        return ()
    if isinstance(task, MultiLabel):
        return tuple(split.labels.sum(axis=0, dtype=np.int64).tolist())
    if not isinstance(split.labels, Sequences):
        return tuple(np.bincount(split.labels, minlength=len(task.labels)).tolist())
    counts = np.zeros(len(task.labels), dtype=np.int64)
    for label in split.labels:
        counts += np.bincount(label[label != NO_LABEL], minlength=len(counts))
    return tuple(counts.tolist())


def save_facts(found: Facts, folder: Path) -> None:
    """Write `data.json`."""
    written = found.model_dump(mode="json")
    write_whole(folder / FACTS, json.dumps(written, indent=1, ensure_ascii=False) + "\n")


def read_facts(folder: Path) -> Facts | None:
    """Read `data.json`; None where there is none."""
    path = folder / FACTS
    return Facts(**read_json(path)) if path.is_file() else None
