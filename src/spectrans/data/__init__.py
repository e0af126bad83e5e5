"""Labelled sequences: embedded and generated tasks, and a user's files, through one interface."""

from pathlib import Path
from typing import Any

from spectrans.data import read as _read
from spectrans.data.builtin import FAMILIES as _FAMILIES
from spectrans.data.builtin import find as _find
from spectrans.data.builtin import names as names
from spectrans.data.dataset import Dataset as Dataset
from spectrans.data.dataset import Examples as Examples
from spectrans.data.encoding import Bytes as Bytes
from spectrans.data.encoding import Ids as Ids
from spectrans.data.encoding import Pixels as Pixels
from spectrans.data.encoding import Subwords as Subwords
from spectrans.data.encoding import Vectors as Vectors
from spectrans.data.reading import Reading as Reading
from spectrans.data.retell import retold as _retold
from spectrans.data.sources import Refuse, strict
from spectrans.data.spec import DataSpec as DataSpec
from spectrans.errors import must, unknown


def load(source: str | Path | DataSpec, *, refuse: Refuse = strict, **settings: Any) -> Dataset:
    """Read a task that comes with the library by name, or a user's file or folder by path.

    Parameters
    ----------
    source
        A name such as `digits`, `digits32` or `listops?max=500&train=10000`, see `names()`; the
        path of a `.csv`, `.tsv`, `.jsonl`, `.parquet`, `.npz`, `.ts` or `.txt` file, or of a
        folder; or a whole spec.
    refuse
        Told of each row that cannot be used; by default one bad row refuses the source.
    **settings
        Those of `DataSpec`, where `source` is none. A limit below the length that the name of a
        task says is refused.

    Returns
    -------
    Dataset
        Three splits, and what was seen when they were read.

    Raises
    ------
    ValueError
        An unknown name, a setting that cannot act, or what is wrong with the file.

    Examples
    --------
    >>> digits = load("digits")
    >>> len(digits.train), digits.max_length, digits.task.describe()
    (1197, 144, 'in 10 classes')
    """
    spec = source if isinstance(source, DataSpec) else DataSpec(source=str(source), **settings)
    path = Path(spec.source)
    builtin = None if path.exists() and len(path.parts) > 1 else _find(spec.source)
    if builtin is None:
        name = spec.source.partition("?")[0]
        if not path.exists() and not Path(name).suffix and len(Path(name).parts) < 2:
            raise ValueError(unknown("data set", name, _FAMILIES))
        return _read.read(spec, refuse)
    for argument in ("text", "label", "dedup"):
        value = getattr(spec, argument)
        if value:
            rule = f"be left out for {spec.source!r}, which is no file"
            raise ValueError(must(argument, rule, value))
    dataset = _retold(builtin.build(spec.seed), spec)
    if spec.max_length is not None and spec.max_length < dataset.max_length:
        rule = f"be at least {dataset.max_length}, the length of {dataset.name!r}"
        raise ValueError(must("max_length", rule, spec.max_length))
    return dataset
