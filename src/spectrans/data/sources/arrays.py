"""NumPy archives of sequences: ids or vectors, padded, ragged or end to end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int64

from spectrans.archives import open_archive, read_array
from spectrans.data.sources.base import Refuse, Source, refuse_path, strict
from spectrans.data.sources.members import mapped
from spectrans.data.sources.picture import Picture
from spectrans.errors import must

INPUTS = ("x", "X", "inputs", "sequences", "data", "images")
# Of these, what holds pictures.
IMAGES = "images"
LABELS = ("y", "Y", "labels", "label", "targets", "target")
LENGTHS = ("lengths", "length")


class Archive(Source):
    """An `.npz` file: an array of inputs, one of labels, and lengths where rows differ.

    Inputs are `(rows, n)` or `(rows, n, channels)`, padded where `lengths` are given; or
    `(tokens,)` or `(tokens, channels)` end to end, with lengths that add up to the tokens.

    Parameters
    ----------
    path
        The file.
    refuse
        Told of rows that cannot be read.
    part
        What follows the names of the arrays of a split, such as "_train".
    """

    empty: ClassVar[str] = "arrays of length 0"

    def __init__(self, path: Path, refuse: Refuse = strict, part: str = "") -> None:
        super().__init__(path, refuse)
        self.part = part

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the rows, counted from 0 as NumPy does; other arrays as long are columns too."""
        with _open(self.path) as archive:
            names = [name for name in archive.files if name.endswith(self.part)]
            arrays = {name: _array(self.path, archive, name) for name in names}
        inputs = self._inputs(arrays)
        width = arrays[inputs].shape[1] if arrays[inputs].ndim > 1 else None
        lengths = next(
            (arrays.pop(n + self.part) for n in LENGTHS if n + self.part in arrays), None
        )
        flat = arrays.pop(inputs)
        made: Callable[[np.ndarray], np.ndarray | Picture] = np.array
        if inputs.startswith(IMAGES):
            _refuse_images(self.name, inputs, flat, lengths)
            made = Picture
        sizes, starts = _cut(self.name, inputs, flat, lengths)
        for name, array in arrays.items():
            if len(array) != len(sizes):
                rule = f"have one entry for each of the {len(sizes)} rows of {inputs!r}"
                raise ValueError(f"{self.name}: {must(name, rule, len(array))}")
        columns = {name.removesuffix(self.part): array for name, array in arrays.items()}
        # Those with an entry for each token, padding included.
        padded = {n for n, array in columns.items() if array.ndim > 1 and array.shape[1] == width}
        for number, length in enumerate(sizes.tolist()):
            start = None if starts is None else starts[number]
            sequence = flat[number, :length] if start is None else flat[start : start + length]
            others = {
                name: (array[number, :length] if name in padded else array[number]).tolist()
                for name, array in columns.items()
            }
            yield number, {inputs.removesuffix(self.part): made(sequence), **others}

    def _inputs(self, arrays: dict[str, np.ndarray]) -> str:
        """Give the name of the array of inputs."""
        usual = INPUTS if self.inputs is None else (self.inputs,)
        for name in usual:
            if name + self.part in arrays:
                return name + self.part
        names = ", ".join(f"{name}{self.part}" for name in usual)
        raise ValueError(
            f"{self.name} must hold an array named one of {names}, got {', '.join(arrays)!r}; "
            "name the array with --text"
        )


def parts(path: Path) -> dict[str, str]:
    """Give the splits that the names of an archive's arrays end in: `x_train`, `x_test` ...

    Parameters
    ----------
    path
        An `.npz` file.

    Returns
    -------
    dict
        Splits, each with what its names end in; nothing where there is none for training.
    """
    with _open(path) as archive:
        names = set(archive.files)
    ends = {
        "train": ("_train",),
        "validation": ("_validation", "_valid", "_val"),
        "test": ("_test",),
    }
    found = {
        split: end
        for split, known in ends.items()
        for end in known
        for x in INPUTS
        if x + end in names
    }
    return found if "train" in found else {}


def _open(path: Path) -> Any:
    """Open an archive whose arrays can be unpacked without harm."""
    refuse_path(path)
    return open_archive(path)


def _array(path: Path, archive: Any, name: str) -> np.ndarray:
    """Read one array; refuse Python objects, which would have to be unpickled."""
    try:
        found = mapped(path, name)
        array = read_array(path, archive, name) if found is None else found
    except ValueError as error:
        fix = "pad rows of different lengths to one, or put them end to end, and add lengths"
        raise ValueError(f"{error}; {fix}" if "Python objects" in str(error) else error) from None
    if not isinstance(array, np.ndarray) or array.ndim == 0:
        raise ValueError(f"{path.name}: {must(name, 'be an array with one entry per row', array)}")
    return array


def _refuse_images(file: str, name: str, images: np.ndarray, lengths: np.ndarray | None) -> None:
    """Refuse an array with the name of pictures that does not hold pictures."""
    if images.ndim != 3 or images.dtype != np.uint8 or lengths is not None:
        rule = "be uint8 of the shape (rows, height, width), without lengths"
        raise ValueError(f"{file}: {must(name, rule, f'{images.dtype} {images.shape}')}")


def _cut(
    file: str, name: str, inputs: np.ndarray, lengths: np.ndarray | None
) -> tuple[Int64[np.ndarray, " rows"], Int64[np.ndarray, " rows"] | None]:
    """Give the length of each row, and where it begins where rows lie end to end."""
    if inputs.dtype.kind not in "biuf":
        raise ValueError(f"{file}: {must(name, 'hold numbers', str(inputs.dtype))}")
    if lengths is None:
        if inputs.ndim not in (2, 3):
            rule = "have the shape (rows, n) or (rows, n, channels), or come with lengths"
            raise ValueError(f"{file}: {must(name, rule, inputs.shape)}")
        return np.full(len(inputs), inputs.shape[1], dtype=np.int64), None
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        found = f"{lengths.ndim}-D {lengths.dtype}"
        raise ValueError(f"{file}: {must('lengths', 'be a 1-D array of integers', found)}")
    if len(lengths) == len(inputs) and inputs.ndim > 1:
        wrong = np.flatnonzero((lengths < 1) | (lengths > inputs.shape[1]))
        if len(wrong):
            rule = f"lie between 1 and {inputs.shape[1]}"
            raise ValueError(
                f"{file} row {wrong[0]}: {must('length', rule, int(lengths[wrong[0]]))}"
            )
        return lengths.astype(np.int64), None
    if inputs.ndim > 2 or lengths.min(initial=1) < 1 or lengths.sum() != len(inputs):
        rule = f"be positive and add up to the {len(inputs)} tokens of {name!r}"
        raise ValueError(f"{file}: {must('lengths', rule, int(lengths.sum()))}")
    sizes = lengths.astype(np.int64)
    return sizes, np.cumsum(sizes) - sizes
