"""Show what the layers of a trained model hold, cost and have learned."""

import json
from dataclasses import asdict
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor

from spectrans.cli.sentences import failing, refusing
from spectrans.cli.strip import letter
from spectrans.cli.terminal import plain, result, talk
from spectrans.disk import Unwritable, make_folder
from spectrans.mixers.response import (
    AttentionResponse,
    FrequencyResponse,
    LevelResponse,
    Response,
)
from spectrans.models.summary import Summary
from spectrans.report.plans import strips
from spectrans.report.run import data_of
from spectrans.report.spectra import band, level_names, pictures
from spectrans.training.compare import best_run
from spectrans.training.layers import LayerTime, responses, times
from spectrans.training.record import Run, load_run

FOLDER = "inspect"


def run(
    folder: Path,
    rows: int,
    seconds: float,
    threads: int,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look at a run from its folder to a table and pictures."""
    say = talk(quiet)
    with refusing():
        chosen = best_run(folder)
        done = load_run(chosen)
        target = out or chosen / FOLDER
        make_folder(target)
    data, model = done.record.data, done.model
    shown = _rows(done, rows, say)
    found = responses(model, shown, data.max_length)
    summary = model.summary(data.max_length)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    batch = data.encoding.stand_in(done.record.spec.batch_size, data.max_length)
    took = times(model, batch, seconds)
    torch.set_num_threads(before)
    mixers = [layer.mixer for layer in summary.layers]
    drawn = [strips([(done.record.spec.plan, summary.layers)]), *pictures(mixers, found)]
    with failing():
        for picture in drawn:
            picture.save(target)
    layers = [
        {
            **asdict(layer),
            "milliseconds": 1e3 * spent.block,
            "mixer_milliseconds": 1e3 * spent.mixer,
            "response": None if response is None else written(response),
        }
        for layer, spent, response in zip(summary.layers, took, found, strict=True)
    ]
    files = [f"{picture.name}.{ending}" for picture in drawn for ending in ("png", "svg")]
    if as_json:
        facts = {
            "run": str(chosen),
            "plan": done.record.spec.plan,
            "parameters": summary.parameters,
            "flops": summary.flops,
            "tokens": data.max_length,
            "batch": len(batch),
            "threads": threads,
            "rows": len(shown),
            "layers": layers,
            "folder": str(target),
            "pictures": files,
        }
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    _show(summary, took, found, f"{len(batch)} rows, {threads} thread{'s' * (threads > 1)}")
    say.print(f"\nwrote {target}/: {', '.join(files)}", style="dim")


def _rows(done: Run, wanted: int, say: Console) -> list[Tensor]:
    """Give rows of the validation split as the model takes them; none where the data are gone."""
    if wanted == 0:
        return []
    try:
        dataset = data_of(done.record)
    except Unwritable:
        raise
    except (ValueError, OSError) as error:
        say.print(f"without rows, only what was learned is shown: {plain(str(error))}")
        return []
    tokens = dataset.validation.tokens
    # Spread over the split: a file may be sorted.
    places = np.unique(np.linspace(0, len(tokens) - 1, wanted).round().astype(int))
    given = [done.record.data.encoding.present(tokens[place]) for place in places]
    return [
        torch.from_numpy(row.astype(np.int64 if row.dtype.kind in "iu" else np.float32))[None]
        for row in given
    ]


def _show(
    summary: Summary, took: list[LayerTime], found: list[Response | None], batch: str
) -> None:
    console = result()
    table = Table(box=None, pad_edge=False, header_style="bold")
    heads = ("layer", "", "mixer", "parameters", "MFLOP", "mixing", "ms", "mixing", "what it does")
    for title in heads:
        left = title in ("", "mixer", "what it does")
        table.add_column(title, justify="left" if left else "right", no_wrap=title != heads[-1])
    for layer, spent, response in zip(summary.layers, took, found, strict=True):
        table.add_row(
            str(layer.layer),
            letter(layer.mixer),
            layer.mixer,
            f"{layer.parameters:,}",
            f"{layer.flops / 1e6:,.1f}",
            f"{layer.mixer_flops / 1e6:,.1f}",
            f"{1e3 * spent.block:,.2f}",
            f"{1e3 * spent.mixer:,.2f}",
            "" if response is None else described(response),
        )
    console.print(table)
    total = 1e3 * sum(spent.block for spent in took)
    console.print(
        f"\n{summary.parameters:,} parameters; blocks {summary.flops / 1e6:,.1f} MFLOP for a row "
        f"of {summary.sequence_length:,} tokens, {total:,.1f} ms for a batch of {batch}",
        style="dim",
    )


@singledispatch
def described(response: Response) -> str:
    """Say in a few words what a mixer does."""
    raise NotImplementedError(type(response).__name__)


@described.register
def _(response: FrequencyResponse) -> str:
    if response.origin == "defined":
        return "flat by definition"
    thirds = np.array_split(band(response.gain)[0], 3)
    low, middle, high = (f"{part.mean():.2f}" if len(part) else "-" for part in thirds)
    return f"gain low {low}, middle {middle}, high {high}"


@described.register
def _(response: LevelResponse) -> str:
    mean = band(response.gain)[0]
    return f"gain long {mean[0]:.2f}, short {mean[1]:.2f}"


@described.register
def _(response: AttentionResponse) -> str:
    entropy, distance = float(response.entropy.mean()), float(response.distance.mean())
    return (
        f"entropy {entropy:.2f} of {np.log(response.tokens):.2f} nats, {distance:.0f} tokens away"
    )


@singledispatch
def written(response: Response) -> dict[str, Any]:
    """Give what a mixer does as plain data."""
    raise NotImplementedError(type(response).__name__)


@written.register
def _(response: FrequencyResponse) -> dict[str, Any]:
    return {
        "kind": "frequency",
        "origin": response.origin,
        "cycles_per_token": response.frequency.tolist(),
        **_bands(response.gain),
    }


@written.register
def _(response: LevelResponse) -> dict[str, Any]:
    names = level_names(len(response.gain) - 1)
    order = [0, *range(len(response.gain) - 1, 0, -1)]
    return {"kind": "level", "periods": names, **_bands(response.gain[order])}


@written.register
def _(response: AttentionResponse) -> dict[str, Any]:
    return {
        "kind": "attention",
        "tokens": response.tokens,
        "entropy_nats": response.entropy.tolist(),
        "distance_tokens": response.distance.tolist(),
    }


def _bands(gain: Tensor) -> dict[str, list[float]]:
    mean, low, high = band(gain)
    return {"mean": mean.tolist(), "low": low.tolist(), "high": high.tolist()}
