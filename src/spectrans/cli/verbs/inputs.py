"""What `spectrans predict` is asked about, as token sequences, some at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from spectrans.data import load
from spectrans.data.columns import choose
from spectrans.data.sources import FORMATS, Source, strict
from spectrans.data.sources.lines import Piped, PlainText
from spectrans.data.tokenizer import Tokenizer
from spectrans.errors import must
from spectrans.training.inputs import Input, example, read_line, read_value, reads_text
from spectrans.training.record import DataRecord, Run

_NOUNS = {"pixel": "pixels", "id": "ids", "vector": "vectors"}
# Rows that are sorted by length together, and numbers that are kept for that.
WINDOW_ROWS, WINDOW_NUMBERS = 4096, 2**23


def windows(
    run: Run, texts: list[str], file: Path | None, column: str | None, examples: list[int]
) -> Iterator[list[Input]]:
    """Read what a command line names, in the order texts, examples, file.

    Parameters
    ----------
    run
        What will answer.
    texts
        Given as arguments.
    file
        A table with a column of inputs, or one text or row of numbers per line; "-" is standard
        input.
    column
        Of the table the column that holds the inputs; None takes one with a usual name. Lines of
        standard input are JSON objects then.
    examples
        Rows of the test split.

    Yields
    ------
    list[Input]
        At least one in all.

    Raises
    ------
    ValueError
        Nothing to answer, or something that the model cannot have been trained for.
    """
    data = run.record.data
    if texts and not reads_text(data):
        noun = _NOUNS[data.encoding.kind]
        message = f"a model of {noun} takes --file with rows of {noun}, or --example"
        raise ValueError(f"{message}, not text")
    if column is not None and (file is None or not _is_table(file)):
        rule = "be given with --file, a table or - for lines of JSON"
        raise ValueError(must("--text", rule, column))
    cut = None if run.tokenizer is None else Tokenizer(run.tokenizer)
    named = [read_line(f"text {i}", text, data, cut) for i, text in enumerate(texts, 1)]
    named += _examples(run, examples) if examples else []
    some = bool(named)
    if named:
        yield named
    for window in () if file is None else _file(run, file, column, cut):
        some = some or bool(window)
        yield window
    if not some:
        way = "TEXT, --file or --example" if reads_text(data) else "--file or --example"
        raise ValueError(f"nothing to answer: give {way}")


def _is_table(file: Path) -> bool:
    """Say whether a file has columns, or can have: standard input holds JSON objects then."""
    return str(file) == "-" or file.suffix.lower() in FORMATS.keys() - {".txt"}


def _file(run: Run, file: Path, column: str | None, cut: Tokenizer | None) -> Iterator[list[Input]]:
    data = run.record.data
    if str(file) == "-":
        for block in _piped(data, column, cut):
            yield from _gathered(block)
        return
    rows = _table(run, file, column, cut) if _is_table(file) else _lines(file, data, cut)
    yield from _gathered(rows)


def _gathered(rows: Iterable[Input]) -> Iterator[list[Input]]:
    """Put rows together to windows of bounded size."""
    window: list[Input] = []
    size = 0
    for row in rows:
        window.append(row)
        size += row.tokens.size
        if len(window) == WINDOW_ROWS or size > WINDOW_NUMBERS:
            yield window
            window, size = [], 0
    if window:
        yield window


def _lines(file: Path, data: DataRecord, cut: Tokenizer | None) -> Iterator[Input]:
    """Read the lines of a file that are not blank."""
    source = PlainText(file)
    for number, record in source.rows():
        line = record["text"].rstrip("\r\n")
        yield read_line(source.place(number), line, data, cut)._replace(row=number)


def _piped(
    data: DataRecord, column: str | None, cut: Tokenizer | None
) -> Iterator[Iterator[Input]]:
    """Read the lines of standard input as they arrive."""
    source = Piped()

    def one(number: int, line: str) -> Input:
        place, value = source.place(number), line.rstrip("\r\n")
        if column is None:
            return read_line(place, value, data, cut)._replace(row=number)
        found = source.parse(number, line) or {}
        if column not in found:
            raise ValueError(must(place, f"have the key {column!r}", ", ".join(found) or "no key"))
        return read_value(f"{place}: {column}", found[column], data, cut)._replace(row=number)

    return ((one(number, line) for number, line in block) for block in source.blocks())


def _table(run: Run, file: Path, column: str | None, cut: Tokenizer | None) -> Iterator[Input]:
    """Read a column of a table."""
    source = FORMATS[file.suffix.lower()](file, strict)
    source.inputs = column or run.record.spec.data.text
    name: str | None = None
    for number, record in source.rows():
        if name is None:
            name = _column(source, list(record), column, run.record.spec.data.text)
        if name not in record:
            raise ValueError(
                must(source.place(number), f"have the key {name!r}", ", ".join(record))
            )
        place = f"{source.place(number)}: {name}"
        yield read_value(place, record[name], run.record.data, cut)._replace(row=number)


def _column(source: Source, names: list[str], wanted: str | None, trained: str | None) -> str:
    """Choose a column: the one that was named, that of training, or one with a usual name."""
    if wanted is None and trained in names:
        wanted = trained
    return choose(source, names, wanted, (), labelled=False).inputs


def _examples(run: Run, rows: list[int]) -> list[Input]:
    """Take rows of the test split of the data that the model was trained on."""
    dataset = load(run.record.spec.data)
    if DataRecord.of(dataset) != run.record.data:
        name = run.record.spec.data.source
        raise ValueError(f"{name} has changed since training: its test rows are not known any more")
    inputs = []
    for row in rows:
        if row >= len(dataset.test):
            rule = f"be below {len(dataset.test)}, the rows of the test split"
            raise ValueError(must("--example", rule, row))
        inputs.append(example(dataset, row))
    return inputs
