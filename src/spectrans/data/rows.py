"""Reading CSV, TSV and JSONL files row by row, refusing what cannot be meant."""

import csv
import json
import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from spectrans.errors import must, unknown

TEXT_COLUMNS = ("text", "sentence", "content", "review")
LABEL_COLUMNS = ("label", "class", "category", "target")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*SEPARATORS, ".jsonl")
EMPTY = {".csv": "the header only", ".tsv": "the header only", ".jsonl": "blank lines only"}
# A longer line is a file of another kind; reading on would only fill the memory.
LONGEST_LINE = 2**24
# What a message quotes from a file: never pages of it, and control characters escaped.
BRIEF = reprlib.Repr()
BRIEF.maxstring = 80


class Row(NamedTuple):
    """One labelled text and where it was found, `<file name> line <number>`."""

    place: str
    text: str
    label: str | int


class Columns(NamedTuple):
    """The names of the two columns that are read."""

    text: str
    label: str


def rows(path: Path, text: str | None = None, label: str | None = None) -> Iterator[Row]:
    """Give the labelled texts of a file in order.

    Parameters
    ----------
    path
        A `.csv`, `.tsv` or `.jsonl` file in UTF-8. The first line of CSV and TSV names the
        columns; each line of JSONL is an object.
    text
        Column of the text; by default the first present of `text sentence content review`.
    label
        Column of the class; by default the first present of `label class category target`.

    Yields
    ------
    Row
        Text as written; label without surrounding blanks. Lines without any field are skipped.

    Raises
    ------
    ValueError
        What is wrong, with file name, line and the way out.
    """
    _refuse_path(path)
    read = _objects if path.suffix.lower() == ".jsonl" else _records
    columns = None
    for place, record in read(path):
        if columns is None:
            columns = _choose(path.name, list(record), text, label)
        _refuse_missing(place, record, columns)
        found = record[columns.text], record[columns.label]
        yield Row(place, _text(place, columns.text, found[0]), _label(place, columns, found[1]))
    if columns is None:
        raise ValueError(f"{path.name} must hold rows of data, got {EMPTY[path.suffix.lower()]}")


def _must(argument: str, rule: str, value: object) -> str:
    """Say which argument breaks which rule, with the beginning and end of the value."""
    return f"{argument} must {rule}, got {BRIEF.repr(value)}"


def _refuse_path(path: Path) -> None:
    """Refuse what is not a readable file of a known kind, before opening it."""
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(must("source", f"end in {', '.join(SUFFIXES)}", str(path)))
    if path.is_dir():
        raise ValueError(must("source", "name a file, not a folder", str(path)))
    if not path.exists():
        raise ValueError(must("source", "name an existing file", str(path)))
    if not path.stat().st_size:
        raise ValueError(f"{path.name} must not be empty, got 0 bytes")


