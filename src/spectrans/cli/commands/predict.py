"""The signature and help of `spectrans predict`."""

from pathlib import Path
from typing import Annotated

import typer

from spectrans.cli import parameters


def predict(
    folder: parameters.Run,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts to answer.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            help="A .csv, .tsv, .jsonl, .parquet or .npz file, or one text or row of numbers per "
            "line; - is standard input.",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            help="Column of the text or sequence; with --file -, lines are JSON objects.",
            show_default="that of training, or guessed",
        ),
    ] = None,
    example: Annotated[
        list[int] | None,
        typer.Option("--example", "-e", min=0, help="Row of the test split, with its picture."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Classes or tokens to show for each row.")] = 3,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Give the probability of every class too.")
    ] = False,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            help="For several classes: from which probability one is answered; red=0.3 sets that "
            "of a class.",
            show_default="0.5",
        ),
    ] = None,
    batch_size: parameters.Together = 64,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="New .jsonl or .csv file for the answers."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print a JSON object for each row, as soon as it is known."),
    ] = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Answer texts, rows of a file or rows of the test split with a trained model.

    Rows stay in order, and a file may be larger than memory.

    Example: [bold]spectrans predict runs/reviews-001 --file new.csv --out answers.csv[/bold]
    """
    from spectrans.cli.verbs import predict as verb

    verb.run(
        folder,
        texts or [],
        file,
        text,
        example or [],
        top,
        probabilities,
        threshold or [],
        batch_size,
        out,
        as_json,
        quiet,
    )
