"""Standard output for results, standard error for talk."""

import os
import sys
from contextlib import suppress
from typing import Any

from rich.console import Console

from spectrans.data import Dataset
from spectrans.printable import plain as plain

# Where nobody sees the width of a screen, lines may be long.
_WIDE = 160


class _Heard:
    """Standard error, where it does no harm that nobody listens any more.

    The terminal of a long run may be closed: what is computed is worth more than what is said.
    """

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


def talk(quiet: bool = False) -> Console:
    """Give the console for what is said on the way."""
    return _console(_Heard(), quiet=quiet)


def result() -> Console:
    """Give the console for results."""
    return _console(None)


def _console(file: Any, *, quiet: bool = False) -> Console:
    # Without markup: names of files and classes may hold brackets.
    seen = (file or sys.stdout).isatty() or "COLUMNS" in os.environ
    width = None if seen else _WIDE
    return Console(file=file, quiet=quiet, highlight=False, markup=False, width=width)


def introduce(console: Console, dataset: Dataset) -> None:
    """Say what a model is trained, chosen and tested on."""
    console.print(plain(dataset.name), style="bold", end="  ")
    console.print(plain(dataset.description))
    counts = (len(dataset.train), len(dataset.validation), len(dataset.test))
    console.print("rows: {:,} to train on, {:,} to choose by, {:,} to test".format(*counts))
    for line in remarks(dataset):
        console.print(plain(line))


def remarks(dataset: Dataset) -> list[str]:
    """Say what was decided and seen when a user's data were read."""
    reading = dataset.reading
    if reading is None:
        return []
    shown = ", ".join(f"{role} from {column!r}" for role, column in reading.columns.items())
    lines = [f"columns: {shown}"]
    if reading.truncated:
        lines.append(
            f"cut: {reading.truncated:,} rows were longer than {dataset.max_length:,} tokens "
            "(--max-length sets how long a row may be)"
        )
    leaks = sum(reading.leaks.values())
    if leaks and reading.leak:
        lines.append(
            f"warning: {leaks:,} rows are in two splits, {reading.leak[0]} as {reading.leak[1]} "
            "(--dedup leaves such rows out)"
        )
    if reading.alike:
        lines.append(
            f"warning: {reading.alike:,} rows to choose by or test are the same as a row of "
            "another split once they are cut to tokens (--max-length keeps more, --dedup leaves "
            "them out)"
        )
    return lines


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds, or hours and minutes."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes}:{rest:02d}"


def rate(tokens_per_second: float) -> str:
    """Write a speed in a few characters."""
    if tokens_per_second < 1e4:
        return f"{tokens_per_second:,.0f} tok/s"
    return f"{tokens_per_second / 1e3:,.0f}k tok/s"
