"""The two embedded data sets under their names."""

from typing import ClassVar

from spectrans.data import digits, languages
from spectrans.data.builtin.base import Builtin
from spectrans.data.dataset import Dataset


class Digits(Builtin):
    """Settings of `spectrans.data.digits`.

    Parameters
    ----------
    size
        Side of the canvas in pixels.
    """

    family: ClassVar[str] = "digits"
    number: ClassVar[str] = "size"
    listed: ClassVar[tuple[int, ...]] = (12, 16, 24, 32, 48, 64)

    size: int = digits.DEFAULT

    def describe(self) -> str:
        """Say in one line what the task is."""
        return digits.describe(self.size)

    def build(self, seed: int) -> Dataset:
        """Make the data set."""
        return digits.digits(self.size, seed)


class Languages(Builtin):
    """Settings of `spectrans.data.languages`.

    Parameters
    ----------
    length
        Bytes of a fragment.
    """

    family: ClassVar[str] = "languages"
    number: ClassVar[str] = "length"
    listed: ClassVar[tuple[int, ...]] = (32, 64, 128, 256)

    length: int = languages.DEFAULT

    def describe(self) -> str:
        """Say in one line what the task is."""
        return languages.describe(self.length)

    def build(self, seed: int) -> Dataset:
        """Make the data set."""
        return languages.languages(self.length, seed)
