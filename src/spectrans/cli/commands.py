"""The signatures and help texts of the commands; what they do is in `spectrans.cli.verbs`.

A default of None stands for the library's own, which cannot be read here without importing torch.
The help names it, and a test compares the two.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        help="Embedded data set (see [bold]spectrans data[/bold]) or a .csv, .tsv or .jsonl file.",
        show_default="digits",
    ),
]
Text = Annotated[
    str | None, typer.Option(help="For files: column of the text.", show_default="guessed")
]
Label = Annotated[
    str | None, typer.Option(help="For files: column of the class.", show_default="guessed")
]
MaxLength = Annotated[int | None, typer.Option(help="For files: cut longer texts to these bytes.")]
Layers = Annotated[
    int | None, typer.Option(help="Layers; the plan is repeated over them.", show_default="4")
]
HiddenDim = Annotated[int | None, typer.Option(help="Channels of a token.", show_default="64")]
Heads = Annotated[
    int | None, typer.Option(help="Heads of mixers that have heads.", show_default="4")
]
Epochs = Annotated[
    int | None, typer.Option(help="Passes over the training rows.", show_default="8")
]
Steps = Annotated[int | None, typer.Option(help="Optimiser steps, in the place of --epochs.")]
BatchSize = Annotated[int | None, typer.Option(help="Rows per optimiser step.", show_default="16")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder for the result.", show_default="runs/<data>-<number>"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing on the way, only the result.")
]


def _given(**values: Any) -> dict[str, Any]:
    """Give the options that the user set."""
    return {name: value for name, value in values.items() if value is not None}


def compare(
    plan: Annotated[
        list[str] | None,
        typer.Option(
            "--plan",
            "-p",
            help="Mixers of the layers, as in 3xgfnet,attention; once for each plan.",
            show_default="five plans",
        ),
    ] = None,
    data: Data = None,
    text: Text = None,
    label: Label = None,
    max_length: MaxLength = None,
    layers: Layers = None,
    hidden_dim: HiddenDim = None,
    heads: Heads = None,
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSize = None,
    learning_rate: Annotated[
        list[float] | None,
        typer.Option(
            "--learning-rate",
            "--lr",
            help="Peak learning rate; of several, each plan gets the best one on validation.",
            show_default="0.004",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each plan, with different seeds.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The first of these seeds.")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs", "-j", min=1, help="Runs at a time, one thread each.", show_default="cores"
        ),
    ] = None,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train several plans under one budget, and show what each one scores and costs.

    Every finished run is kept, and the same command goes on where it was interrupted.

    Example: [bold]spectrans compare --data reviews.csv -p attention -p 3xgfnet,attention[/bold]
    """
    from spectrans.cli.verbs import compare as verb

    shared = _given(
        data=data,
        text=text,
        label=label,
        max_length=max_length,
        num_layers=layers,
        hidden_dim=hidden_dim,
        num_heads=heads,
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
    )
    plans = _given(plans=plan, learning_rates=learning_rate)
    verb.run(plans, range(seed, seed + seeds), shared, jobs, out, as_json, quiet)


def train(
    plan: Annotated[
        str | None,
        typer.Option(
            "--plan",
            "-p",
            help="Mixers of the layers, as in 2xfourier,attention.",
            show_default="3xgfnet,attention",
        ),
    ] = None,
    data: Data = None,
    text: Text = None,
    label: Label = None,
    max_length: MaxLength = None,
    layers: Layers = None,
    hidden_dim: HiddenDim = None,
    heads: Heads = None,
    epochs: Epochs = None,
    steps: Steps = None,
    batch_size: BatchSize = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", "--lr", help="Peak learning rate.", show_default="0.004"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides first weights and order of rows.")] = 0,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train one plan, and save the model with a record of the run.

    Example: [bold]spectrans train --data languages --plan 3xgfnet,attention[/bold]
    """
    from spectrans.cli.verbs import train as verb

    settings = _given(
        plan=plan,
        data=data,
        text=text,
        label=label,
        max_length=max_length,
        num_layers=layers,
        hidden_dim=hidden_dim,
        num_heads=heads,
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    verb.run(settings, out, as_json, quiet)


def predict(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder that train or compare wrote.")
    ],
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
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Classify texts, rows of a file or rows of the test split with a trained model.

    Example: [bold]spectrans predict runs/languages-001 "Alle mennesker er født frie"[/bold]
    """
    from spectrans.cli.verbs import predict as verb

    verb.run(folder, texts or [], file, example or [], top, as_json, quiet)


def data(as_json: Json = False) -> None:
    """List the data sets that come with the library.

    Example: [bold]spectrans data --json[/bold]
    """
    from spectrans.cli.verbs import datasets as verb

    verb.run(as_json)
