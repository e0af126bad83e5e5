"""Which examples are for training, for choosing and for reporting."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from spectrans.errors import must
from spectrans.spill import Growing, chosen

# Share of the rows that a split gets, and at most how many: a larger test tells little more.
SHARE = 0.15
MOST = 20_000


class Split(NamedTuple):
    """The rows of each split, in random order."""

    train: Int64[np.ndarray, " _"]
    validation: Int64[np.ndarray, " _"]
    test: Int64[np.ndarray, " _"]


def generator(seed: int) -> np.random.RandomState:
    """Make the random source of a data set; refuse a seed it cannot hold."""
    if not 0 <= seed < 2**32:
        raise ValueError(must("seed", "be at least 0 and below 2**32", seed))
    # NumPy keeps the numbers of this generator for all time, and does not promise that for its
    # newer ones: a published accuracy must stay comparable.
    return np.random.RandomState(seed)


def stratified(
    labels: Int64[np.ndarray, " rows"],
    validation: Int64[np.ndarray, " classes"],
    test: Int64[np.ndarray, " classes"],
    random: np.random.RandomState,
) -> Split:
    """Draw the given number of rows of each class; the rest of the class is for training."""
    drawn = {name: Growing(np.int64) for name in Split._fields}
    for label, (choose, report) in enumerate(zip(validation, test, strict=True)):
        rows = shuffled(chosen(labels == label), random)
        drawn["test"].extend(rows[:report])
        drawn["validation"].extend(rows[report : report + choose])
        drawn["train"].extend(rows[report + choose :])
    return Split(**{name: shuffled(rows.finish(), random) for name, rows in drawn.items()})


def shuffled(
    rows: Int64[np.ndarray, " rows"], random: np.random.RandomState
) -> Int64[np.ndarray, " rows"]:
    """Give rows in random order, in the memory that they are in."""
    random.shuffle(rows)
    return rows


def draw(
    strata: Int64[np.ndarray, " rows"], wanted: int, random: np.random.RandomState
) -> tuple[Int64[np.ndarray, " _"], ...]:
    """Draw one or two small splits with their share of every stratum.

    Parameters
    ----------
    strata
        The stratum of each row, counted from 0; each has more rows than splits are wanted.
    wanted
        1 draws a split, 2 draws a validation and a test split.
    random
        Decides which rows.

    Returns
    -------
    tuple of ndarray
        For each split 15 % of each stratum, at least a row of it and at most 20,000 rows in all.
    """
    counts = np.bincount(strata)
    share = min(SHARE, MOST / max(1, len(strata)))
    each = np.maximum(1, np.floor(share * counts)).astype(np.int64) * (counts > 0)
    split = stratified(strata, each if wanted == 2 else np.zeros_like(each), each, random)
    return (split.validation, split.test)[2 - wanted :]


def merged(strata: Int64[np.ndarray, " rows"], fewest: int) -> Int64[np.ndarray, " rows"]:
    """Put strata with too few rows together, and with the largest one if these are still too few.

    Parameters
    ----------
    strata
        The stratum of each row, counted from 0.
    fewest
        Rows that a stratum must have.

    Returns
    -------
    ndarray
        Strata that all have as many, if there are as many rows at all.
    """
    counts = np.bincount(strata)
    few = counts < fewest
    rest = len(counts) if counts[few].sum() >= fewest else int(np.argmax(counts))
    return np.where(few[strata], rest, strata)
