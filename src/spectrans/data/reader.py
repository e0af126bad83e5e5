"""Rows of one or several sources, checked and kept, ready to be split."""

from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from spectrans.data.columns import Columns, choose
from spectrans.data.equal import fingerprint, first_of_equal, repeats
from spectrans.data.intake import Intake, TextIntake, intake_for
from spectrans.data.pictures import PictureIntake
from spectrans.data.sources import Refuse, Source
from spectrans.data.sources.base import brief
from spectrans.data.sources.lines import LONGEST_LINE
from spectrans.data.sources.picture import Picture
from spectrans.data.spec import DataSpec
from spectrans.errors import FaultError, must
from spectrans.spill import Growing, chosen
from spectrans.tasks.classification import ClassCollector
from spectrans.tasks.collector import Collector
from spectrans.tasks.guess import collector_for, guess

# From how many rows the task is guessed; of very long rows, fewer.
PEEK = 1000
PEEK_BYTES = 2**24

Record = tuple[int, dict[str, Any]]


def _size(value: Any) -> int:
    """Give about the bytes of a value, by the first entry of a list."""
    if isinstance(value, list):
        return 8 * len(value) + (len(value) * _size(value[0]) if value else 0)
    return len(value) if isinstance(value, str) else 0


class Reader:
    """Reads sources that have the same columns, one after the other.

    Parameters
    ----------
    spec
        Which columns, and what they hold.
    refuse
        Told of rows that cannot be used.
    """

    intake: Intake
    collector: Collector
    columns: Columns
    needed: tuple[str, ...]

    def __init__(self, spec: DataSpec, refuse: Refuse) -> None:
        self.spec = spec
        self.refuse = refuse
        self.parts: dict[str, slice] = {}
        self.sources: list[Source] = []
        # Of each row: its number in its source, and a hash of its input and of its id.
        self.numbers = Growing(np.int64)
        self.inputs = Growing(np.uint64)
        self.ids = Growing(np.uint64)

    def read(self, part: str, source: Source) -> None:
        """Read all rows of a source, as a part of the whole.

        Parameters
        ----------
        part
            Name of the part.
        source
            What to read.

        Raises
        ------
        ValueError
            The source holds no row, or not the columns.
        """
        start = len(self.numbers)
        source.inputs = self.spec.text
        rows = source.rows()
        if not self.sources:
            rows = self._begin(source, rows)
        self.sources.append(source)
        number = None
        for number, record in rows:
            self._row(source, number, record)
        self.parts[part] = slice(start, len(self.numbers))
        if number is None:
            raise ValueError(f"{source.name} must hold rows of data, got {source.empty}")

    def _begin(self, source: Source, rows: Iterator[Record]) -> Iterator[Record]:
        """Look at the first rows to decide what the columns are and hold; give all rows."""
        first: list[Record] = []
        size = 0
        for row in rows:
            first.append(row)
            size += sum(map(_size, row[1].values()))
            if len(first) == PEEK or size > PEEK_BYTES:
                break
        if first:
            names = list(first[0][1])
            spec = self.spec
            task = spec.task or ("masked-lm" if source.unlabelled else None)
            labelled = task != "masked-lm"
            if spec.label and not labelled:
                raise ValueError(must("label", "be left out for masked-lm", spec.label))
            self.columns = choose(source, names, spec.text, spec.label, labelled)
            self.needed = self.columns.all
            self._decide(task, [record for _, record in first])
        return chain(first, rows)

    def _decide(self, task: str | None, records: list[dict[str, Any]]) -> None:
        """Choose what takes the inputs and the labels, by the first rows."""
        inputs = [record.get(self.columns.inputs) for record in records]
        labels = [self._label(record) for record in records]
        whole = False
        if task is None:
            task, whole = guess(inputs, labels)
        first = next((i for i in inputs if i is not None), "")
        spec = self.spec
        pieces = spec.tokenizer not in (None, "byte")
        # Pieces are counted when they are cut, from whole texts.
        limit = LONGEST_LINE if pieces else spec.max_length
        if isinstance(first, Picture):
            self.intake = PictureIntake(first, spec.max_length)
        else:
            self.intake = intake_for(first, limit, task == "token-classification")
        if pieces and not isinstance(self.intake, TextIntake):
            raise ValueError(
                must("tokenizer", "be left out where rows are no texts", spec.tokenizer)
            )
        self.collector = (
            ClassCollector(whole=True) if whole else collector_for(task, self.columns.labels)
        )

    def _label(self, record: dict[str, Any]) -> Any:
        """Give the label of a row, of several columns as a tuple."""
        values = tuple(record.get(name) for name in self.columns.labels)
        return values[0] if len(values) == 1 else values

    def _row(self, source: Source, number: int, record: dict[str, Any]) -> None:
        """Check a row and keep it."""
        columns = self.columns
        for name in self.needed:
            if name not in record:
                rule = f"have the key {name!r}"
                self.refuse(brief(source.place(number), rule, ", ".join(record) or "no key"))
                return
        column = columns.inputs
        try:
            item = self.intake.read(record[column])
            column = " and ".join(columns.labels)
            label = self.collector.read(self._label(record), self.intake.places(item))
        except FaultError as fault:
            self.refuse(f"{source.place(number)}: {column} {fault}")
            return
        self.intake.keep(item)
        self.collector.keep(label, partial(source.place, number))
        self.numbers.append(number)
        self.inputs.append(fingerprint(self.intake.cut(item)))
        if columns.id is not None:
            self.ids.append(fingerprint(repr(record[columns.id]).encode()))

    def place(self, row: int) -> str:
        """Say where a row that was kept is."""
        for part, source in zip(self.parts.values(), self.sources, strict=True):
            if part.start <= row < part.stop:
                return source.place(int(self.numbers.finish()[row]))
        raise IndexError(f"there is no row {row}")

    def refuse_repeated_ids(self) -> None:
        """Refuse rows whose id an earlier row has."""
        if not len(self.ids):
            return
        first = first_of_equal(self.ids.finish())
        for row in chosen(repeats(first)):
            fix = "remove the row, or rename the column if it is no id"
            place, other = self.place(int(row)), self.place(int(first[row]))
            self.refuse(f"{place}: {self.columns.id} must not repeat, got that of {other}; {fix}")
