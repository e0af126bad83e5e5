"""Inputs of a source, checked one by one and kept in a store."""

from typing import Any

import numpy as np
from jaxtyping import Float32

from spectrans.data.encoding import AnyEncoding, Bytes, Ids, Vectors
from spectrans.data.sources.base import BRIEF
from spectrans.data.store import Store
from spectrans.data.utf8 import LONGEST_CHARACTER, boundary
from spectrans.errors import FaultError, must
from spectrans.sequences import Sequences
from spectrans.spill import Growing

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
        self.given = Growing(np.int64)
        self.kept = Growing(np.int64)

    def read(self, value: Any) -> Any:
        """Give an input as it will be kept, or refuse it with a `FaultError`."""
        raise NotImplementedError

    def places(self, item: Any) -> int | None:
        """Give how many words or tokens of an input may have a label of their own."""
        return None

    def keep(self, item: Any) -> None:
        """Keep the input of the next row."""
        self.given.append(len(item))
        item = self.cut(item)
        self.kept.append(len(item))
        self.store.append(item)

    def cut(self, item: Any) -> Any:
        """Give the part of an input that is kept."""
        return item if self.max_length is None else item[: self.max_length]

    def finish(self, trained: slice) -> tuple[Sequences, AnyEncoding]:
        """Give all inputs, and what their tokens are; `trained` rows may be trained on."""
        raise NotImplementedError

    @property
    def truncated(self) -> int:
        """Number of inputs that were cut."""
        return int((self.given.finish() > self.kept.finish()).sum())


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

    def finish(self, trained: slice) -> tuple[Sequences, AnyEncoding]:
        """Give all texts as bytes."""
        return self.store.finish(self.kept.finish()), Bytes()


class WordIntake(TextIntake):
    """Takes lists of words, or texts that are cut at blanks, as bytes with one blank between."""

    noun = "rows of words"

    def read(self, value: Any) -> bytes:
        """Give the bytes of the words."""
        words = value.split() if isinstance(value, str) else value
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise FaultError(f"must be a list of words, got {BRIEF.repr(value)}")
        wrong = [word for word in words if not word or " " in word]
        if wrong:
            rule = "must hold words with something in them and no blank"
            raise FaultError(f"{rule}, got {BRIEF.repr(wrong[0])}")
        return super().read(" ".join(words))

    def places(self, item: bytes) -> int:
        """Give the number of words."""
        return item.count(b" ") + 1


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

    def places(self, item: np.ndarray) -> int:
        """Give the number of ids."""
        return len(item)

    def keep(self, item: np.ndarray) -> None:
        """Keep the ids of the next row."""
        super().keep(item)
        self.highest = max(self.highest, int(item.max()))

    def finish(self, trained: slice) -> tuple[Sequences, AnyEncoding]:
        """Give all ids."""
        return self.store.finish(self.kept.finish()), Ids(vocab_size=self.highest + 1)


class VectorIntake(Intake):
    """Takes sequences of vectors, or of single numbers, which are vectors of one channel.

    Parameters
    ----------
    max_length
        Longer sequences are cut to this many vectors; None cuts none.
    channels
        Numbers of a vector.
    """

    unit = "vectors"

    def __init__(self, max_length: int | None, channels: int) -> None:
        super().__init__(max_length)
        self.channels = channels
        self.store = Store(np.float32, (channels,))

    def read(self, value: Any) -> Float32[np.ndarray, "n channels"]:
        """Give the vectors of a row: finite numbers, as many channels as the first row has."""
        numbers = as_array(value)
        vectors = numbers[:, None] if numbers.ndim == 1 else numbers
        if vectors.ndim != 2 or vectors.shape[1] != self.channels:
            plural = "" if self.channels == 1 else "s"
            rule = f"must hold vectors of {self.channels} channel{plural}, as in the first row"
            raise FaultError(f"{rule}, got shape {numbers.shape}")
        # A number that float32 cannot hold becomes infinite, and is refused as such.
        with np.errstate(over="ignore"):
            kept = vectors.astype(np.float32)
        wrong = np.argwhere(~np.isfinite(kept))
        if len(wrong):
            place, channel = wrong[0]
            raise FaultError(
                f"must hold finite numbers, got {vectors[place, channel]} at position {place}; "
                "fill the gap or remove the row"
            )
        return kept

    def places(self, item: np.ndarray) -> int:
        """Give the number of vectors."""
        return len(item)

    def finish(self, trained: slice) -> tuple[Sequences, AnyEncoding]:
        """Give all vectors, and how to scale them."""
        sequences = self.store.finish(self.kept.finish())
        some = sequences[trained]
        count, total, squares = 0, np.zeros(self.channels), np.zeros(self.channels)
        # Sums of squares lose their digits far from zero.
        shift = np.array(some[0][0], dtype=np.float64)
        for vectors in some:
            moved = vectors - shift
            count += len(moved)
            total += moved.sum(axis=0)
            squares += np.square(moved).sum(axis=0)
        deviation = np.sqrt(np.maximum(0, squares / count - np.square(total / count)))
        scale = np.where(deviation > 0, deviation, 1.0)
        return sequences, Vectors(
            mean=tuple((shift + total / count).tolist()), scale=tuple(scale.tolist())
        )


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


def intake_for(value: Any, max_length: int | None, words: bool = False) -> Intake:
    """Choose the intake that the first input needs.

    Parameters
    ----------
    value
        The first input.
    max_length
        Longer ones are cut.
    words
        Whether a text is to be read word by word.

    Returns
    -------
    Intake
        One that takes inputs of this form.
    """
    listed = isinstance(value, list) and value and isinstance(value[0], str)
    if listed or (words and isinstance(value, str)):
        return WordIntake(max_length)
    if not isinstance(value, (list, np.ndarray)):
        return TextIntake(max_length)
    try:
        numbers = as_array(value)
    except FaultError:
        # Reading the row will say what is wrong with it.
        return IdIntake(max_length)
    if numbers.ndim == 1 and numbers.dtype.kind in "biu":
        return IdIntake(max_length)
    return VectorIntake(max_length, 1 if numbers.ndim == 1 else numbers.shape[-1])
