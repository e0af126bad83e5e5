"""Where answers go: to the terminal, as JSON lines, or as a table."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from spectrans.cli.terminal import plain
from spectrans.disk import whole
from spectrans.errors import must
from spectrans.tasks import Task
from spectrans.training.inputs import Input

Write = Callable[[Input, dict[str, Any]], None]
ENDINGS = (".jsonl", ".csv")


def check_out(out: Path | None) -> None:
    """Refuse a file that cannot be written as asked, before anything is computed.

    Parameters
    ----------
    out
        What the user named.

    Raises
    ------
    ValueError
        Another ending, an existing file, or no folder to hold it.
    """
    if out is None:
        return
    if out.suffix.lower() not in ENDINGS:
        raise ValueError(must("--out", f"end in {' or '.join(ENDINGS)}", str(out)))
    if out.exists():
        raise ValueError(must("--out", "name a new file", str(out)))
    if not out.parent.is_dir():
        raise ValueError(must("--out", "lie in a folder that exists", str(out)))


@contextmanager
def writing(
    out: Path | None, task: Task, as_json: bool, draw: Callable[[str], None]
) -> Iterator[Write]:
    """Give a function that takes answers one by one.

    Parameters
    ----------
    out
        File to write; it is there only when it is whole. None is standard output.
    task
        What is answered.
    as_json
        Whether standard output gets JSON lines.
    draw
        Shows the picture of an input.

    Yields
    ------
    Write
        To be called with every input and its answer.
    """
    if out is None:
        yield _json_lines(typer.echo) if as_json else _shown(task, draw)
        return
    with whole(out) as content:
        file = io.TextIOWrapper(content, encoding="utf-8", newline="")
        try:
            table = out.suffix.lower() == ".csv"
            yield _table(file) if table else _json_lines(lambda line: file.write(line + "\n"))
        finally:
            file.detach()  # what holds the bytes brings them to the disk


def numbered(given: Input, answer: dict[str, Any]) -> dict[str, Any]:
    """Give an answer with the number of its row in a file, and whether the row was cut."""
    row = {} if given.row is None else {"row": given.row}
    return {**row, **answer, **({"cut": True} if given.cut else {})}


def _shown(task: Task, draw: Callable[[str], None]) -> Write:
    def write(given: Input, answer: dict[str, Any]) -> None:
        if given.picture:
            draw(given.picture)
        typer.echo(plain(task.show(answer)))

    return write


def _json_lines(put: Callable[[str], Any]) -> Write:
    return lambda given, answer: put(json.dumps(numbered(given, answer), ensure_ascii=False))


def _table(file: io.TextIOWrapper) -> Write:
    writer = csv.writer(file)
    columns: list[str] = []

    def write(given: Input, answer: dict[str, Any]) -> None:
        # Every row has the same columns; a cell may be empty.
        row = {"cut": False, **numbered(given, flat(answer))}
        if not columns:
            columns.extend(row)
            writer.writerow(columns)
        writer.writerow([row.get(name, "") for name in columns])

    return write


def flat(answer: dict[str, Any]) -> dict[str, Any]:
    """Give an answer as the cells of a row.

    Parameters
    ----------
    answer
        Plain data.

    Returns
    -------
    dict
        Lists of names are put together with "|", those of words with blanks; the probability of
        class x is in the column "p(x)", and a regression has a column for each number.
    """
    cells: dict[str, Any] = {}
    for name, value in answer.items():
        if name == "values":
            cells |= value
        elif name == "classes" and isinstance(value, dict):
            cells |= {f"p({label})": share for label, share in value.items()}
        elif name == "top":
            continue
        elif name == "hidden":
            cells["tokens"] = "|".join(str(place["tokens"][0]) for place in value)
        elif name == "words" or (name == "labels" and "probabilities" in answer):
            cells[name] = " ".join(value)
        elif name == "labels":
            cells[name] = "|".join(value)
        elif isinstance(value, (list, dict)):
            cells[name] = json.dumps(value, ensure_ascii=False)
        else:
            cells[name] = value
    return cells
