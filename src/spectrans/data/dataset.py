"""What every source of data becomes: labelled sequences in three splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from spectrans.data.encoding import AnyEncoding
from spectrans.data.reading import Reading
from spectrans.errors import must
from spectrans.sequences import Sequences
from spectrans.tasks import Task
from spectrans.tasks.base import Labels


class Examples:
    """Sequences of tokens, each with what a task wants to know of it.

    Parameters
    ----------
    tokens
        One array per sequence; lengths may differ.
    labels
        One entry, or one array, per sequence; None where the task needs none.

    Raises
    ------
    ValueError
        `labels must have one entry ...`, or arrays of several types.
    """

    def __init__(self, tokens: Sequence[np.ndarray], labels: Labels) -> None:
        self.tokens = Sequences.of(tokens)
        # Which of the three, the task knows.
        self.labels: Any = labels
        if labels is not None and len(labels) != len(tokens):
            rule = f"have one entry for each of the {len(tokens)} sequences"
            raise ValueError(must("labels", rule, len(labels)))

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Examples({len(self)} sequences)"

    def first(self, rows: int) -> "Examples":
        """Give the first rows."""
        return Examples(self.tokens[:rows], None if self.labels is None else self.labels[:rows])

    def label(self, row: int) -> Any:
        """Give the label of one sequence."""
        return None if self.labels is None else self.labels[row]


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """A task on sequences: three splits and what a model has to know of them.

    Parameters
    ----------
    name
        What to call it in tables and folders.
    train
        What models are fitted on.
    validation
        What settings are chosen on, learning rates included.
    test
        What is reported, and never chosen on.
    task
        What is to be answered.
    encoding
        What a token is.
    max_length
        Longest sequence of the three splits may have this many tokens.
    description
        One line for people.
    licence
        Under which terms the data may be passed on.
    truncated
        How many sequences were cut to `max_length` when the data were read.
    reading
        What else was seen when the data were read; None for embedded data.
    tokenizer
        For pieces of words: what cut them, in the JSON of the `tokenizers` library.

    Raises
    ------
    ValueError
        An empty split, or a label, token or length out of range, and where.
    """

    name: str
    train: Examples
    validation: Examples
    test: Examples
    task: Task
    encoding: AnyEncoding
    max_length: int
    description: str
    licence: str
    truncated: int = 0
    reading: Reading | None = None
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        self._check("train", self.train)
        self._check("validation", self.validation)
        self._check("test", self.test)

    def _check(self, split: str, examples: Examples) -> None:
        """Refuse a split that is empty or holds what the description of the task rules out."""
        if not len(examples):
            raise ValueError(must(split, "hold at least one example", 0))
        lengths = examples.tokens.lengths
        _refuse_lengths(split, lengths, self.max_length)
        self.encoding.check(split, examples.tokens)
        self.task.check(split, examples.labels, lengths)


def _refuse_lengths(split: str, lengths: Int64[np.ndarray, " rows"], longest: int) -> None:
    """Refuse the first sequence that is empty or too long, naming its row."""
    wrong = np.flatnonzero((lengths < 1) | (lengths > longest))
    if len(wrong):
        row = int(wrong[0])
        argument = f"the length of {split}.tokens[{row}]"
        raise ValueError(must(argument, f"be between 1 and {longest}", int(lengths[row])))
