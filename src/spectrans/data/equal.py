"""Which rows hold the same, told by 64 bits of each."""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt64

from spectrans import spill
from spectrans.data.reading import LEFT_OUT
from spectrans.spill import blocks, chosen, room


def fingerprint(item: bytes | np.ndarray) -> int:
    """Give 64 bits that tell inputs apart: of 10 million, two collide with probability 3e-6."""
    content = item if isinstance(item, bytes) else np.ascontiguousarray(item).tobytes()
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "little")


def groups(prints: UInt64[np.ndarray, " rows"]) -> Iterator[Int64[np.ndarray, " some"]]:
    """Give all rows from first to last, equal ones together, about a million each time.

    Fingerprints are spread evenly. Equal ones are never parted, however many they are.
    """
    parts = 1
    while len(prints) > parts * spill.FEW:
        parts *= 2
    for part in range(parts):
        low, high = (2**64 // parts * k for k in (part, part + 1))
        yield chosen((prints >= np.uint64(low)) & (prints <= np.uint64(high - 1)))


def first_of_equal(prints: UInt64[np.ndarray, " rows"]) -> Int64[np.ndarray, " rows"]:
    """Give for each row the first row that is equal."""
    found = room(len(prints), np.int64)
    for rows in groups(prints):
        _, first, group = np.unique(prints[rows], return_index=True, return_inverse=True)
        found[rows] = rows[first[group]]
    return found


def repeats(first: Int64[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
    """Say which rows are not the first of equal ones."""
    found = np.empty(len(first), dtype=bool)
    for part in blocks(len(first)):
        found[part] = first[part] != np.arange(part.start, part.stop)
    return found


def without_doubles(
    split: UInt8[np.ndarray, " rows"], prints: UInt64[np.ndarray, " rows"]
) -> UInt8[np.ndarray, " rows"]:
    """Leave out all but one of equal rows, preferably one of the test split."""
    only = np.full_like(split, LEFT_OUT)
    for rows in groups(prints):
        order = np.argsort(-split[rows].astype(np.int8), kind="stable")
        _, kept = np.unique(prints[rows][order], return_index=True)
        only[rows[order[kept]]] = split[rows[order[kept]]]
    return only
