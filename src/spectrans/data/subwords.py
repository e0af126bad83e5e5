"""Texts that were read as bytes, cut to pieces of words afterwards."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32, Int64, UInt8

from spectrans.data.intake import LONGEST_TEXT
from spectrans.data.store import Store
from spectrans.data.tokenizer import BATCH, Pieces, Tokenizer
from spectrans.sequences import Sequences
from spectrans.tasks.tokens import NO_LABEL


class Subwords(NamedTuple):
    """Texts as pieces, their labels where pieces have labels, and the lengths before the cut."""

    tokens: Sequences
    labels: Sequences | None
    given: Int64[np.ndarray, " rows"]


class Texts:
    """Texts whose bytes are given, one after the other, as often as they are asked for.

    Parameters
    ----------
    rows
        The bytes.
    """

    def __init__(self, rows: Sequences) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[str]:
        for row in self.rows:
            yield row.tobytes().decode()


def subwords(
    tokenizer: Tokenizer, texts: Sequences, labels: Sequences | None, max_length: int | None
) -> Subwords:
    """Cut texts to pieces.

    Parameters
    ----------
    tokenizer
        What cuts them.
    texts
        Bytes of each.
    labels
        A label for each byte, -100 for none; None where bytes have no labels.
    max_length
        Pieces that are kept of a text; None stands for 1,024.

    Returns
    -------
    Subwords
        A piece has the first label of its bytes.

    Raises
    ------
    ValueError
        A text of which no piece comes.
    """
    limit = LONGEST_TEXT if max_length is None else max_length
    tokens, kept = Store(np.int32), Store(np.int32)
    given = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), BATCH):
        some = texts[start : start + BATCH]
        for row, pieces in enumerate(tokenizer.cut(list(Texts(some))), start):
            if not len(pieces.ids):
                text = texts[row].tobytes().decode()
                raise ValueError(f"the tokenizer must give pieces of every text, got none of "
                                 f"{text[:80]!r}")  # fmt: skip
            given[row] = len(pieces.ids)
            tokens.append(pieces.ids[:limit])
            if labels is not None:
                kept.append(piece_labels(texts[row], labels[row], pieces)[:limit])
    lengths = np.minimum(given, limit)
    found = tokens.finish(lengths)
    return Subwords(found, None if labels is None else kept.finish(lengths), given)


def piece_labels(
    text: UInt8[np.ndarray, " bytes"], labels: np.ndarray, pieces: Pieces
) -> Int32[np.ndarray, " pieces"]:
    """Give each piece the first label of the bytes it covers, and -100 where there is none."""
    # Bytes 0b10xxxxxx continue a character.
    starts = np.append(np.flatnonzero(text & 0xC0 != 0x80), len(text))
    found = np.full(len(pieces.ids), NO_LABEL, dtype=np.int32)
    # The pieces of one character cover the same bytes: only the first has their label.
    done = 0
    for number, (first, last) in enumerate(pieces.spans):
        covered = labels[max(done, starts[first]) : starts[last]]
        known = covered[covered != NO_LABEL]
        if len(known):
            found[number] = known[0]
        done = max(done, int(starts[last]))
    return found
