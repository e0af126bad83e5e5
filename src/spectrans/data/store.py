"""Where tokens are put while a source is read: memory as long as they are few, then a file."""

from typing import IO

import numpy as np
from jaxtyping import Int64

from spectrans.sequences import Scratch, Sequences, laid_out
from spectrans.spill import followed, placed

# Bytes that are kept in memory.
LIMIT = 2**28


class Store:
    """Takes arrays of one type one after the other.

    Parameters
    ----------
    kind
        Type of an entry.
    width
        Channels of an entry; none for plain numbers.
    """

    def __init__(self, kind: type[np.generic], width: tuple[int, ...] = ()) -> None:
        self.kind = np.dtype(kind)
        self.width = width
        self.memory = bytearray()
        self.flushed = 0
        self.file: IO[bytes] | None = None
        self.folder: Scratch | None = None

    def append(self, entries: bytes | np.ndarray) -> None:
        """Add one array, or its bytes."""
        self.memory += (
            entries if isinstance(entries, bytes) else entries.astype(self.kind).tobytes()
        )
        if len(self.memory) > LIMIT:
            self._flush()

    def _flush(self) -> None:
        """Move what is in memory to a file in the system's folder for temporary files."""
        with placed(self.flushed + len(self.memory), more=True):
            if self.file is None:
                self.folder = Scratch()
                self.file = (self.folder.path / "tokens").open("wb")
            self.file.write(self.memory)
        self.flushed += len(self.memory)
        self.memory = bytearray()

    def finish(self, lengths: Int64[np.ndarray, " arrays"]) -> Sequences:
        """Give the arrays, whose lengths are these; the store takes no more of them."""
        starts = laid_out(lengths)
        if self.file is None or self.folder is None:
            flat = np.frombuffer(self.memory, dtype=self.kind).reshape(-1, *self.width)
            return Sequences(flat, starts, lengths)
        self._flush()
        with placed(self.flushed):
            self.file.close()
        mapped = followed(np.memmap(self.file.name, dtype=self.kind, mode="r"))
        flat = mapped.reshape(-1, *self.width)
        return Sequences(flat, starts, lengths, self.folder)
