"""What `spectrans predict` is asked about, as token sequences."""

import sys
from pathlib import Path

from spectrans.data import load
from spectrans.data.tokenizer import Tokenizer
from spectrans.errors import must
from spectrans.training.inputs import Input, example, read_line, reads_text
from spectrans.training.record import DataRecord, RunRecord

_NOUNS = {"pixel": "pixels", "id": "ids", "vector": "vectors"}


def read_inputs(
    record: RunRecord,
    texts: list[str],
    file: Path | None,
    examples: list[int],
    tokenizer: str | None = None,
) -> list[Input]:
    """Read everything that a command line names, in the order texts, file, examples.

    Parameters
    ----------
    record
        Of the run that will answer.
    texts
        Given as arguments.
    file
        One text or row of pixels per line; "-" is standard input.
    examples
        Rows of the test split.
    tokenizer
        What cuts texts to pieces of words, if that is what tokens are.

    Returns
    -------
    list of Input
        At least one.

    Raises
    ------
    ValueError
        Nothing to classify, or something that the model cannot have been trained for.
    """
    data = record.data
    if texts and not reads_text(data):
        noun = _NOUNS[data.encoding.kind]
        message = f"a model of {noun} takes --file with rows of {noun}, or --example"
        raise ValueError(f"{message}, not text")
    given = [(f"text {i}", text) for i, text in enumerate(texts, 1)]
    if file is not None:
        given += _lines(file)
    cut = None if tokenizer is None else Tokenizer(tokenizer)
    inputs = [read_line(place, line, data, cut) for place, line in given]
    if examples:
        inputs += _examples(record, examples)
    if not inputs:
        way = "TEXT, --file or --example" if reads_text(data) else "--file or --example"
        raise ValueError(f"nothing to classify: give {way}")
    return inputs


def _lines(file: Path) -> list[tuple[str, str]]:
    """Give the lines of a file that are not blank, each with its place."""
    name = "standard input" if str(file) == "-" else file.name
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read().decode("utf-8")
        else:
            content = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} must be UTF-8, byte {error.start + 1} is not") from None
    numbered = enumerate(content.splitlines(), 1)
    return [(f"{name} line {number}", line) for number, line in numbered if line.strip()]


def _examples(record: RunRecord, rows: list[int]) -> list[Input]:
    """Take rows of the test split of the data that the model was trained on."""
    dataset = load(record.spec.data)
    if DataRecord.of(dataset) != record.data:
        name = record.spec.data.source
        raise ValueError(f"{name} has changed since training: its test rows are not known any more")
    inputs = []
    for row in rows:
        if row >= len(dataset.test):
            rule = f"be below {len(dataset.test)}, the rows of the test split"
            raise ValueError(must("--example", rule, row))
        inputs.append(example(dataset, row))
    return inputs
