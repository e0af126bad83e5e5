"""NumPy archives from anywhere, opened so that nothing in them can run or fill the memory."""

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from spectrans.errors import must

# A file that unpacks to more than this many times its size, and to more than a gibibyte, is a trap.
MOST_UNPACKED = 100
LARGE = 2**30

# What comes of an archive that is not whole: of the zip file, its contents, or a header in them.
BROKEN = (
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    SyntaxError,
    EOFError,
    OSError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    TypeError,
)


def open_archive(path: Path) -> Any:
    """Open an `.npz` file.

    Parameters
    ----------
    path
        An existing file.

    Returns
    -------
    NpzFile
        Arrays by name, to be closed. Reading one raises one of `BROKEN` where it is not whole, and
        never unpickles.

    Raises
    ------
    ValueError
        No such archive, or one that unpacks to far more than its size.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(4)
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except BROKEN as error:
        raise ValueError(f"{path.name} must be a whole .npz file, got: {error}") from None
    # A zip file may begin with anything; NumPy would take the rest for a pickle.
    if begins not in (b"PK\x03\x04", b"PK\x05\x06"):
        raise ValueError(f"{path.name} must be a whole .npz file, got one that begins otherwise")
    refuse_unpacked(path, unpacked)
    return np.load(path, allow_pickle=False)


def refuse_unpacked(path: Path, unpacked: int) -> None:
    """Refuse a file that unpacks to far more than its size.

    Parameters
    ----------
    path
        An existing file.
    unpacked
        The bytes that it says it unpacks to.

    Raises
    ------
    ValueError
        Names both.
    """
    if unpacked > max(LARGE, MOST_UNPACKED * path.stat().st_size):
        rule = f"unpack to at most {MOST_UNPACKED} times its size"
        raise ValueError(f"{must(path.name, rule, unpacked)} bytes")


def read_array(path: Path, archive: Any, name: str) -> Any:
    """Read an array of an archive.

    Parameters
    ----------
    path
        Of the archive, for messages.
    archive
        What `open_archive` gave.
    name
        Of the array.

    Returns
    -------
    ndarray
        With at least no Python objects in it.

    Raises
    ------
    ValueError
        It is missing, not whole, or would have to be unpickled.
    """
    try:
        return archive[name]
    except KeyError:
        raise ValueError(f"{path.name} must hold an array {name!r}, got none") from None
    except BROKEN as error:
        if "allow_pickle" in str(error):
            found = must(name, "hold plain numbers", "an array of Python objects")
            raise ValueError(f"{path.name}: {found}") from None
        reason = " ".join(str(error).split())
        raise ValueError(f"{path.name}: {name} must be a whole array, got: {reason}") from None
