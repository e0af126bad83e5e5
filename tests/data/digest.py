"""One number for everything in a data set that a model can see."""

import hashlib

from spectrans.data import Dataset


def digest(dataset: Dataset) -> str:
    """Hash the tokens and labels of all splits in order."""
    parts = (
        part
        for split in (dataset.train, dataset.validation, dataset.test)
        for part in (*split.tokens, split.labels)
    )
    return hashlib.sha256(b"|".join(part.tobytes() for part in parts)).hexdigest()[:16]
