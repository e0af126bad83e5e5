"""Which examples are for training, for choosing and for reporting."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from spectrans.errors import must


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
    drawn: dict[str, list[np.ndarray]] = {"train": [], "validation": [], "test": []}
    for label, (choose, report) in enumerate(zip(validation, test, strict=True)):
        rows = random.permutation(np.flatnonzero(labels == label))
        drawn["test"].append(rows[:report])
        drawn["validation"].append(rows[report : report + choose])
        drawn["train"].append(rows[report + choose :])
    return Split(**{name: random.permutation(np.concatenate(rows)) for name, rows in drawn.items()})
