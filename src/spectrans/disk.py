"""Writing that a loss of power leaves whole: contents first, then the names in the folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path


def write_through(path: Path, content: bytes) -> None:
    """Write a file and wait until its content is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def keep_names(folder: Path) -> None:
    """Bring the names in a folder to disk, where the system lets a folder be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def whole(path: Path) -> Iterator[BufferedWriter]:
    """Give a file to write that has its name once all is written, whatever happens meanwhile.

    Parameters
    ----------
    path
        Its name. A link of that name is replaced, and what it leads to stays as it is.

    Yields
    ------
    BufferedWriter
        Takes the content; what an exception cuts short leaves nothing.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a record is as readable as its folder.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    keep_names(path.parent)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, so that it is never seen in part."""
    with whole(path) as file:
        file.write(content if isinstance(content, bytes) else content.encode())
