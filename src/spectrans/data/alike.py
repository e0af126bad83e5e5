"""Rows that a tokenizer makes the same: by what it cuts off, or does not tell apart."""

import numpy as np
from jaxtyping import Bool, UInt8, UInt64

from spectrans.data.equal import fingerprint, groups
from spectrans.data.reading import LEFT_OUT, SPLITS
from spectrans.sequences import Sequences
from spectrans.spill import room


def fingerprints(tokens: Sequences) -> UInt64[np.ndarray, " rows"]:
    """Give 64 bits for each row, equal for equal rows."""
    found = room(len(tokens), np.uint64)
    for row, entries in enumerate(tokens):
        found[row] = fingerprint(entries)
    return found


def shared(
    prints: UInt64[np.ndarray, " rows"], split: UInt8[np.ndarray, " rows"]
) -> Bool[np.ndarray, " rows"]:
    """Say which rows of validation and test equal a row of another split."""
    found = np.zeros(len(prints), dtype=bool)
    for rows in groups(prints):
        _, group = np.unique(prints[rows], return_inverse=True)
        mine = split[rows]
        used = mine != LEFT_OUT
        seen = np.zeros((int(group.max(initial=0)) + 1, len(SPLITS)), dtype=bool)
        seen[group[used], mine[used]] = True
        found[rows] = used & (mine > 0) & (seen[group].sum(axis=1) > 1)
    return found


def alike(
    texts: UInt64[np.ndarray, " rows"],
    tokens: UInt64[np.ndarray, " rows"],
    split: UInt8[np.ndarray, " rows"],
) -> int:
    """Count the rows of validation and test that only as tokens equal a row of another split.

    Parameters
    ----------
    texts
        Fingerprints of the rows as they were read.
    tokens
        Fingerprints of their tokens.
    split
        Of each row.

    Returns
    -------
    int
        Rows whose text is in no other split.
    """
    return int((shared(tokens, split) & ~shared(texts, split)).sum())
