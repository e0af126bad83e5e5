"""The interface of a task that comes with the library, and how its name is read."""

import re
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int64

from spectrans.data.dataset import Dataset, Examples
from spectrans.errors import must, unknown
from spectrans.options import Options
from spectrans.sequences import Sequences

_WHOLE = re.compile(r"[-+]?\d{1,18}")
_FRACTION = re.compile(r"[-+]?(\d+\.\d*|\.\d+)")


class Builtin(Options):
    """Settings of a task that comes with the library."""

    # What its name begins with, and the setting, if any, that a number at its end is for.
    family: ClassVar[str]
    number: ClassVar[str]
    # The numbers that listings show.
    listed: ClassVar[tuple[int, ...]] = ()

    @classmethod
    def of(cls, number: str, query: str) -> "Builtin":
        """Read the settings behind a name, as `256` and `train=1000&test=500`.

        Parameters
        ----------
        number
            What follows the name of the family; may be empty.
        query
            Settings with their values, between `&`; may be empty.

        Returns
        -------
        Builtin
            The settings.

        Raises
        ------
        ValueError
            An unknown setting, one without a value or named twice, or a value out of range.
        """
        if number and not cls.number:
            raise ValueError(must(cls.family, "be named without a number", cls.family + number))
        values: dict[str, Any] = {cls.number: int(number)} if number else {}
        for part in query.split("&") if query else ():
            name, equals, value = part.partition("=")
            if name not in cls.model_fields:
                raise ValueError(unknown(f"{cls.family} option", name, cls.model_fields))
            if not (equals and value):
                raise ValueError(must(f"{cls.family} option {name}", "be written name=value", part))
            if name in values:
                raise ValueError(must(f"{cls.family} option {name}", "be given once", part))
            values[name] = _value(value)
        return cls(**values)

    @property
    def name(self) -> str:
        """The name that stands for these settings, without those that are as usual."""
        number = getattr(self, self.number) if self.number else ""
        changed = [
            f"{name}={getattr(self, name)}"
            for name, field in type(self).model_fields.items()
            if name != self.number and getattr(self, name) != field.default
        ]
        return f"{self.family}{number}{'?' if changed else ''}{'&'.join(changed)}"

    def describe(self) -> str:
        """Say in one line what the task is."""
        raise NotImplementedError

    def build(self, seed: int) -> Dataset:
        """Make the data set; the same settings and seed give the same bytes."""
        raise NotImplementedError


def _value(text: str) -> Any:
    """Read a number where one is written."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else text


def in_order(
    tokens: Sequences, labels: Int64[np.ndarray, " rows"] | Sequences, sizes: tuple[int, int, int]
) -> tuple[Examples, Examples, Examples]:
    """Give the first rows for training, the next for validation, the last for testing."""
    first, second, last = np.cumsum(sizes).tolist()
    return (
        Examples(tokens[:first], labels[:first]),
        Examples(tokens[first:second], labels[first:second]),
        Examples(tokens[second:last], labels[second:last]),
    )
