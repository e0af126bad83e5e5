"""What an exported file says of itself, as JSON inside the file."""

import json
import zipfile
from pathlib import Path
from typing import Any, Literal

from spectrans.errors import unknown
from spectrans.options import Options

KEY = "spectrans"
Kind = Literal["pt2", "onnx"]
FORMATS: dict[str, Kind] = {".pt2": "pt2", ".onnx": "onnx"}


class Metadata(Options):
    """The facts that a file needs to be used and traced back.

    Parameters
    ----------
    spectrans_version
        Version of the library that wrote the file.
    model_class
        Class of the model.
    config
        The model's config as plain data.
    transformers
        The config of the model of transformers that it was inside, if it was.
    format
        "pt2" or "onnx".
    route
        "fft" or "matmul", how transforms are computed; None where the model has none.
    opset
        Version of the ONNX operators.
    inputs
        Names of the inputs, in order.
    output
        Name of the output: "logits" of a head, else "hidden_states".
    dtype
        Type of the weights and of vectors that go in or come out.
    lengths
        Fewest and most tokens of a row; None is no limit.
    unguarded
        Lengths that torch's guards refuse although the answers are right.
    per_token
        Whether the output has one row of numbers per token, or one per row.
    width
        Numbers in a row of the output.
    empty_row
        What a row without any real token gives, unless `per_token`, where it gives zeros.
    max_relative_error
        Largest difference to the model found before writing, relative to the largest value.
    """

    spectrans_version: str
    model_class: str
    config: dict[str, Any]
    transformers: dict[str, Any] | None
    format: Kind
    route: Literal["fft", "matmul"] | None
    opset: int | None
    inputs: list[str]
    output: str
    dtype: str
    lengths: tuple[int, int | None]
    unguarded: list[int]
    per_token: bool
    width: int
    empty_row: list[float] | None
    max_relative_error: float

    def to_json(self) -> str:
        """Give the metadata as JSON text."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False)


def format_of(path: Path) -> Kind:
    """Give the format that the ending of a file name stands for."""
    if path.suffix not in FORMATS:
        raise ValueError(unknown("export format", path.suffix or path.name, FORMATS))
    return FORMATS[path.suffix]


def describe(path: str | Path) -> Metadata:
    """Read what an exported file says of itself, without loading the model.

    Parameters
    ----------
    path
        A `.pt2` or `.onnx` file.

    Returns
    -------
    Metadata
        As written by `save`.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        Another ending, or a file that `save` did not write.
    ModuleNotFoundError
        An `.onnx` file without the `onnx` extra.
    """
    file = Path(path)
    kind = format_of(file)
    if not file.is_file():
        raise FileNotFoundError(f"{file} must be an exported model, no such file")
    text = _from_pt2(file) if kind == "pt2" else _from_onnx(file)
    if text is None:
        problem = f"{file} must be a whole file that spectrans.export wrote"
        raise ValueError(f"{problem}, its metadata is missing")
    fields = json.loads(text)
    return Metadata(**{**fields, "lengths": tuple(fields["lengths"])})


def _from_pt2(file: Path) -> str | None:
    if not zipfile.is_zipfile(file):
        return None
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.endswith(f"/extra/{KEY}.json")]
        return archive.read(names[0]).decode() if names else None


def _from_onnx(file: Path) -> str | None:
    from spectrans.export.runtime import read_metadata

    return read_metadata(file)
