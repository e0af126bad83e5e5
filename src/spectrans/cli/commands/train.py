"""The signature and help of `spectrans train`."""

from typing import Annotated

import typer

from spectrans.cli import completion, parameters


def train(
    plan: Annotated[
        str | None,
        typer.Option(
            "--plan",
            "-p",
            help="Mixers of the layers, as in 2xfourier,attention.",
            show_default="3xgfnet,attention",
            autocompletion=completion.plans,
        ),
    ] = None,
    data: parameters.Data = None,
    task: parameters.Task = None,
    text: parameters.Text = None,
    label: parameters.Label = None,
    tokenizer: parameters.Tokenizer = None,
    vocab_size: parameters.VocabSize = None,
    max_length: parameters.MaxLength = None,
    dedup: parameters.Dedup = False,
    data_seed: parameters.DataSeed = None,
    layers: parameters.Layers = None,
    hidden_dim: parameters.HiddenDim = None,
    heads: parameters.Heads = None,
    epochs: parameters.Epochs = None,
    steps: parameters.Steps = None,
    batch_size: parameters.BatchSize = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", "--lr", help="Peak learning rate.", show_default="0.004"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides first weights and order of rows.")] = 0,
    out: parameters.Out = None,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Train one plan, and save the model with a record of the run.

    Example: [bold]spectrans train --data languages --plan 3xgfnet,attention[/bold]
    """
    from spectrans.cli.verbs import train as verb

    source = parameters.data_settings(
        data, task, text, label, tokenizer, vocab_size, max_length, dedup, data_seed
    )
    settings = parameters.given(
        plan=plan,
        num_layers=layers,
        hidden_dim=hidden_dim,
        num_heads=heads,
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
    )
    verb.run(source, settings, out, as_json, quiet)
