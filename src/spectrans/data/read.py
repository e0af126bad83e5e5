"""A user's files and folders as data sets."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8

from spectrans.data.alike import alike, fingerprints
from spectrans.data.dataset import Dataset, Examples
from spectrans.data.encoding import AnyEncoding, Ids, Subwords, Vectors
from spectrans.data.equal import first_of_equal, repeats, without_doubles
from spectrans.data.reader import Reader
from spectrans.data.reading import LEFT_OUT, SPLITS, Reading
from spectrans.data.sources import Refuse, find, strict
from spectrans.data.spec import DataSpec
from spectrans.data.splits import draw, generator, merged, shuffled
from spectrans.data.store import Store
from spectrans.data.subwords import Texts, subwords
from spectrans.data.tokenizer import MASKS, Tokenizer, make
from spectrans.data.utf8 import word_starts
from spectrans.sequences import Sequences
from spectrans.spill import blocks, chosen, gathered
from spectrans.tasks import MaskedLM, Task
from spectrans.tasks.base import Labels
from spectrans.tasks.tokens import NO_LABEL


class _Rows(NamedTuple):
    """All rows of a source: `first` is the first row with the same input."""

    task: Task
    tokens: Sequences
    labels: Labels
    first: Int64[np.ndarray, " rows"]

    def examples(self, order: Int64[np.ndarray, " chosen"]) -> Examples:
        """Give these rows in this order."""
        labels = self.labels
        if isinstance(labels, Sequences):
            labels = labels.take(order)
        elif labels is not None:
            labels = gathered(labels, order)
        return Examples(self.tokens.take(order), labels)


def read(spec: DataSpec, refuse: Refuse = strict) -> Dataset:
    """Read labelled sequences from a file or folder and split them.

    Parameters
    ----------
    spec
        What to read, see `spectrans.data.sources.find`.
    refuse
        Told of each row that cannot be used; by default one bad row refuses the source.

    Returns
    -------
    Dataset
        The splits that the source has. Of splits that it lacks, 15 % of each class, and at most
        20,000 rows, are drawn from the rows for training. Rows with the same input are in the same
        split, unless the source has them in two.

    Raises
    ------
    ValueError
        What is wrong with the source, in one sentence with its name, the row and the way out.
    """
    path = Path(spec.source)
    reader = Reader(spec, refuse)
    for part, source in find(path, refuse).items():
        reader.read(part, source)
    if not len(reader.numbers):
        raise ValueError(f"{path.name} must hold rows that can be used, got none")
    reader.refuse_repeated_ids()
    trained = reader.parts.get("train", slice(None))
    task, labels = reader.collector.finish(path.name, trained)
    tokens, encoding = reader.intake.finish(trained)
    if task.per_token and isinstance(labels, Sequences):
        labels = spread(tokens, labels, encoding)
    rows = _Rows(task, tokens, labels, first_of_equal(reader.inputs.finish()))
    random = generator(spec.seed)
    split = _split(path.name, rows, reader, random)
    if spec.dedup:
        split = without_doubles(split, reader.inputs.finish())
    reading = _reading(reader, rows, split)
    tokenizer = None
    if spec.tokenizer is not None and spec.tokenizer != "byte":
        trained_on = Texts(tokens.take(chosen(split == 0)))
        tokenizer = make(spec.tokenizer, spec.vocab_size, trained_on)
        rows, encoding, reading = _in_pieces(spec, tokenizer, rows, reading)
        prints = fingerprints(rows.tokens)
        if spec.dedup:
            used = split != LEFT_OUT
            split[used] = without_doubles(split[used], prints[used])
        reading = replace(reading, split=split, alike=alike(reader.inputs.finish(), prints, split))
    task, encoding = joined(path.name, rows.task, encoding, tokenizer)
    rows = rows._replace(task=task)
    orders = [shuffled(chosen(split == code), random) for code in range(len(SPLITS))]
    train, validation, test = (rows.examples(order) for order in orders)
    return Dataset(
        name=path.name,
        train=train,
        validation=validation,
        test=test,
        task=task,
        encoding=encoding,
        max_length=int(rows.tokens.lengths.max()),
        description=f"{int((split != LEFT_OUT).sum()):,} {reader.intake.noun} {task.describe()}, "
        f"read as {encoding.describe()}",
        licence="as its owner says",
        truncated=reading.truncated,
        reading=reading,
        tokenizer=None if tokenizer is None else tokenizer.written,
    )


def _in_pieces(
    spec: DataSpec, tokenizer: Tokenizer, rows: _Rows, reading: Reading
) -> tuple[_Rows, AnyEncoding, Reading]:
    """Give rows as pieces of words, and what was seen in terms of these."""
    byte_labels = rows.labels if isinstance(rows.labels, Sequences) else None
    tokens, labels, given = subwords(tokenizer, rows.tokens, byte_labels, spec.max_length)
    encoding = Subwords(
        vocab_size=tokenizer.vocab_size,
        name=Path(spec.tokenizer or "").name,
        fingerprint=tokenizer.fingerprint,
    )
    cut = int((given > tokens.lengths).sum())
    seen = replace(reading, lengths=given, unit="tokens", truncated=cut)
    kept = rows.labels if labels is None else labels
    return rows._replace(tokens=tokens, labels=kept), encoding, seen


def joined(
    file: str, task: Task, encoding: AnyEncoding, tokenizer: Tokenizer | None
) -> tuple[Task, AnyEncoding]:
    """Give a task that needs a token for what is hidden one that no row holds.

    Parameters
    ----------
    file
        Name of the data, for messages.
    task
        What is asked.
    encoding
        What a token is.
    tokenizer
        What cut the texts, if they are pieces.

    Returns
    -------
    tuple
        The task and the encoding, unchanged for all tasks but one.

    Raises
    ------
    ValueError
        Tokens of which none can be hidden.
    """
    if not isinstance(task, MaskedLM):
        return task, encoding
    if isinstance(encoding, Vectors):
        raise ValueError(f"{file} must hold texts or ids for masked-lm, got vectors of numbers")
    if isinstance(encoding, Ids):
        mask = encoding.vocab_size
        return MaskedLM(mask=mask, vocab_size=mask), Ids(vocab_size=mask + 1)
    if tokenizer is not None:
        if tokenizer.mask is None:
            raise ValueError(f"the tokenizer must have one of {', '.join(MASKS)} for masked-lm")
        return MaskedLM(mask=tokenizer.mask, vocab_size=encoding.vocab_size), encoding
    # No text holds NUL, which reading refuses.
    return MaskedLM(mask=0, vocab_size=encoding.vocab_size), encoding


def spread(tokens: Sequences, labels: Sequences, encoding: AnyEncoding) -> Sequences:
    """Give a label for each token: those of words at their first byte, and -100 elsewhere."""
    if encoding.kind != "byte":
        return Sequences(labels.flat, labels.starts, np.minimum(labels.lengths, tokens.lengths))
    store = Store(np.int32)
    for text, label in zip(tokens, labels, strict=True):
        places = word_starts(text)
        spread = np.full(len(text), NO_LABEL, dtype=np.int32)
        spread[places] = label[: len(places)]
        store.append(spread)
    return store.finish(tokens.lengths)


def _split(
    file: str, rows: _Rows, reader: Reader, random: np.random.RandomState
) -> UInt8[np.ndarray, " rows"]:
    """Say which split each row is in: as the source says, and drawn where it says nothing."""
    split = np.zeros(len(rows.first), dtype=np.uint8)
    for part, where in reader.parts.items():
        split[where] = SPLITS.index(part) if part in SPLITS else 0
    missing = [name for name in SPLITS if name not in reader.parts and name != "train"]
    if not missing:
        return split
    # Each different input once; the class of one that repeats is that of its first row.
    leaders = chosen(~repeats(rows.first) & (split == 0))
    strata = _strata(file, rows, reader, leaders, 1 + len(missing))
    for name, drawn in zip(missing, draw(strata, len(missing), random), strict=True):
        split[leaders[drawn]] = SPLITS.index(name)
    # Repetitions go where their first row went, unless they were given elsewhere.
    for some in blocks(len(split)):
        free = split[some] == 0
        split[some][free] = split[rows.first[some][free]]
    return split


def _strata(
    file: str, rows: _Rows, reader: Reader, leaders: Int64[np.ndarray, " leaders"], fewest: int
) -> Int64[np.ndarray, " leaders"]:
    """Give the stratum of each row that splits are drawn from; refuse what is too small."""
    noun, cut = reader.intake.noun, reader.intake.truncated
    strata, names = rows.task.strata(rows.labels)
    strata = gathered(strata, leaders) if len(strata) else np.zeros(len(leaders), dtype=np.int64)
    counts = np.bincount(strata, minlength=len(names))
    if names and counts.min() < fewest:
        rule = f"must have at least {fewest} different {noun} in each class"
        name, count = names[int(np.argmin(counts))], counts.min()
        fix = "raise max_length" if cut else "add rows or remove it"
        raise ValueError(f"{file} {rule}, got {count} in {name!r}; {fix}")
    if len(leaders) < fewest:
        rule = f"must have at least {fewest} different {noun}, got {len(leaders)}"
        raise ValueError(f"{file} {rule}; {'raise max_length' if cut else 'add rows'}")
    return strata if names else merged(strata, fewest)


def _reading(reader: Reader, rows: _Rows, split: UInt8[np.ndarray, " rows"]) -> Reading:
    """Put together what was seen."""
    first, intake, columns = rows.first, reader.intake, reader.columns
    repeated = chosen(repeats(first) & (split != LEFT_OUT))
    labels = rows.labels
    conflicts = 0
    if isinstance(labels, np.ndarray):
        differ = labels[repeated] != labels[first[repeated]]
        conflicts = int((differ if differ.ndim == 1 else differ.any(axis=1)).sum())
    leaking = repeated[split[repeated] != split[first[repeated]]]
    leak = None
    if len(leaking):
        leak = (reader.place(int(leaking[0])), reader.place(int(first[leaking[0]])))
    found = {intake.role: columns.inputs}
    if columns.labels:
        found["label"] = ", ".join(columns.labels)
    return Reading(
        columns={**found, "id": columns.id} if columns.id else found,
        split=split,
        given=tuple(part for part in reader.parts if part in SPLITS),
        lengths=intake.given.finish(),
        unit=intake.unit,
        truncated=intake.truncated,
        repeated=len(repeated),
        conflicts=conflicts,
        leaks={SPLITS[code]: int((split[leaking] == code).sum()) for code in (1, 2)},
        leak=leak,
    )
