"""The signature and help of `spectrans train`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from spectrans.cli import parameters
from spectrans.cli.sentences import Refused


def train(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="For --resume: folder of the run.", show_default=False),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with RUN, or with the last run that was begun, from its newest checkpoint.",
        ),
    ] = False,
    plan: parameters.Plan = None,
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
    accumulate: parameters.Accumulate = None,
    learning_rate: parameters.LearningRate = None,
    class_weights: parameters.ClassWeights = None,
    patience: parameters.Patience = None,
    precision: parameters.Precision = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Decides first weights and order of rows.", show_default="0"),
    ] = None,
    save_every: Annotated[
        int | None,
        typer.Option(
            min=1, help="Steps between checkpoints.", show_default="as many as take a minute"
        ),
    ] = None,
    nproc: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that train together, each with a GPU or a core.",
            show_default="1",
        ),
    ] = None,
    fsdp: Annotated[
        bool,
        typer.Option(
            "--fsdp", help="With several processes: each holds a part of the weights (FSDP2)."
        ),
    ] = False,
    tensorboard: parameters.Tensorboard = False,
    out: parameters.Out = None,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Train one plan, and save the model with a record of the run.

    Ctrl-C saves where the run is, and so it is every minute; --resume goes on from there with the
    numbers of a run that was never interrupted.

    Example: [bold]spectrans train --data languages --plan 3xgfnet,attention[/bold]
    """
    _refuse_stray(run, resume)
    from spectrans.cli.verbs import train as verb

    source = parameters.data_settings(
        data, task, text, label, tokenizer, vocab_size, max_length, dedup, data_seed
    )
    settings = parameters.given(
        size=size,
        plan=plan,
        num_layers=layers,
        hidden_dim=hidden_dim,
        num_heads=heads,
        positional_encoding_type=positions,
        norm_position=norm,
        epochs=epochs,
        steps=steps,
        minutes=minutes,
        batch_size=batch_size,
        accumulate=accumulate,
        learning_rate=learning_rate,
        class_weights=class_weights,
        patience=patience,
        precision=precision,
        seed=seed,
    )
    if nproc is not None and nproc > 1:
        verb.launched(nproc)
    elif resume:
        kept = parameters.given(save_every=save_every, tensorboard=tensorboard or None, out=out)
        _refuse_settings({**settings, **source, **kept})
        verb.resume(run, as_json, quiet)
    else:
        verb.run(source, settings, save_every, fsdp, tensorboard, out, as_json, quiet)


def _refuse_stray(run: Path | None, resume: bool) -> None:
    """Refuse RUN where it means nothing, in the words of the parser."""
    if run is not None and not resume:
        raise Refused(f"Got unexpected extra argument(s) ({run})")


def _refuse_settings(settings: dict[str, Any]) -> None:
    """Refuse what would change a run that goes on."""
    if settings:
        name = next(iter(settings))
        option = {"source": "data", **parameters.SHORT}.get(name, name)
        rule = "must be left out with --resume: a run goes on as it began"
        raise Refused(f"--{option.replace('_', '-')} {rule}")
