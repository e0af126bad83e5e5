"""Inputs of a source, checked one by one and kept in a store."""

from array import array
from typing import Any

import numpy as np
from jaxtyping import Int64

from spectrans.data.encoding import AnyEncoding, Bytes, Ids
from spectrans.data.sources.base import BRIEF
from spectrans.data.store import Store
from spectrans.data.utf8 import LONGEST_CHARACTER, boundary
from spectrans.errors import FaultError, must
from spectrans.sequences import Sequences

# What a text is cut to unless the user says: memory and time grow with the longest row.
LONGEST_TEXT = 1024
MOST_IDS = 1_000_000


class Intake:
    """Takes the inputs of rows.

    Parameters
    ----------
    max_length
        Longer inputs are cut to this many tokens; None cuts none.
    """

    # What an input is called, several of them, and what its length counts.
    role = "sequence"
    noun = "sequences"
    unit = "tokens"
    store: Store

    def __init__(self, max_length: int | None) -> None:
        self.max_length = max_length
        # Of the inputs before and after the cut.
        self.given = array("q")
        self.kept = array("q")

    def read(self, value: Any) -> Any:
        """Give an input as it will be kept, or refuse it with a `FaultError`."""
        raise NotImplementedError

    def keep(self, item: Any) -> None:
        """Keep the input of the next row."""
        self.given.append(len(item))
        item = self.cut(item)
        self.kept.append(len(item))
        self.store.append(item)

    def cut(self, item: Any) -> Any:
        """Give the part of an input that is kept."""
        return item if self.max_length is None else item[: self.max_length]

    def finish(self) -> tuple[Sequences, AnyEncoding]:
        """Give all inputs, and what their tokens are."""
        raise NotImplementedError

    @property
    def truncated(self) -> int:
        """Number of inputs that were cut."""
        return int((lengths(self.given) > lengths(self.kept)).sum())


def lengths(numbers: Any) -> Int64[np.ndarray, " rows"]:
    """Give the numbers of an array of the standard library as one of NumPy, without a copy."""
    return np.frombuffer(numbers, dtype=np.int64)


class TextIntake(Intake):
    """Takes texts as their UTF-8 bytes."""

    role = "text"
    noun = "texts"
    unit = "bytes"

    def __init__(self, max_length: int | None) -> None:
        limit = LONGEST_TEXT if max_length is None else max_length
        if limit < LONGEST_CHARACTER:
            rule = f"be at least {LONGEST_CHARACTER}, the bytes of the longest character"
            raise ValueError(must("max_length", rule, limit))
        super().__init__(limit)
        self.store = Store(np.uint8)

    def read(self, value: Any) -> bytes:
        """Give the bytes of a text: a string with something in it that UTF-8 can hold."""
        if not isinstance(value, str):
            raise FaultError(f"must be a string, got {BRIEF.repr(value)}")
        if not value.strip():
            raise FaultError(
                f"must not be empty, got {BRIEF.repr(value)}; write a text or remove the row"
            )
        # JSON can spell both with escapes, past the check of the line.
        try:
            encoded = value.encode()
        except UnicodeEncodeError:
            encoded = b"\0"
        if b"\0" in encoded:
            raise FaultError(f"must hold no NUL and no lone surrogate, got {BRIEF.repr(value)}")
        return encoded

    def cut(self, item: bytes) -> bytes:
        """Give the part of a text that is kept, cut between characters."""
        assert self.max_length is not None
        return item[: boundary(item, self.max_length)]

    def finish(self) -> tuple[Sequences, AnyEncoding]:
        """Give all texts as bytes."""
        return self.store.finish(lengths(self.kept)), Bytes()


class IdIntake(Intake):
    """Takes lists of whole numbers."""

    def __init__(self, max_length: int | None) -> None:
        super().__init__(max_length)
        self.store = Store(np.int32)
        self.highest = 0

    def read(self, value: Any) -> np.ndarray:
        """Give the ids of a row."""
        ids = as_array(value)
        if ids.ndim != 1 or ids.dtype.kind not in "biu":
            raise FaultError(
                f"must be a list of whole numbers, as in the first row, got {found(ids)}"
            )
        wrong = ids[(ids < 0) | (ids >= MOST_IDS)]
        if len(wrong):
            fix = "write numbers that are no ids as fractions, such as 3.0"
            raise FaultError(f"must hold ids from 0 to {MOST_IDS - 1:,}, got {wrong[0]}; {fix}")
        return ids

    def keep(self, item: np.ndarray) -> None:
        """Keep the ids of the next row."""
        super().keep(item)
        self.highest = max(self.highest, int(item.max()))

    def finish(self) -> tuple[Sequences, AnyEncoding]:
        """Give all ids."""
        return self.store.finish(lengths(self.kept)), Ids(vocab_size=self.highest + 1)


def as_array(value: Any) -> np.ndarray:
    """Give a list of numbers, or of lists of numbers, as an array with something in it."""
    try:
        numbers = np.asarray(value)
    except (ValueError, OverflowError):
        raise FaultError("must be a list of numbers, or of vectors of one length") from None
    if numbers.ndim == 0 or numbers.dtype.kind not in "biuf":
        raise FaultError(f"must be a list of numbers, got {BRIEF.repr(value)}")
    if not numbers.size:
        raise FaultError("must not be empty, got []; write numbers or remove the row")
    return numbers


def found(numbers: np.ndarray) -> str:
    """Name the form of an array."""
    return f"{numbers.ndim}-D {numbers.dtype}"


def intake_for(value: Any, max_length: int | None) -> Intake:
    """Choose the intake that the first input needs.

    Parameters
    ----------
    value
        The first input.
    max_length
        Longer ones are cut.

    Returns
    -------
    Intake
        One that takes inputs of this form.
    """
    if isinstance(value, (list, np.ndarray)):
        return IdIntake(max_length)
    return TextIntake(max_length)
