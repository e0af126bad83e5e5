"""CSV, TSV, JSONL and plain text, line by line in bounded memory."""

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from spectrans.data.sources.base import Source, brief, refuse_path
from spectrans.errors import unreadable

# A longer line is a file of another kind; reading on would only fill the memory.
LONGEST_LINE = 2**24
# Bytes of a pipe that are read together.
_AT_ONCE = 2**20


class Lines(Source):
    """A file in UTF-8, with or without a byte order mark."""

    unit: ClassVar[str] = "line"

    def lines(self) -> Iterator[str]:
        """Give the lines; bad characters are replaced where a refusal does not end it all."""
        refuse_path(self.path)
        with self.path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    rule = f"must hold at most {LONGEST_LINE:,} bytes, got more"
                    raise ValueError(f"{self.place(number)} {rule}; put a break after each row")
                yield self._decode(line, number)

    def _decode(self, line: bytes, number: int) -> str:
        encoding = "utf-8-sig" if number == 1 else "utf-8"
        try:
            decoded = line.decode(encoding)
        except UnicodeDecodeError as error:
            found = f"byte 0x{line[error.start]:02x} at position {error.start + 1}"
            place = self.place(number)
            self.refuse(f"{place} must be UTF-8, got {found}; save the file as UTF-8")
            decoded = line.decode(encoding, errors="replace")
        if "\0" in decoded:
            place = self.place(number)
            self.refuse(f"{place} must not contain NUL, got one; save the file as UTF-8 text")
            decoded = decoded.replace("\0", "")
        return decoded


class Table(Lines):
    """A CSV file: the first line names the columns."""

    empty: ClassVar[str] = "the header only"
    separator: ClassVar[str | None] = ","

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the rows under the header."""
        reader = csv.reader(self.lines(), delimiter=self.separator or ",", strict=True)
        with _long_fields():
            header = self._next(reader)
            if header is None:
                message = f"{self.name} must begin with column names, got blank lines only"
                raise ValueError(message)
            names = self._column_names(*header)
            while (record := self._next(reader)) is not None:
                number, fields = record
                if len(fields) == len(names):
                    yield number, dict(zip(names, fields, strict=True))
                    continue
                rule = f"have {len(names)} columns, as the header has"
                hint = "put quotes around a field that holds a separator"
                self.refuse(f"{brief(self.place(number), rule, len(fields))}; {hint}")

    def _next(self, reader: Any) -> tuple[int, list[str]] | None:
        """Give the next row that has fields, and the line it begins on; None at the end."""
        fields: list[str] | None = []
        start = 0
        while fields == []:
            start = reader.line_num + 1
            try:
                fields = next(reader, None)
            except csv.Error as error:
                message = f"{self.place(start)} must be valid CSV, got: {error}"
                self.refuse(f"{message}; write a quote inside quotes twice")
        return None if fields is None else (start, fields)

    def _column_names(self, number: int, fields: list[str]) -> list[str]:
        """Check the header."""
        names = [field.strip() for field in fields]
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise ValueError(brief(self.place(number), "name every column once", twice[0]))
        return names


class TabTable(Table):
    """A TSV file."""

    separator: ClassVar[str | None] = "\t"


class Objects(Lines):
    """A JSONL file: each line is an object."""

    empty: ClassVar[str] = "blank lines only"

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the objects."""
        for number, line in enumerate(self.lines(), start=1):
            if line.strip() and (value := self.parse(number, line)) is not None:
                yield number, value

    def parse(self, number: int, line: str) -> dict[str, Any] | None:
        """Give the object of a line; None where it is refused."""
        try:
            value = json.loads(line)
        # RecursionError: brackets nested deeper than Python's stack.
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or unreadable(error)
            self.refuse(f"{self.place(number)} must be one JSON object, got: {reason}")
            return None
        if isinstance(value, dict):
            return value
        self.refuse(brief(self.place(number), "be one JSON object", line.strip()))
        return None


class PlainText(Lines):
    """A text file: each line that is not blank is a text."""

    empty: ClassVar[str] = "blank lines only"
    unlabelled: ClassVar[bool] = True

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the lines, with their breaks."""
        for number, line in enumerate(self.lines(), start=1):
            if line.strip():
                yield number, {"text": line}


class Piped(Objects):
    """Standard input, in blocks of whole lines as they arrive."""

    def __init__(self) -> None:
        super().__init__(Path("standard input"))

    def blocks(self) -> Iterator[list[tuple[int, str]]]:
        """Give the lines that are there, with their numbers; blank ones are left out.

        Nothing waits for more than one line, so an answer can be had for each as it is typed; and
        while answers are computed, further lines gather.

        Yields
        ------
        list[tuple[int, str]]
            Lines with their breaks.

        Raises
        ------
        ValueError
            A line without an end.
        """
        rest, number = b"", 0
        while piece := os.read(sys.stdin.fileno(), _AT_ONCE):
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > LONGEST_LINE:
                rule = f"must hold at most {LONGEST_LINE:,} bytes, got more"
                place = self.place(number + len(whole) + 1)
                raise ValueError(f"{place} {rule}; put a break after each row")
            found = [self._decode(line, number + k) for k, line in enumerate(whole, 1)]
            yield [(number + k, line) for k, line in enumerate(found, 1) if line.strip()]
            number += len(whole)
        if rest.strip():
            yield [(number + 1, self._decode(rest, number + 1))]


@contextmanager
def _long_fields() -> Iterator[None]:
    """Allow fields as long as a line: Python's own limit of 131,072 is less than a long text."""
    before = csv.field_size_limit(LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)
