"""Labelled sequences: two embedded data sets, and a user's own file, through one interface."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from spectrans.data import digits as _digits
from spectrans.data import languages as _languages
from spectrans.data import read as _read
from spectrans.data.dataset import Dataset as Dataset
from spectrans.data.dataset import Examples as Examples
from spectrans.data.encoding import Bytes as Bytes
from spectrans.data.encoding import Ids as Ids
from spectrans.data.encoding import Pixels as Pixels
from spectrans.data.encoding import Subwords as Subwords
from spectrans.data.encoding import Vectors as Vectors
from spectrans.data.reading import Reading as Reading
from spectrans.data.sources import Refuse, strict
from spectrans.data.spec import DataSpec as DataSpec
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


def load(source: str | Path | DataSpec, *, refuse: Refuse = strict, **settings: Any) -> Dataset:
    """Read an embedded data set by name, or a user's file or folder by path.

    Parameters
    ----------
    source
        A name such as `digits`, `digits32` or `languages128`, see `names()`; the path of a `.csv`,
        `.tsv`, `.jsonl`, `.parquet`, `.npz` or `.txt` file, or of a folder; or a whole spec.
    refuse
        Told of each row that cannot be used; by default one bad row refuses the source.
    **settings
        Those of `DataSpec`, where `source` is none. A limit below the length that the name of an
        embedded data set says is refused.

    Returns
    -------
    Dataset
        Three splits, and what was seen when they were read.

    Raises
    ------
    ValueError
        An unknown name, a setting that cannot act, or what is wrong with the file.
    """
    spec = source if isinstance(source, DataSpec) else DataSpec(source=str(source), **settings)
    embedded = _NAME.fullmatch(spec.source)
    if embedded is None:
        path = Path(spec.source)
        if not (path.suffix or path.exists() or len(path.parts) > 1):
            raise ValueError(unknown("data set", spec.source, names()))
        return _read.read(spec, refuse)
    for argument in ("task", "text", "label", "tokenizer", "vocab_size", "dedup"):
        value = getattr(spec, argument)
        if value:
            rule = f"be left out for {spec.source!r}, which is no file"
            raise ValueError(must(argument, rule, value))
    family = _FAMILIES[embedded[1]]
    dataset = family.build(int(embedded[2] or family.default), spec.seed)
    if spec.max_length is not None and spec.max_length < dataset.max_length:
        rule = f"be at least {dataset.max_length}, the length of {dataset.name!r}"
        raise ValueError(must("max_length", rule, spec.max_length))
    return dataset
