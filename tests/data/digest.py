"""One number for everything in a data set that a model can see."""

import hashlib

import numpy as np

from spectrans.data import Dataset, Examples


def labels(split: Examples) -> list[np.ndarray]:
    """The array of labels, or one for each row."""
    return [split.labels] if isinstance(split.labels, np.ndarray) else list(split.labels)


def digest(dataset: Dataset) -> str:
    """Hash the tokens and labels of all splits in order."""
    parts = (
        part
        for split in (dataset.train, dataset.validation, dataset.test)
        for part in (*split.tokens, *labels(split))
    )
    return hashlib.sha256(b"|".join(part.tobytes() for part in parts)).hexdigest()[:16]