def _lines(path: Path) -> Iterator[str]:
    """Give the lines of a UTF-8 file, with or without a byte order mark."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            place = f"{path.name} line {number}"
            if len(line) > LONGEST_LINE:
                raise ValueError(f"{place} must hold at most {LONGEST_LINE:,} bytes, got more")
            try:
                decoded = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                found = f"byte 0x{line[error.start]:02x} at position {error.start + 1}"
                message = f"{place} must be UTF-8, got {found}; save the file as UTF-8"
                raise ValueError(message) from None
            if "\0" in decoded:
                message = f"{place} must not contain NUL, got one; save the file as UTF-8 text"
                raise ValueError(message)
            yield decoded


@contextmanager
def _long_fields() -> Iterator[None]:
    """Allow fields as long as a line: Python's own limit of 131,072 is less than a long text."""
    before = csv.field_size_limit(LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the rows of a table under its header."""
    separator = SEPARATORS[path.suffix.lower()]
    reader = csv.reader(_lines(path), delimiter=separator, strict=True)
    with _long_fields():
        header = _next(path, reader)
        if header is None:
            raise ValueError(f"{path.name} must begin with column names, got blank lines only")
        place, fields = header
        names = _column_names(place, fields, separator)
        while (record := _next(path, reader)) is not None:
            place, fields = record
            if len(fields) != len(names):
                rule = f"have {len(names)} columns, as the header has"
                hint = "put quotes around a field that holds a separator"
                raise ValueError(f"{_must(place, rule, len(fields))}; {hint}")
            yield place, dict(zip(names, fields, strict=True))


def _next(path: Path, reader: Any) -> tuple[str, list[str]] | None:
    """Give the next row that has fields, and the line it begins on; None at the end."""
    fields: list[str] | None = []
    start = 0
    while fields == []:
        start = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            message = f"{path.name} line {start} must be valid CSV, got: {error}"
            raise ValueError(f"{message}; write a quote inside quotes twice") from None
    return None if fields is None else (f"{path.name} line {start}", fields)


def _column_names(place: str, fields: list[str], separator: str) -> list[str]:
    """Check the header of a table."""
    names = [field.strip() for field in fields]
    if len(names) == 1:
        rule = f"name at least two columns, separated by {separator!r}"
        raise ValueError(_must(place, rule, names[0]))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(_must(place, "name every column once", twice[0]))
    return names


def _objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the objects of a JSONL file."""
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        place = f"{path.name} line {number}"
        try:
            value = json.loads(line)
        # RecursionError: brackets nested deeper than Python's stack.
        except (json.JSONDecodeError, RecursionError) as error:
            reason = getattr(error, "msg", "brackets nested too deep")
            raise ValueError(f"{place} must be one JSON object, got: {reason}") from None
        if not isinstance(value, dict):
            raise ValueError(_must(place, "be one JSON object", line.strip()))
        yield place, value


def _choose(file: str, names: list[str], text: str | None, label: str | None) -> Columns:
    """Decide which columns to read, from the wishes of the caller and the names in the file."""
    columns = Columns(
        _column(file, "text", text, TEXT_COLUMNS, names),
        _column(file, "label", label, LABEL_COLUMNS, names),
    )
    if columns.text == columns.label:
        raise ValueError(_must("label", "name another column than text", columns.label))
    return columns


def _column(
    file: str, role: str, wanted: str | None, usual: tuple[str, ...], names: list[str]
) -> str:
    """Give the wanted column, or the first with a usual name whatever its case."""
    if wanted is not None:
        if wanted not in names:
            raise ValueError(f"{file}: {unknown('column', wanted, names)}")
        return wanted
    for candidate in usual:
        for name in names:
            if name.lower() == candidate:
                return name
    rule = f"have a column named one of {', '.join(usual)}"
    message = _must(file, rule, ", ".join(names))
    raise ValueError(f"{message}; name the column with {role}=...")


def _refuse_missing(place: str, record: dict[str, Any], columns: Columns) -> None:
    """Refuse an object without one of the two columns."""
    for name in columns:
        if name not in record:
            raise ValueError(_must(place, f"have the key {name!r}", ", ".join(record) or "no key"))


def _text(place: str, column: str, value: Any) -> str:
    """Check a text: a string with something in it that UTF-8 can hold."""
    if not isinstance(value, str):
        raise ValueError(_must(f"{place}: {column}", "be a string", value))
    if not value.strip():
        message = _must(f"{place}: {column}", "not be empty", value)
        raise ValueError(f"{message}; write a text or remove the row")
    # JSON can spell both with escapes, past the check of the line.
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(_must(f"{place}: {column}", "hold no NUL and no lone surrogate", value))
    return value


def _label(place: str, columns: Columns, value: Any) -> str | int:
    """Check a label: a string with something in it, an integer or a truth value."""
    argument = f"{place}: {columns.label}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return value
    if not isinstance(value, str):
        raise ValueError(_must(argument, "be a string, an integer or a truth value", value))
    if not value.strip():
        raise ValueError(f"{_must(argument, 'not be empty', value)}; label or remove the row")
    return value.strip()
