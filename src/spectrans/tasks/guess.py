"""The task that the first rows of a source suggest."""

from typing import Any

import numpy as np

from spectrans.tasks.classification import ClassCollector
from spectrans.tasks.collector import Collector, missing, number
from spectrans.tasks.masked import NoLabels
from spectrans.tasks.multilabel import MultiLabelCollector
from spectrans.tasks.regression import RegressionCollector
from spectrans.tasks.tokens import TokenCollector

# More different whole numbers among the first thousand rows are taken for amounts, not for classes.
MOST_NUMBERED = 100


def collector_for(task: str, columns: tuple[str, ...]) -> Collector:
    """Choose what reads the labels of a source.

    Parameters
    ----------
    task
        Kind of the task.
    columns
        Names of the label columns.

    Returns
    -------
    Collector
        A fresh one.
    """
    match task:
        case "masked-lm":
            return NoLabels()
        case "multi-label":
            return MultiLabelCollector(columns)
        case "regression":
            return RegressionCollector(columns)
        case "token-classification":
            return TokenCollector()
    return ClassCollector()


def guess(inputs: list[Any], labels: list[Any]) -> tuple[str, bool]:
    """Guess the task from the first rows.

    Parameters
    ----------
    inputs
        Of these rows, unchecked.
    labels
        Of these rows, unchecked; of several columns as tuples.

    Returns
    -------
    tuple
        Kind of the task, and whether its classes are whole numbers.
    """
    pairs = [(i, x) for i, x in zip(inputs, labels, strict=True) if not missing(x)]
    known = [label for _, label in pairs]
    if known and all(isinstance(label, (list, tuple)) for label in known):
        return _of_many(pairs), False
    numbers = [number(label) for label in known]
    if not numbers or any(n is None for n in numbers):
        return "classification", False
    whole = all(n is not None and n.is_integer() for n in numbers)
    if whole and len(set(numbers)) <= MOST_NUMBERED:
        return "classification", True
    return "regression", False


def _of_many(pairs: list[tuple[Any, Any]]) -> str:
    """Guess the task from labels that are lists, or come from several columns."""
    values = [one for _, label in pairs for one in label if one is not None]
    # One for each word or token.
    if all(
        isinstance(label, list) and isinstance(row, (list, np.ndarray)) and len(row) == len(label)
        for row, label in pairs
    ):
        return "token-classification"
    # Of very many names the first one decides.
    if any(number(one) is None for one in values) or {number(one) for one in values} <= {0.0, 1.0}:
        return "multi-label"
    return "regression"
