"""Writing that a loss of power leaves whole, and what is said where nothing can be written."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path
from typing import TypeGuard

# What only writing meets: no room, more than a quota or a limit allows, a disk that takes nothing.
_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WRITING = _ROOM | {errno.EROFS}
# What reading meets as well.
_PERMISSION = frozenset({errno.EACCES, errno.EPERM})


class Unwritable(OSError):  # noqa: N818 - it says what the place is
    """A place takes no more: it is full, read-only, or over its quota."""

    # Such as "12 bytes", where that is known.
    needed = ""


def is_unwritable(error: BaseException) -> TypeGuard[OSError]:
    """Say whether something could not be written, by what the system says of no reading."""
    return isinstance(error, Unwritable) or (isinstance(error, OSError) and error.errno in _WRITING)


@contextmanager
def placing(
    path: Path, needed: int | None = None, more: bool = False, way: str = ""
) -> Iterator[None]:
    """Say of what cannot be written where that is, what it needs and what is free.

    Parameters
    ----------
    path
        What is written, by the name that its reader knows.
    needed
        Bytes; None where they are not known, or where what is called knows them.
    more
        Whether it may need more than these.
    way
        What to do about it.

    Yields
    ------
    None
        Once. Within it, that something is not permitted means that it must not be written.

    Raises
    ------
    Unwritable
        In the place of the system's error. Others, as of a folder that is not there, stay.
    """
    try:
        yield
    except OSError as error:
        if not is_unwritable(error) and error.errno not in _PERMISSION:
            raise
        told = error.needed if isinstance(error, Unwritable) else ""
        if needed is not None:
            told = _bytes(needed, more)
        found = _unwritable(error, path, told, way)
        raise found from None


def _bytes(count: int, more: bool) -> str:
    return f"{'at least ' if more else ''}{count:,} bytes"


def _unwritable(error: OSError, path: Path, needed: str, way: str = "") -> Unwritable:
    assert error.errno is not None, "the system gave it"
    sentence = os.strerror(error.errno)
    if error.errno in _ROOM and needed:
        sentence += f", {needed} are needed"
    if error.errno == errno.ENOSPC:
        sentence += f"{' and' if needed else ','} {_free(path):,} bytes are free"
    found = Unwritable(error.errno, sentence + way, str(path))
    found.needed = needed
    return found


def _free(path: Path) -> int:
    """Give the bytes that are free where a file or folder is or would be made."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing.

    Parameters
    ----------
    folder
        Its name.

    Raises
    ------
    Unwritable
        The disk is full or read-only, or the folder above it is.
    """
    with placing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_through(path: Path, content: bytes) -> None:
    """Write a file and wait until its content is on disk."""
    with placing(path, len(content)), path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def keep_names(folder: Path) -> None:
    """Bring the names in a folder to disk, where the system lets a folder be opened."""
    if os.name == "posix":
        with placing(folder):
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

    Raises
    ------
    Unwritable
        The disk is full or read-only, or the folder is.
    """
    with placing(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    given = 0
    try:
        with os.fdopen(handle, "wb") as file:
            try:
                yield file
                file.flush()
                os.fsync(file.fileno())
            finally:
                given = file.tell()
        with placing(path):
            # mkstemp makes private files; a record is as readable as its folder.
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
    except BaseException as error:
        with suppress(OSError):  # a disk that is read-only by now
            Path(temporary).unlink()
        # Who writes may also read, or write elsewhere.
        if isinstance(error, Unwritable) or not is_unwritable(error):
            raise
        found = _unwritable(error, path, _bytes(given, more=True))
        raise found from None
    keep_names(path.parent)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, so that it is never seen in part."""
    written = content if isinstance(content, bytes) else content.encode()
    with placing(path, len(written)), whole(path) as file:
        file.write(written)
