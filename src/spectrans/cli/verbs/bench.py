"""Time plans against the length of a row."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from spectrans.cli.sentences import failing, refusing
from spectrans.cli.terminal import result, talk
from spectrans.disk import make_folder
from spectrans.errors import must
from spectrans.report.crossover import sentence, times
from spectrans.training.crossover import (
    PLANS,
    REFERENCE,
    Curves,
    Point,
    Setting,
    Spread,
    parse_lengths,
)
from spectrans.training.folders import ROOT, next_folder, write_whole
from spectrans.training.lengths import measure_lengths
from spectrans.training.spec import RunSpec

FILE = "bench.json"


def run(
    plans: list[str],
    lengths: str,
    settings: dict[str, Any],
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure, and write and show what was found."""
    say = talk(quiet)
    with refusing():
        setting = Setting(lengths=parse_lengths(lengths), **settings)
        chosen = _checked(plans or PLANS, setting)
        repeated = next((plan for plan in chosen if chosen.count(plan) > 1), None)
        if repeated is not None:
            raise ValueError(must("plans", "differ", repeated))
        folder = next_folder("bench", ROOT) if out is None else out
        make_folder(folder)

    def watch(length: int, points: list[Point], chance: Spread) -> None:
        shown = "  ".join(
            f"{plan} {point.milliseconds.median:,.1f} ms"
            for plan, point in zip(chosen, points, strict=True)
        )
        say.print(f"{length:,} tokens, {points[0].rows} rows: {shown}", style="dim")

    curves = measure_lengths(chosen, setting, watch)
    with failing():
        times(curves).save(folder)
        written = curves.model_dump(mode="json")
        write_whole(folder / FILE, json.dumps(written, indent=2) + "\n")
    if as_json:
        typer.echo(json.dumps(written, ensure_ascii=False))
    else:
        _show(curves)
    say.print(f"\nwrote {folder}/: lengths.png, lengths.svg, {FILE}", style="dim")


def _checked(plans: Sequence[str], setting: Setting) -> tuple[str, ...]:
    """Write plans in one way, and refuse those that do not fit, before anything is measured."""
    sizes = {name: getattr(setting, name) for name in ("num_layers", "hidden_dim", "num_heads")}
    return tuple(RunSpec(plan=plan, **sizes).plan for plan in plans)


def _show(curves: Curves) -> None:
    console = result()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("tokens", justify="right")
    table.add_column("rows", justify="right")
    for curve in curves.plans:
        table.add_column(f"{curve.plan}\nms", justify="right", overflow="fold")
        if curve.plan != REFERENCE:
            table.add_column("times\nas fast", justify="right")
        if curves.setting.memory:
            table.add_column("\nMiB", justify="right")
    table.add_column("chance", justify="right")
    for place, length in enumerate(curves.setting.lengths):
        cells = [f"{length:,}", str(curves.plans[0].points[place].rows)]
        for curve in curves.plans:
            point = curve.points[place]
            cells.append(f"{point.milliseconds.median:,.1f}")
            if curve.plan != REFERENCE:
                cells.append(f"{point.speed.median:.2f}")
            if point.memory is not None:
                cells.append(f"{point.memory / 2**20:,.1f}")
        chance = curves.control[place]
        table.add_row(*cells, f"{chance.low:.2f}-{chance.high:.2f}")
    console.print(table)
    setting = curves.setting
    step = "a training step" if setting.backward else "inference"
    threads = f"{setting.threads} thread{'s' if setting.threads > 1 else ''}"
    console.print(
        f"\nMedian time of {step} for a batch, {threads}, {setting.dtype}, {setting.num_layers} "
        f"layers of {setting.hidden_dim} channels; beside {REFERENCE} of the same size, and what "
        "chance does to such a ratio.",
        style="dim",
    )
    said = sentence(curves)
    if said:
        console.print(f"Beside {REFERENCE}: {said}")
