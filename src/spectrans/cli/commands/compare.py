"""The signature and help of `spectrans compare`."""

from typing import Annotated

import typer

from spectrans.cli import parameters


def compare(
    plan: parameters.Plans = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            "--family",
            "-f",
            help="Plans by name: attention, fnet, even, gfnet, wavelet, afno, lst, performer; "
            "fnet-top-2 with 2 layers of attention at the end; gfnet-even; all.",
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
    size: parameters.Size = None,
    layers: parameters.Layers = None,
    hidden_dim: parameters.HiddenDim = None,
    heads: parameters.Heads = None,
    positions: parameters.Positions = None,
    norm: parameters.Norm = None,
    epochs: parameters.Epochs = None,
    steps: parameters.Steps = None,
    minutes: parameters.Minutes = None,
    batch_size: parameters.BatchSize = None,
    class_weights: parameters.ClassWeights = None,
    patience: parameters.Patience = None,
    precision: parameters.Precision = None,
    learning_rate: parameters.LearningRates = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each plan, with different seeds.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The first of these seeds.")] = 0,
    lengths: Annotated[
        str | None,
        typer.Option(
            help="Row lengths to measure time and memory on, as in 256,1024; or none.",
            show_default="half to four times the longest row",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=1,
            help="Runs at a time, one thread each.",
            show_default="CUDA devices, or cores",
        ),
    ] = None,
    tensorboard: parameters.Tensorboard = False,
    out: parameters.Out = None,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Train several plans under one budget, and show what each one scores and costs.

    Every finished run is kept, and the same command goes on where it was interrupted.

    Example: [bold]spectrans compare --data reviews.csv -p attention -p 3xgfnet,attention[/bold]
    """
    from spectrans.cli.verbs import compare as verb

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
        minutes=minutes,
        batch_size=batch_size,
        class_weights=class_weights,
        patience=patience,
        precision=precision,
    )
    plans = parameters.given(plans=plan, learning_rates=learning_rate)
    verb.run(
        plans,
        range(seed, seed + seeds),
        source,
        shared,
        family or (),
        lengths,
        jobs,
        tensorboard,
        out,
        as_json,
        quiet,
    )
