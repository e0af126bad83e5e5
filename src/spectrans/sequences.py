"""Arrays of different lengths as one sequence, in memory or on disk."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np
from jaxtyping import Int64

from spectrans.errors import must
from spectrans.spill import gathered, release, room

# Entries that are looked at together: a few megabytes, whatever the size of the whole.
CHUNK = 2**20


class Scratch:
    """A temporary folder that goes when nothing holds it any more, or this process ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="spectrans-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def laid_out(lengths: Int64[np.ndarray, " arrays"]) -> Int64[np.ndarray, " arrays"]:
    """Give where arrays of these lengths begin, one behind the other."""
    starts = room(len(lengths), np.int64)
    np.cumsum(lengths, out=starts)
    starts -= lengths
    return starts


class Sequences(Sequence[np.ndarray]):
    """Arrays that share one memory, in which each is a run of entries.

    Parameters
    ----------
    flat
        All entries along the first axis. An `np.memmap` stays on disk, and other processes that
        are sent the sequences open the same file.
    starts
        Where each array begins.
    lengths
        How many entries each one has.
    folder
        Temporary folder of the file, which goes with the last sequences that use it.
    """

    def __init__(
        self,
        flat: np.ndarray,
        starts: Int64[np.ndarray, " arrays"],
        lengths: Int64[np.ndarray, " arrays"],
        folder: Scratch | None = None,
    ) -> None:
        # A view that is no memmap: those take ten times as long to cut.
        self.flat = flat.view(np.ndarray) if isinstance(flat, np.memmap) else flat
        self.file = flat.filename if isinstance(flat, np.memmap) else None
        self.folder = folder
        self.starts = starts
        self.lengths = lengths

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray]) -> "Sequences":
        """Copy arrays into one memory; sequences are given back as they are.

        Parameters
        ----------
        arrays
            All of one type; all axes but the first agree.

        Returns
        -------
        Sequences
            The same arrays.

        Raises
        ------
        ValueError
            Types or axes differ.
        """
        if isinstance(arrays, Sequences):
            return arrays
        kinds = [f"{array.dtype} {array.shape[1:]}" for array in arrays]
        for row, kind in enumerate(kinds):
            if kind != kinds[0]:
                rule = f"be of the type and width of the first, {kinds[0]}"
                raise ValueError(must(f"sequence {row}", rule, kind))
        lengths = np.array([len(array) for array in arrays], dtype=np.int64)
        flat = np.concatenate(arrays) if arrays else np.zeros(0, dtype=np.int64)
        return cls(flat, laid_out(lengths), lengths)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, index: SupportsIndex) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> "Sequences": ...

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        if isinstance(index, slice):
            return self._sharing(self.starts[index], self.lengths[index])
        start = self.starts[index]
        return self.flat[start : start + self.lengths[index]]

    def __repr__(self) -> str:
        return f"Sequences({len(self)} of {self.flat.dtype})"

    def take(self, rows: Int64[np.ndarray, " chosen"]) -> "Sequences":
        """Give these rows in this order, sharing the memory."""
        starts, lengths = gathered(self.starts, rows), gathered(self.lengths, rows)
        return self._sharing(starts, lengths)

    def _sharing(
        self, starts: Int64[np.ndarray, " chosen"], lengths: Int64[np.ndarray, " chosen"]
    ) -> "Sequences":
        found = Sequences(self.flat, starts, lengths, self.folder)
        found.file = self.file
        return found

    def shares(self, other: "Sequences") -> bool:
        """Say whether another's arrays lie in the same memory, or in the same file."""
        # In another process each of several that share a file maps it anew.
        same_file = self.file is not None and self.file == other.file
        return same_file or self.flat is other.flat

    def chunks(self) -> Iterator[np.ndarray]:
        """Give all entries of the shared memory, some megabytes at a time."""
        for start in range(0, len(self.flat), CHUNK):
            yield self.flat[start : start + CHUNK]
            release()

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "folder": None}
        if self.file is not None:
            # The array itself would be read into memory and copied.
            state["flat"] = (self.flat.dtype, self.flat.shape)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["file"] is not None:
            kind, shape = state["flat"]
            mapped = np.memmap(state["file"], dtype=kind, mode="r", shape=shape)
            state["flat"] = mapped.view(np.ndarray)
        self.__dict__.update(state)
