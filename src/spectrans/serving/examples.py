"""Rows of the test split, for the page on which a model is tried."""

import json
from pathlib import Path
from typing import Any

from spectrans.data import load
from spectrans.printable import plain, shortened
from spectrans.serving.page import Example
from spectrans.training.inputs import Input, example
from spectrans.training.record import DataRecord, RunRecord

ROWS = 6
# Larger sources would keep a server from starting.
_LARGEST_SOURCE = 20 << 20
_LONGEST_INPUT = 4000
_LONGEST_SHOWN = 120


def examples(record: RunRecord) -> list[Example]:
    """Give a few rows of the test split; none where the data are large, gone or changed.

    Parameters
    ----------
    record
        Of the run.

    Returns
    -------
    list of Example
        Spread over the split.
    """
    source = Path(record.spec.data.source)
    if source.is_dir() or (source.is_file() and source.stat().st_size > _LARGEST_SOURCE):
        return []
    try:
        dataset = load(record.spec.data)
    except (ValueError, OSError):
        return []
    if DataRecord.of(dataset) != record.data:
        return []
    step = max(1, len(dataset.test) // ROWS)
    found = [
        _example(example(dataset, row), row, record.data)
        for row in range(0, len(dataset.test), step)
    ]
    return [one for one in found[:ROWS] if len(one.input) <= _LONGEST_INPUT]


def _example(given: Input, row: int, data: DataRecord) -> Example:
    truth = shortened(plain(_truth(given.truth)), _LONGEST_SHOWN)
    if data.encoding.kind in ("byte", "subword"):
        return Example(given.picture, truth, shortened(plain(given.picture), _LONGEST_SHOWN))
    numbers = given.tokens.tolist()
    if data.encoding.kind == "vector":
        return Example(json.dumps(numbers), truth, f"row {row}")
    return Example(",".join(map(str, numbers)), truth, f"row {row}")


def _truth(truth: Any) -> str:
    """Write a true answer in one line; of tokens that were hidden, nothing."""
    if isinstance(truth, str):
        return truth
    if isinstance(truth, dict):
        return ", ".join(f"{name} {value:g}" for name, value in truth.items())
    if isinstance(truth, list) and not any(isinstance(one, int) for one in truth):
        return ", ".join(one or "-" for one in truth)
    return ""
