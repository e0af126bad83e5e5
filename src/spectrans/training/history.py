"""What was measured in the course of a run, as a file."""

import json
from pathlib import Path
from typing import Any

from spectrans.errors import must, unreadable

HISTORY = "metrics.jsonl"


def read_history(directory: str | Path) -> list[dict[str, Any]]:
    """Read what was measured in the course of a run.

    Parameters
    ----------
    directory
        Folder of a run.

    Returns
    -------
    list of dict
        Plain data, in order.

    Raises
    ------
    ValueError
        A line that is no JSON object.
    """
    path = Path(directory) / HISTORY
    found: list[dict[str, Any]] = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            found.append(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} line {len(found) + 1} must be whole JSON: {unreadable(error)}"
        ) from None
    wrong = [entry for entry in found if not isinstance(entry, dict)]
    if wrong:
        raise ValueError(must(str(path), "hold JSON objects", wrong[0]))
    return found
