"""The signature and help of `spectrans bench`."""

from pathlib import Path
from typing import Annotated

import typer

from spectrans.cli import completion, parameters


def bench(
    plans: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PLAN]...",
            help="Plans to time, as 3xgfnet,attention; none takes attention and four others.",
            autocompletion=completion.plans,
        ),
    ] = None,
    lengths: Annotated[
        str,
        typer.Option("--lengths", "-l", help="Tokens of a row: 128..8192 doubles, or 100,1000."),
    ] = "128..8192",
    tokens: Annotated[
        int | None,
        typer.Option(help="Of a batch: longer rows are fewer.", show_default="8192"),
    ] = None,
    layers: parameters.Layers = None,
    hidden_dim: parameters.HiddenDim = None,
    heads: parameters.Heads = None,
    threads: Annotated[int | None, typer.Option(help="Of the processor.", show_default="1")] = None,
    dtype: Annotated[
        str | None,
        typer.Option(help="float32, bfloat16 or float16.", show_default="float32"),
    ] = None,
    backward: Annotated[
        bool, typer.Option("--backward", help="Time training steps, and not inference.")
    ] = False,
    memory: Annotated[
        bool, typer.Option("--memory", help="Measure the memory of a training step too.")
    ] = False,
    seconds: Annotated[
        float | None,
        typer.Option(help="About how long to time each length.", show_default="4"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for the result.", show_default="runs/bench-<number>"
        ),
    ] = None,
    as_json: parameters.Json = False,
    quiet: parameters.Quiet = False,
) -> None:
    """Time plans against the length of a row, and say where they overtake attention.

    All plans take turns, attention twice: what it does to itself is what chance does.

    Example: [bold]spectrans bench 3xgfnet,attention fourier --lengths 256..4096[/bold]
    """
    from spectrans.cli.verbs import bench as verb

    settings = parameters.given(
        tokens=tokens,
        num_layers=layers,
        hidden_dim=hidden_dim,
        num_heads=heads,
        threads=threads,
        dtype=dtype,
        backward=backward or None,
        memory=memory or None,
        seconds=seconds,
    )
    verb.run(plans or [], lengths, settings, out, as_json, quiet)
