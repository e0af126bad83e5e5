"""The signature and help of `spectrans evaluate`."""

from typing import Annotated

import typer

from spectrans.cli import completion, parameters


def evaluate(
    folder: parameters.Run,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "-d",
            help="New data to judge the model on, a file or folder.",
            show_default="the data of training",
            autocompletion=completion.data,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="test, validation or train; of new data without splits, all rows.",
            show_default="test",
        ),
    ] = None,
    text: parameters.Text = None,
    label: parameters.Label = None,
    worst: Annotated[int, typer.Option(min=0, help="Rows to show that are most wrong.")] = 5,
    baselines: Annotated[
        bool, typer.Option(help="Show beside what needs no neural network.")
    ] = True,
    batch_size: parameters.Together = 64,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Judge a trained model, with 95 % confidence intervals, every class, and the worst rows.

    Example: [bold]spectrans evaluate runs/reviews-001 --data new.csv --worst 10[/bold]
    """
    from spectrans.cli.verbs import evaluate as verb

    given = parameters.given(source=data, text=text, label=tuple(label) if label else None)
    verb.run(folder, given, split, worst, baselines, batch_size, as_json, quiet)
