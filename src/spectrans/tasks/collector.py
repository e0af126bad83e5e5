"""Reading the labels of a source row by row."""

import math
import reprlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from spectrans.errors import FaultError
from spectrans.tasks.base import Labels, Task

# What a message quotes of a label: never pages of it.
BRIEF = reprlib.Repr()
BRIEF.maxstring = 80

# Says where a row is.
Place = Callable[[], str]


class Matched(NamedTuple):
    """Labels of the rows `kept` for a task that exists, and how often each unseen class occurs."""

    labels: Labels
    kept: Int64[np.ndarray, " kept"]
    unseen: dict[str, int]


class Collector:
    """Checks labels one by one and keeps what a task needs of them."""

    def read(self, value: Any, length: int | None) -> Any:
        """Give a label as it will be kept.

        Parameters
        ----------
        value
            As the source has it; a tuple for several columns.
        length
            Words or tokens of the row, where the row is a list of them; None for a text.

        Returns
        -------
        Any
            What `keep` takes.

        Raises
        ------
        FaultError
            What is wrong with the label.
        """
        raise NotImplementedError

    def keep(self, label: Any, place: Place) -> None:
        """Keep the label of the next row, which is at this place."""
        raise NotImplementedError

    def finish(self, source: str, trained: slice) -> tuple[Task, Labels]:
        """Give the task, and the labels of all rows.

        Parameters
        ----------
        source
            Name for messages.
        trained
            Rows that may be used for training: all, or those of a split that was given.

        Returns
        -------
        tuple
            What there is to answer, and what to answer with.

        Raises
        ------
        ValueError
            The labels make no task.
        """
        raise NotImplementedError

    def match(self, task: Any) -> Matched:
        """Give the labels of all rows as a task that exists has them.

        Parameters
        ----------
        task
            What a model was trained for, of the kind that this collects for.

        Returns
        -------
        Matched
            Rows with a class that the task does not have are left out, and counted; of tokens, the
            token is.

        Raises
        ------
        ValueError
            Labels of another form.
        """
        raise NotImplementedError


def fault(rule: str, value: object, fix: str = "") -> FaultError:
    """Say which rule a label breaks, with the beginning and end of it, and the way out."""
    sentence = f"must {rule}, got {BRIEF.repr(value)}"
    return FaultError(f"{sentence}; {fix}" if fix else sentence)


def number(value: Any) -> float | None:
    """Give the number that a value is or spells; None if it is something else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        # Python reads 1_000 as a thousand; a table hardly means that.
        return None if isinstance(value, str) and "_" in value else float(value)
    except (ValueError, OverflowError):
        return None


def missing(value: Any) -> bool:
    """Say whether a value stands for none: nothing, blanks, or a float that is no number."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())
