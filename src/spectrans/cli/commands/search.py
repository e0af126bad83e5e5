"""The signature and help of `spectrans search`."""

from typing import Annotated

import typer

from spectrans.cli import parameters


def search(
    mixers: Annotated[
        str | None,
        typer.Option(
            help="What may fill the layers that are not attention; options that are written down, "
            "as in fourier,wavelet(levels=2), are not searched.",
            show_default="fourier,gfnet,wavelet,afno",
        ),
    ] = None,
    attention: Annotated[
        str | None,
        typer.Option(
            help="What may fill the layers of attention.",
            show_default="attention,spectral_attention,lst",
        ),
    ] = None,
    max_attention: Annotated[
        int | None, typer.Option(help="Layers of attention at most.", show_default="all")
    ] = None,
    anywhere: Annotated[
        bool,
        typer.Option(
            "--anywhere",
            help="Let attention stand in any layers, and not only at the top, in the middle, at "
            "the bottom or spread evenly.",
        ),
    ] = False,
    trials: Annotated[
        int | None,
        typer.Option(help="Plans to try.", show_default="20, or no limit with --minutes"),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Begin no trial after these minutes; the finalists come after them."),
    ] = None,
    no_stopping: Annotated[
        bool,
        typer.Option("--no-stopping", help="Train every plan to its end, however badly it does."),
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(help="About how long to time each plan.", show_default="2"),
    ] = None,
    finalists: Annotated[
        int | None,
        typer.Option(
            help="Plans that are then compared on the test rows, beside attention; 0 for none.",
            show_default="3",
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Runs of each finalist.", show_default="3")
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
    size: parameters.Size = None,
    layers: parameters.Layers = None,
    hidden_dim: parameters.HiddenDim = None,
    heads: parameters.Heads = None,
    positions: parameters.Positions = None,
    norm: parameters.Norm = None,
    epochs: parameters.Epochs = None,
    steps: parameters.Steps = None,
    batch_size: parameters.BatchSize = None,
    class_weights: parameters.ClassWeights = None,
    precision: parameters.Precision = None,
    learning_rate: parameters.LearningRate = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Decides what is tried, and is the seed of every trial.")
    ] = 0,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Trials at a time, one thread each; with 1 the same search tries the same plans.",
            show_default="CUDA devices, or cores",
        ),
    ] = None,
    out: parameters.Out = None,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Find a plan: try many, each with a short run, for a good score at a low latency.

    Plans are chosen on validation rows; the test rows are for the finalists. Every trial is kept,
    and the same command goes on where it was interrupted.

    Example: [bold]spectrans search --data reviews.csv --minutes 30 --epochs 3[/bold]
    """
    from spectrans.cli.verbs import search as verb

    source = parameters.data_settings(
        data, task, text, label, tokenizer, vocab_size, max_length, dedup, data_seed
    )
    shared = parameters.given(
        size=size,
        num_layers=layers,
        hidden_dim=hidden_dim,
        num_heads=heads,
        positional_encoding_type=positions,
        norm_position=norm,
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        class_weights=class_weights,
        precision=precision,
        learning_rate=learning_rate,
        seed=seed,
    )
    asked = parameters.given(
        mixers=mixers,
        attention=attention,
        max_attention=max_attention,
        anywhere=anywhere,
        stop_early=not no_stopping,
        trials=trials,
        minutes=minutes,
        seconds=seconds,
        finalists=finalists,
        seeds=seeds,
        seed=seed,
    )
    verb.run(asked, source, shared, jobs, out, as_json, quiet)
