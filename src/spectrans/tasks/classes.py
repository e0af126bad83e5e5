"""Names of classes, as the labels of a source come up with them."""

import re
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Int64

from spectrans.tasks.collector import Place

# Longer ones are names: they are not computed with.
_WHOLE = re.compile(r"-?\d{1,18}")


class Classes:
    """Classes in the order in which they come up: the first has the code 0.

    Parameters
    ----------
    most
        How many there may be.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._codes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def code(self, name: str) -> int:
        """Give the code of a class, which may be new."""
        return self._codes.setdefault(name, len(self._codes))

    def check(self, place: Place) -> None:
        """Refuse the labels of a row by which there are too many."""
        if len(self) > self.most:
            rule = f"must be of at most {self.most:,} classes"
            raise ValueError(f"{place()}: labels {rule}, got another; is it the right column?")

    def finish(self, source: str) -> tuple[tuple[str, ...], Int64[np.ndarray, " classes"]]:
        """Give the names in order, and for each code where its name stands there."""
        if len(self) < 2:
            known = ", ".join(self) or "none"
            raise ValueError(f"{source} must have at least 2 classes, got only {known!r}")
        names = in_order(self)
        return names, self.among(names)

    def among(self, names: tuple[str, ...], absent: int = -1) -> Int64[np.ndarray, " classes"]:
        """Give for each code where its name stands among those of a task, or else `absent`."""
        index = {name: k for k, name in enumerate(names)}
        return np.array([index.get(name, absent) for name in self], dtype=np.int64)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort classes: by value when all are whole numbers, else by name."""
    if all(_WHOLE.fullmatch(name) for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))
