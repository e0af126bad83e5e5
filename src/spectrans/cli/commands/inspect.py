"""The signature and help of `spectrans inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from spectrans.cli import parameters


def inspect(
    folder: parameters.Run,
    rows: Annotated[
        int,
        typer.Option(
            min=0, help="Rows of the validation split to look at; 0 needs no data at all."
        ),
    ] = 32,
    seconds: Annotated[float, typer.Option(min=0, help="About how long to time the layers.")] = 2.0,
    threads: Annotated[int, typer.Option(min=1, help="Of the model, for the times.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for the pictures.", show_default="RUN/inspect"),
    ] = None,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Show what the layers of a trained model hold, cost and have learned.

    A table of parameters, operations and measured times, and pictures: the plan, the frequencies
    that each layer lets pass, the gains of wavelet levels, the spread of attention.

    Example: [bold]spectrans inspect runs/languages-001[/bold]
    """
    from spectrans.cli.verbs import inspect as verb

    verb.run(folder, rows, seconds, threads, out, as_json, quiet)
