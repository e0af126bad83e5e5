"""What a finished run leaves in its folder, and how it is read back."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
from jaxtyping import UInt8
from pydantic import PositiveInt, Strict

from spectrans.archives import open_archive, read_array
from spectrans.data import Dataset
from spectrans.data.encoding import AnyEncoding, Subwords
from spectrans.data.tokenizer import FILE as TOKENIZER
from spectrans.data.tokenizer import read as read_tokenizer
from spectrans.errors import must, unreadable
from spectrans.io import from_pretrained
from spectrans.models import BaseModel
from spectrans.options import Options
from spectrans.sequences import Sequences
from spectrans.spill import blocks
from spectrans.tasks import AnyTask, ClassScore
from spectrans.training.history import HISTORY as HISTORY
from spectrans.training.history import read_history
from spectrans.training.spec import RunSpec

RECORD = "run.json"
SPLITS = "splits.npz"


class DataRecord(Options):
    """What has to be known of a data set to use a model that was trained on it.

    Parameters
    ----------
    name
        As in tables.
    description
        One line for people.
    licence
        Terms of the data.
    task
        What is answered.
    encoding
        What a token is.
    max_length
        Longest sequence.
    train
        Rows of the training split.
    validation
        Rows of the validation split.
    test
        Rows of the test split.
    fingerprint
        Of all tokens and labels: equal for equal data.
    """

    name: str
    description: str
    licence: str
    task: AnyTask
    encoding: AnyEncoding
    max_length: PositiveInt
    train: PositiveInt
    validation: PositiveInt
    test: PositiveInt
    fingerprint: str

    @classmethod
    def of(cls, dataset: Dataset) -> "DataRecord":
        """Describe a data set."""
        return cls(
            name=dataset.name,
            description=dataset.description,
            licence=dataset.licence,
            task=cast(AnyTask, dataset.task),
            encoding=dataset.encoding,
            max_length=dataset.max_length,
            train=len(dataset.train),
            validation=len(dataset.validation),
            test=len(dataset.test),
            fingerprint=_fingerprint(dataset),
        )


def _fingerprint(dataset: Dataset) -> str:
    digest = sha256()
    hashed: list[Sequences] = []

    def numbers(entries: np.ndarray) -> None:
        for part in blocks(len(entries)):
            digest.update(entries[part].tobytes())

    def include(sequences: Sequences) -> None:
        # Splits share one memory.
        if not any(map(sequences.shares, hashed)):
            hashed.append(sequences)
            digest.update(str(sequences.flat.dtype).encode())
            for chunk in sequences.chunks():
                digest.update(chunk.tobytes())
        numbers(sequences.starts)
        numbers(sequences.lengths)

    for split in (dataset.train, dataset.validation, dataset.test):
        include(split.tokens)
        if isinstance(split.labels, Sequences):
            include(split.labels)
        elif split.labels is not None:
            numbers(split.labels)
    return digest.hexdigest()[:16]


class Metrics(Options):
    """What a run scored and took.

    Parameters
    ----------
    test
        Figures of the kept weights, measured once, at the end.
    validation
        Figures of the best of all evaluations; its weights were kept.
    classes
        Each class on the test split, where there are classes.
    best_step
        Optimiser steps before that evaluation.
    steps
        Optimiser steps in all.
    seconds
        Time of training and evaluations.
    parameters
        Numbers that training changes.
    precision
        In which products were computed.
    device
        On what.
    processes
        How many trained together.
    """

    test: dict[str, float]
    validation: dict[str, float]
    classes: Annotated[tuple[ClassScore, ...], Strict(False)] = ()
    best_step: PositiveInt
    steps: PositiveInt
    seconds: float
    parameters: PositiveInt
    precision: str = "float32"
    device: str = "cpu"
    processes: PositiveInt = 1


class RunRecord(Options):
    """A finished run without its weights.

    Parameters
    ----------
    format
        Version of this layout.
    spec
        What was asked for.
    data
        What it was trained on.
    metrics
        What came out.
    versions
        Of spectrans, Python and the libraries that compute.
    """

    format: Literal["spectrans-run-2"] = "spectrans-run-2"
    spec: RunSpec
    data: DataRecord
    metrics: Metrics
    versions: dict[str, str]

    @property
    def validation(self) -> float:
        """The figure on the validation split that decides."""
        return self.metrics.validation[self.data.task.lead.name]

    @property
    def test(self) -> float:
        """The same figure on the test split."""
        return self.metrics.test[self.data.task.lead.name]

    @property
    def rank(self) -> float:
        """A number that is higher for a better run: made from validation, never from test."""
        return self.data.task.lead.rank(self.validation)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    record
        What was asked for and what came out.
    model
        The trained model.
    history
        What was measured on the way, in order.
    split
        For a user's data, the split of each row of the source: 0 to train on, 1 to choose by, 2 to
        test, 3 left out.
    tokenizer
        For texts that are read as pieces of words: what cuts them, as JSON.
    """

    record: RunRecord
    model: BaseModel
    history: tuple[dict[str, int | float], ...] = ()
    split: UInt8[np.ndarray, " rows"] | None = None
    tokenizer: str | None = None


def read_record(directory: str | Path) -> RunRecord:
    """Read `run.json`.

    Parameters
    ----------
    directory
        Folder of a run.

    Returns
    -------
    RunRecord
        The record.

    Raises
    ------
    ValueError
        No such file, or not a record of this library.
    """
    path = Path(directory) / RECORD
    if not path.is_file():
        raise ValueError(must("the folder of a run", f"hold {RECORD}", str(directory)))
    return RunRecord(**read_json(path))


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path
        An existing file.

    Returns
    -------
    dict
        Plain data.

    Raises
    ------
    ValueError
        The file holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be whole JSON: {unreadable(error)}") from None
    if not isinstance(data, dict):
        raise ValueError(must(str(path), "hold a JSON object", data))
    return data


def load_run(directory: str | Path) -> Run:
    """Load a run that `save_run` wrote, with its model in evaluation mode.

    Parameters
    ----------
    directory
        Folder of a run.

    Returns
    -------
    Run
        The run.

    Raises
    ------
    ValueError
        A missing or foreign file.
    FileNotFoundError
        The model is missing.
    """
    folder = Path(directory)
    record = read_record(folder)
    history = tuple(read_history(folder))
    split = None
    if (folder / SPLITS).is_file():
        with open_archive(folder / SPLITS) as packed:
            split = read_array(folder / SPLITS, packed, "split")
        if split.ndim != 1 or split.dtype != np.uint8:
            found = f"{split.ndim}-D {split.dtype}"
            raise ValueError(f"{folder / SPLITS}: {must('split', 'be 1-D uint8', found)}")
    tokenizer = None
    if isinstance(record.data.encoding, Subwords):
        tokenizer = read_tokenizer(folder / TOKENIZER).written
    return Run(record, from_pretrained(folder), history, split, tokenizer)
