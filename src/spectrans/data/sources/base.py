"""The interface of a source of rows."""

import reprlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from spectrans.errors import must

# What a message quotes from a file: never pages of it, and control characters escaped.
BRIEF = reprlib.Repr()
BRIEF.maxstring = 80
BRIEF.maxother = 80

# Called with a sentence about one row. It raises, or it takes note, and the row is left out.
Refuse = Callable[[str], None]


def strict(sentence: str) -> None:
    """Refuse the whole source for one bad row.

    Parameters
    ----------
    sentence
        What is wrong with the row.

    Raises
    ------
    ValueError
        The sentence.
    """
    raise ValueError(sentence)


def brief(argument: str, rule: str, value: object) -> str:
    """Say which argument breaks which rule, with the beginning and end of the value."""
    return f"{argument} must {rule}, got {BRIEF.repr(value)}"


class Source:
    """A table: rows with values under column names.

    Parameters
    ----------
    path
        File or folder.
    refuse
        Told of rows that cannot be read.
    """

    # What a row is called in messages.
    unit: ClassVar[str] = "row"
    # What a source without rows holds.
    empty: ClassVar[str] = "none"
    # What stands between columns, where text stands between it.
    separator: ClassVar[str | None] = None
    # Whether rows have no label, and only learning from text without labels is possible.
    unlabelled: ClassVar[bool] = False

    def __init__(self, path: Path, refuse: Refuse = strict) -> None:
        self.path = path
        self.refuse = refuse
        self.name = path.name or str(path)
        # The column of inputs, if the user named it.
        self.inputs: str | None = None

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give every row that can be read, with its number; the first decides the columns."""
        raise NotImplementedError

    def place(self, number: int) -> str:
        """Say where a row is."""
        return f"{self.name} {self.unit} {number}"


def refuse_path(path: Path) -> None:
    """Refuse what is no file with something in it, before opening it.

    Parameters
    ----------
    path
        What a user named.

    Raises
    ------
    ValueError
        No such file, a folder, or nothing in it.
    """
    if path.is_dir():
        raise ValueError(must("source", "name a file, not a folder", str(path)))
    if not path.exists():
        raise ValueError(must("source", "name an existing file", str(path)))
    if not path.stat().st_size:
        raise ValueError(f"{path.name} must not be empty, got 0 bytes")
