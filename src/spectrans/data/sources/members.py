"""Arrays of an `.npz` that are not compressed, read from the file where they are needed."""

import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from spectrans.archives import BROKEN

# Of a local header in a zip archive: its size, and where the lengths of name and extra field are.
_HEADER, _NAME = 30, 26
_MAGIC = b"PK\x03\x04"

# Shape, whether columns come first, type.
_Described = tuple[tuple[int, ...], bool, np.dtype]


def mapped(path: Path, name: str) -> np.ndarray | None:
    """Map an array into memory without reading it.

    Parameters
    ----------
    path
        An `.npz` file, as `np.savez` writes it.
    name
        Of the array.

    Returns
    -------
    ndarray or None
        None where the array is compressed, holds Python objects or is not whole: whoever reads it
        then says so.
    """
    try:
        found = _found(path, name)
    except BROKEN:
        return None
    if found is None:
        return None
    start, offset, held, (shape, fortran, kind) = found
    size = int(np.prod(shape, dtype=object)) * kind.itemsize
    if kind.hasobject or not size or offset - start + size > held:
        return None
    back = shape[::-1] if fortran else shape
    whole = np.memmap(path, dtype=kind, mode="r", offset=offset, shape=back)
    # A view that is no memmap: those take ten times as long to cut.
    plain = whole.view(np.ndarray)
    return plain.T if fortran else plain


def _found(path: Path, name: str) -> tuple[int, int, int, _Described] | None:
    """Say where an array and its numbers begin, how many bytes it has, and what it is."""
    with zipfile.ZipFile(path) as archive:
        try:
            entry = archive.getinfo(f"{name}.npy")
        except KeyError:
            return None
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        return None
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        header = file.read(_HEADER)
        if len(header) < _HEADER or not header.startswith(_MAGIC):
            return None
        skipped = sum(int.from_bytes(header[k : k + 2], "little") for k in (_NAME, _NAME + 2))
        start = entry.header_offset + _HEADER + skipped
        file.seek(start)
        described = _described(file)
        return start, file.tell(), entry.file_size, described


def _described(file: IO[bytes]) -> _Described:
    """Read shape, order and type of an array."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)
