"""What every source of data becomes: labelled sequences of integers in three splits."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int64, Integer

from spectrans.errors import must

TokenKind = Literal["pixel", "byte"]


@dataclass(frozen=True, eq=False)
class Examples:
    """Sequences of tokens, each with the index of its class.

    Parameters
    ----------
    tokens
        One array of integers per sequence; lengths may differ.
    labels
        The class of each sequence, as an index into the data set's `label_names`.

    Raises
    ------
    ValueError
        `labels must be ...` when counts, axes or types do not fit.
    """

    tokens: tuple[Integer[np.ndarray, " _"], ...]
    labels: Int64[np.ndarray, " examples"]

    def __post_init__(self) -> None:
        if self.labels.ndim != 1 or self.labels.dtype != np.int64:
            found = f"{self.labels.ndim}-D {self.labels.dtype}"
            raise ValueError(must("labels", "be a 1-D int64 array", found))
        if len(self.labels) != len(self.tokens):
            rule = f"have one entry for each of the {len(self.tokens)} sequences"
            raise ValueError(must("labels", rule, len(self.labels)))
        for row, sequence in enumerate(self.tokens):
            if sequence.ndim != 1 or sequence.dtype.kind not in "iu":
                found = f"{sequence.ndim}-D {sequence.dtype}"
                raise ValueError(must(f"tokens[{row}]", "be a 1-D array of integers", found))

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Examples({len(self)} sequences)"


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """A classification task on sequences: three splits and what a model has to know of them.

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
    label_names
        The classes in the order of their indices, at least two.
    vocab_size
        Tokens are integers from 0 to `vocab_size - 1`.
    max_length
        Longest sequence of the three splits may have this many tokens.
    token_kind
        `"pixel"` when tokens are grey values on a grid, in rows; `"byte"` when they are UTF-8.
    description
        One line for people.
    licence
        Under which terms the data may be passed on.
    truncated
        How many sequences were cut to `max_length` when the data were read.

    Raises
    ------
    ValueError
        An empty split, or a label, token or length out of range, and where.
    """

    name: str
    train: Examples
    validation: Examples
    test: Examples
    label_names: tuple[str, ...]
    vocab_size: int
    max_length: int
    token_kind: TokenKind
    description: str
    licence: str
    truncated: int = 0

    def __post_init__(self) -> None:
        if len(self.label_names) < 2:
            raise ValueError(must("label_names", "name at least 2 classes", self.label_names))
        self._check("train", self.train)
        self._check("validation", self.validation)
        self._check("test", self.test)

    def _check(self, split: str, examples: Examples) -> None:
        """Refuse a split that is empty or holds what the description of the task rules out."""
        if not len(examples):
            raise ValueError(must(split, "hold at least one example", 0))
        classes = len(self.label_names)
        _refuse_outside(f"{split}.labels[{{}}]", examples.labels, 0, classes - 1)
        lengths = np.array([len(sequence) for sequence in examples.tokens])
        _refuse_outside(f"the length of {split}.tokens[{{}}]", lengths, 1, self.max_length)
        # One reduction for all sequences: a loop over 1,797 short arrays costs more than the rest.
        starts = np.cumsum(lengths) - lengths
        flat = np.concatenate(examples.tokens)
        for extreme in (np.minimum, np.maximum):
            values = extreme.reduceat(flat, starts)
            _refuse_outside(f"{split}.tokens[{{}}]", values, 0, self.vocab_size - 1)


def _refuse_outside(
    argument: str, values: Integer[np.ndarray, " _"], lowest: int, highest: int
) -> None:
    """Refuse the first value that is not between `lowest` and `highest`, naming its row."""
    outside = np.flatnonzero((values < lowest) | (values > highest))
    if len(outside):
        row = int(outside[0])
        rule = f"be between {lowest} and {highest}"
        raise ValueError(must(argument.format(row), rule, int(values[row])))
