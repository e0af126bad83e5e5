"""The signature and help of `spectrans predict`."""

from pathlib import Path
from typing import Annotated

import typer

from spectrans.cli import parameters


def predict(
    folder: parameters.Run,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to classify.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", help="One text per line, or one row of pixels; - is standard input."
        ),
    ] = None,
    example: Annotated[
        list[int] | None,
        typer.Option("--example", "-e", min=0, help="Row of the test split, with its picture."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Classes to show for each row.")] = 3,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Classify texts, rows of a file or rows of the test split with a trained model.

    Example: [bold]spectrans predict runs/languages-001 "Alle mennesker er født frie"[/bold]
    """
    from spectrans.cli.verbs import predict as verb

    verb.run(folder, texts or [], file, example or [], top, as_json, quiet)
