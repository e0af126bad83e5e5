"""What `spectrans predict` is asked about, as token sequences."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from spectrans.data import load
from spectrans.data.utf8 import boundary
from spectrans.data.utf8 import tokens as byte_tokens
from spectrans.errors import must
from spectrans.training.record import DataRecord, RunRecord

_SHADES = " .:-=+*#%@"


class Input(NamedTuple):
    """One sequence, and what is known of it."""

    tokens: Integer[np.ndarray, " _"]
    truth: Any = None
    picture: str = ""


def read_inputs(
    record: RunRecord, texts: list[str], file: Path | None, examples: list[int]
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
    if texts and data.encoding.kind == "pixel":
        message = "a model of pixels takes --file with rows of pixels, or --example"
        raise ValueError(f"{message}, not text")
    inputs = [_text(f"text {i}", text, data) for i, text in enumerate(texts, 1)]
    if file is not None:
        inputs += [_line(place, line, data) for place, line in _lines(file)]
    if examples:
        inputs += _examples(record, examples)
    if not inputs:
        way = "TEXT, --file or --example" if _reads_text(data) else "--file or --example"
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


def _reads_text(data: DataRecord) -> bool:
    return data.encoding.kind == "byte"


def _line(place: str, line: str, data: DataRecord) -> Input:
    return _text(place, line, data) if _reads_text(data) else _pixels(place, line, data)


def _text(place: str, text: str, record: DataRecord) -> Input:
    """Read a text as the bytes that the model was trained on, cut where they were."""
    if not text.strip():
        raise ValueError(must(place, "not be empty", text))
    data = text.encode("utf-8", errors="replace")
    if len(data) > record.max_length:
        data = data[: boundary(data, record.max_length)]
    return Input(byte_tokens(data))


def _pixels(place: str, line: str, data: DataRecord) -> Input:
    """Read the grey values of a picture, row by row, separated by commas or blanks."""
    fields = line.replace(",", " ").split()
    shades = data.encoding.vocab_size
    if len(fields) != data.max_length:
        raise ValueError(must(place, f"hold {data.max_length} grey values", len(fields)))
    wrong = [field for field in fields if not field.isdecimal() or int(field) >= shades]
    if wrong:
        rule = f"hold whole numbers from 0 to {shades - 1}"
        raise ValueError(must(place, rule, wrong[0]))
    values = np.array([int(field) for field in fields])
    return Input(values, picture=_picture(values, shades))


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
        tokens = dataset.test.tokens[row]
        pixel = dataset.encoding.kind == "pixel"
        picture = (
            _picture(tokens, dataset.encoding.vocab_size)
            if pixel
            else bytes(tokens).decode("utf-8", errors="replace")
        )
        inputs.append(Input(tokens, dataset.task.truth(dataset.test.label(row)), picture))
    return inputs


def _picture(values: Integer[np.ndarray, " _"], shades: int) -> str:
    """Draw a square picture in characters; give nothing for another shape."""
    side = round(len(values) ** 0.5)
    if side * side != len(values):
        return ""
    darkness = values.astype(np.int64) * (len(_SHADES) - 1) // (shades - 1)
    rows = darkness.reshape(side, side)
    return "\n".join("".join(2 * _SHADES[value] for value in row) for row in rows)
