"""The task that the first labels of a source suggest."""

from typing import Any

from spectrans.tasks.classification import ClassCollector
from spectrans.tasks.collector import Collector, missing, number


def collector_for(task: str | None, labels: list[Any]) -> Collector:
    """Choose what reads the labels of a source.

    Parameters
    ----------
    task
        Kind of the task, if the user named it.
    labels
        Those of the first rows, unchecked.

    Returns
    -------
    Collector
        A fresh one.
    """
    numbers = [number(label) for label in labels if not missing(label)]
    whole = bool(numbers) and all(n is not None and n.is_integer() for n in numbers)
    return ClassCollector(whole=task is None and whole)
