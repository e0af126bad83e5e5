"""A user's own texts and labels, from a CSV, TSV or JSONL file."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from spectrans.data.dataset import Dataset, Examples
from spectrans.data.encoding import Bytes
from spectrans.data.rows import rows
from spectrans.data.splits import generator, stratified
from spectrans.data.utf8 import LONGEST_CHARACTER, boundary, tokens
from spectrans.errors import must
from spectrans.tasks import Classification

# Share of each class that validation and test get, each; at least one text.
SHARE = 0.15
FEWEST_PER_CLASS = 3


class Texts(NamedTuple):
    """What was read: the bytes and the class of each row, and how many rows were cut."""

    data: list[bytes]
    labels: list[str]
    truncated: int


def read(
    path: Path,
    seed: int = 0,
    max_length: int | None = None,
    text: str | None = None,
    label: str | None = None,
) -> Dataset:
    """Read labelled texts as UTF-8 bytes and split them.

    Parameters
    ----------
    path
        A `.csv`, `.tsv` or `.jsonl` file in UTF-8.
    seed
        Decides which row is in which split, and the order.
    max_length
        Cut longer texts between characters to this many bytes, at least 4; `truncated` counts.
    text
        Column of the text; by default the first present of `text sentence content review`.
    label
        Column of the class; by default the first present of `label class category target`.

    Returns
    -------
    Dataset
        About 70 % of each class for training, 15 % for validation, 15 % for testing. Rows with
        the same text are in the same split.

    Raises
    ------
    ValueError
        What is wrong with the file, in one sentence with its name, the line and the way out.
    """
    if max_length is not None and max_length < LONGEST_CHARACTER:
        rule = f"be at least {LONGEST_CHARACTER}, the bytes of the longest character"
        raise ValueError(must("max_length", rule, max_length))
    random = generator(seed)
    texts = _read(path, max_length, text, label)
    names = _class_names(path.name, texts.labels)
    index = {name: number for number, name in enumerate(names)}
    labels = np.array([index[name] for name in texts.labels], dtype=np.int64)
    train, validation, test = _split(path.name, texts, labels, names, random)
    return Dataset(
        name=path.name,
        train=train,
        validation=validation,
        test=test,
        task=Classification(labels=names),
        encoding=Bytes(),
        max_length=max(len(data) for data in texts.data),
        description=f"{len(labels):,} texts in {len(names)} classes, read as UTF-8 bytes",
        licence="as its owner says",
        truncated=texts.truncated,
    )


def _read(path: Path, max_length: int | None, text: str | None, label: str | None) -> Texts:
    """Read every row, cut what is too long, and refuse labels of mixed types."""
    data, labels, truncated = [], [], 0
    kind = None
    for row in rows(path, text, label):
        kind = kind or type(row.label)
        if type(row.label) is not kind:
            rule = f"have a label of type {kind.__name__}, as the first row has"
            raise ValueError(must(row.place, rule, row.label))
        encoded = row.text.encode()
        end = len(encoded) if max_length is None else boundary(encoded, max_length)
        truncated += end < len(encoded)
        data.append(encoded[:end])
        labels.append(str(row.label))
    return Texts(data, labels, truncated)


def _class_names(file: str, labels: list[str]) -> tuple[str, ...]:
    """Give the classes in order: by value when all are whole numbers, else by name."""
    names = set(labels)
    if len(names) < 2:
        raise ValueError(f"{file} must have at least 2 classes, got only {labels[0]!r}")
    if all(name.removeprefix("-").isdecimal() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _split(
    file: str,
    texts: Texts,
    labels: Int64[np.ndarray, " rows"],
    names: tuple[str, ...],
    random: np.random.RandomState,
) -> tuple[Examples, ...]:
    """Split the different texts by class, and send every repetition where its first went."""
    first: dict[bytes, int] = {}
    group = np.array([first.setdefault(text, len(first)) for text in texts.data])
    # The class of a text that repeats is that of its first row.
    _, leaders = np.unique(group, return_index=True)
    counts = np.bincount(labels[leaders], minlength=len(names))
    for name, count in zip(names, counts, strict=True):
        if count < FEWEST_PER_CLASS:
            rule = f"must have at least {FEWEST_PER_CLASS} different texts in each class"
            fix = "raise max_length" if texts.truncated else "add rows or remove it"
            raise ValueError(f"{file} {rule}, got {count} in {name!r}; {fix}")
    share = np.maximum(1, np.floor(SHARE * counts)).astype(np.int64)
    split = stratified(labels[leaders], share, share, random)
    chosen = (np.flatnonzero(np.isin(group, groups)) for groups in split)
    orders = (random.permutation(rows) for rows in chosen)
    return tuple(
        Examples(tuple(tokens(texts.data[row]) for row in order), labels[order]) for order in orders
    )
