"""A task that is learnt in seconds and not by counting: which of two marks comes first?"""

import numpy as np

from spectrans.data import Dataset, Examples, Ids
from spectrans.tasks import Classification

FILL, FIRST, SECOND = 8, 8, 9


def _split(rows: int, length: int, shortest: int, random: np.random.RandomState) -> Examples:
    labels = np.arange(rows) % 2
    sequences = []
    for label in labels:
        n = random.randint(shortest, length + 1)
        tokens = random.randint(0, FILL, n).astype(np.uint8)
        early, late = np.sort(random.choice(n, 2, replace=False))
        tokens[[early, late]] = (FIRST, SECOND) if label else (SECOND, FIRST)
        sequences.append(tokens)
    return Examples(tuple(sequences), labels.astype(np.int64))


def order_task(rows: int = 256, length: int = 12, shortest: int | None = None) -> Dataset:
    """Rows for training, and half as many to choose and to test."""
    random = np.random.RandomState(0)
    shortest = length if shortest is None else shortest
    splits = [_split(n, length, shortest, random) for n in (rows, rows // 2, rows // 2)]
    return Dataset(
        name="order",
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        task=Classification(labels=("second first", "first first")),
        encoding=Ids(vocab_size=10),
        max_length=length,
        description="which of two marks comes first",
        licence="none",
    )
