"""Labelled sequences: two embedded data sets, and a user's own file, through one interface."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from spectrans.data import digits as _digits
from spectrans.data import files as _files
from spectrans.data import languages as _languages
from spectrans.data.dataset import Dataset as Dataset
from spectrans.data.dataset import Examples as Examples
from spectrans.data.encoding import Bytes as Bytes
from spectrans.data.encoding import Ids as Ids
from spectrans.data.encoding import Pixels as Pixels
from spectrans.errors import must, unknown


class _Family(NamedTuple):
    """Embedded data sets that differ in one number, which ends their name."""

    build: Callable[[int, int], Dataset]
    describe: Callable[[int], str]
    default: int
    listed: tuple[int, ...]


_FAMILIES = {
    "digits": _Family(_digits.digits, _digits.describe, _digits.DEFAULT, (12, 16, 24, 32, 48, 64)),
    "languages": _Family(
        _languages.languages, _languages.describe, _languages.DEFAULT, (32, 64, 128, 256)
    ),
}
_NAME = re.compile(rf"({'|'.join(_FAMILIES)})(\d*)")


def names() -> dict[str, str]:
    """Give the embedded data sets, each with a line that describes it.

    Other numbers work too: `digits12` to `digits64`, `languages16` to `languages512`.

    Returns
    -------
    dict
        Descriptions under their names, families together, smallest first.

    Examples
    --------
    >>> names()["digits"]
    '1,797 real handwritten digits, each at a random spot of a 12x12 canvas, read as 144 pixels'
    """
    listing = {}
    for name, family in _FAMILIES.items():
        listing[name] = family.describe(family.default)
        listing |= {f"{name}{number}": family.describe(number) for number in family.listed}
    return listing


def load(
    source: str | Path,
    *,
    seed: int = 0,
    max_length: int | None = None,
    text: str | None = None,
    label: str | None = None,
) -> Dataset:
    """Read an embedded data set by name, or a user's file by path, to the same kind of value.

    Parameters
    ----------
    source
        A name such as `digits`, `digits32` or `languages128`, see `names()`; or the path of a
        `.csv`, `.tsv` or `.jsonl` file in UTF-8.
    seed
        Decides the splits, and the places of digits.
    max_length
        For files: cut longer texts to this many bytes. A limit below the length that the name of
        an embedded data set says is refused.
    text
        For files: column of the text; by default the first of `text sentence content review`.
    label
        For files: column of the class; by default the first of `label class category target`.

    Returns
    -------
    Dataset
        Three splits; `Dataset.truncated` counts the texts that were cut.

    Raises
    ------
    ValueError
        An unknown name, an argument that cannot act, or what is wrong with the file.
    """
    embedded = _NAME.fullmatch(str(source))
    if embedded is None:
        path = Path(source)
        if not (path.suffix or path.exists() or len(path.parts) > 1):
            raise ValueError(unknown("data set", str(source), names()))
        return _files.read(path, seed=seed, max_length=max_length, text=text, label=label)
    for argument, value in (("text", text), ("label", label)):
        if value is not None:
            raise ValueError(must(argument, f"be left out for {source!r}, which is no file", value))
    family = _FAMILIES[embedded[1]]
    dataset = family.build(int(embedded[2] or family.default), seed)
    if max_length is not None and max_length < dataset.max_length:
        rule = f"be at least {dataset.max_length}, the length of {dataset.name!r}"
        raise ValueError(must("max_length", rule, max_length))
    return dataset
