"""The signature and help of `spectrans export`."""

from pathlib import Path
from typing import Annotated

import typer

from spectrans.cli import parameters


def export(
    folder: parameters.Run,
    to: Annotated[
        str,
        typer.Option(help="pt2, a program for torch; onnx, for onnxruntime and others; or both."),
    ] = "pt2",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="New folder for the files.", show_default="export in the run"
        ),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens of every row, where they are always as many."),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Largest error that is allowed, of the largest value.", show_default="1e-05"
        ),
    ] = None,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Write a trained model as files that run without this library, compared with it first.

    The folder also gets the tokenizer, the names of the classes, and a page on how to run it.

    Example: [bold]spectrans export runs/reviews-001 --to onnx --out reviews[/bold]
    """
    from spectrans.cli.verbs import export as verb

    settings = parameters.given(length=length, tolerance=tolerance)
    verb.run(folder, to, out, settings, as_json, quiet)
