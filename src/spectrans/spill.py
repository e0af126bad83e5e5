"""Numbers of which there may be very many: in memory as long as they are few, then in a file.

The files are in the system's folder for temporary files, have no name, and go with the arrays. They
are mapped: what was looked at stays in memory until it is let go.
"""

import mmap
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from spectrans.disk import placing

# Entries that an array has in memory, and that are worked on together: 8 MiB of 64-bit numbers.
FEW = 2**20

# What the module `array` calls a type.
_LETTERS = {np.int64: "q", np.int32: "i", np.uint64: "Q", np.float64: "d"}


# Files that are mapped.
_MAPS: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def blocks(rows: int) -> Iterator[slice]:
    """Give all rows, some megabytes at a time; what was looked at meanwhile is let go."""
    for start in range(0, rows, FEW):
        yield slice(start, min(start + FEW, rows))
        release()


def release() -> None:
    """Let the memory go that holds parts of mapped files; the system reads them again if need be.

    A shared mapping loses nothing by that, and this module makes no other.
    """
    for mapped in list(_MAPS):
        # Not on Windows.
        if hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def followed(mapped: np.memmap) -> np.memmap:
    """Give a file that is mapped and shared, whose memory is let go with that of the others."""
    assert isinstance(mapped.base, mmap.mmap)
    _MAPS.add(mapped.base)
    return mapped


def placed(needed: int | None = None, more: bool = False) -> AbstractContextManager[None]:
    """Say of what the folder for temporary files does not take which folder it is, and the way out.

    Parameters
    ----------
    needed
        Bytes; None where they are not known.
    more
        Whether it may need more than these.

    Returns
    -------
    AbstractContextManager
        As of `disk.placing`.
    """
    way = "; TMPDIR names another folder for temporary files"
    return placing(Path(tempfile.gettempdir()), needed, more, way)


def room(shape: int | tuple[int, ...], kind: Any) -> np.ndarray:
    """Make an array whose entries are still to be set.

    Parameters
    ----------
    shape
        As of `numpy.empty`.
    kind
        Type of an entry.

    Returns
    -------
    ndarray
        In memory, or in a file where there are many entries.

    Raises
    ------
    OSError
        The disk has no room for the file.
    """
    shape = (shape,) if isinstance(shape, int) else shape
    entries = prod(shape)
    if entries <= FEW:
        return np.empty(shape, dtype=kind)
    size = np.dtype(kind).itemsize
    with placed(size * entries), tempfile.TemporaryFile(buffering=0) as file:
        # A file with holes would end the process, and not with an error, when the disk gets full.
        for part in blocks(entries):
            _write(file, bytes(size * (part.stop - part.start)))
        return _mapped(file, kind).reshape(shape)


def _write(file: FileIO, content: Any) -> None:
    """Write all of it; a disk that is nearly full takes a part first."""
    left = memoryview(content).cast("B")
    while left:
        left = left[file.write(left) :]


def _mapped(file: FileIO, kind: Any) -> np.ndarray:
    # A view that is no memmap: those take ten times as long to cut.
    return followed(np.memmap(file, dtype=kind, mode="r+")).view(np.ndarray)


def chosen(mask: Bool[np.ndarray, " rows"]) -> Int64[np.ndarray, " chosen"]:
    """Give the rows at which a mask is true."""
    found = room(int(np.count_nonzero(mask)), np.int64)
    done = 0
    for part in blocks(len(mask)):
        some = np.flatnonzero(mask[part])
        np.add(some, part.start, out=found[done : done + len(some)])
        done += len(some)
    return found


def gathered(values: np.ndarray, rows: Int64[np.ndarray, " chosen"]) -> np.ndarray:
    """Give the entries of an array at these rows, in this order."""
    found = room((len(rows), *values.shape[1:]), values.dtype)
    for part in blocks(len(rows)):
        found[part] = values[rows[part]]
    return found


def copied(values: np.ndarray) -> np.ndarray:
    """Give a copy that may be put in another order."""
    found = room(values.shape, values.dtype)
    for part in blocks(len(values)):
        found[part] = values[part]
    return found


class Growing:
    """Takes numbers one after the other.

    Parameters
    ----------
    kind
        Type of a number: `numpy.int64`, `int32`, `uint64` or `float64`.
    """

    def __init__(self, kind: type[np.generic]) -> None:
        self.kind = np.dtype(kind)
        self.recent: array[Any] = array(_LETTERS[kind])
        self.moved = 0
        self.file: FileIO | None = None
        self.numbers: np.ndarray | None = None

    def __len__(self) -> int:
        return self.moved + len(self.recent)

    def append(self, number: int | float) -> None:
        """Take a number."""
        self.recent.append(number)
        if len(self.recent) >= FEW:
            self._move()

    def extend(self, numbers: Iterable[int | float] | np.ndarray) -> None:
        """Take several numbers; those of an array have its type."""
        if isinstance(numbers, np.ndarray):
            self.recent.frombytes(numbers.tobytes())
        else:
            self.recent.extend(numbers)
        if len(self.recent) >= FEW:
            self._move()

    def _move(self) -> None:
        """Move what is in memory to the file."""
        needed = (self.moved + len(self.recent)) * self.recent.itemsize
        with placed(needed, more=True):
            if self.file is None:
                self.file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
                weakref.finalize(self, self.file.close)
            _write(self.file, self.recent)
        self.moved += len(self.recent)
        self.recent = array(self.recent.typecode)

    def finish(self) -> np.ndarray:
        """Give all numbers; no more are taken."""
        if self.numbers is None:
            if self.file is None:
                self.numbers = np.frombuffer(self.recent, dtype=self.kind)
            else:
                self._move()
                with placed(), self.file as file:
                    self.numbers = _mapped(file, self.kind)
        return self.numbers
