"""Say which layers of a trained model matter."""

import json
from pathlib import Path

import typer
from rich.table import Table

from spectrans.cli.sentences import failing, refusing
from spectrans.cli.terminal import result, talk
from spectrans.report.run import data_of, write_run_report
from spectrans.training.compare import best_run
from spectrans.training.record import load_run
from spectrans.training.sensitivity import SENSITIVITY, Sensitivity, save_sensitivity, sensitivity


def run(folder: Path, as_json: bool, quiet: bool) -> None:
    """Change one layer at a time, and print and keep what that does."""
    say = talk(quiet)
    with refusing():
        home = best_run(folder)
        done = load_run(home)
        dataset = data_of(done.record)
    found = sensitivity(done.model, dataset)
    with failing():
        save_sensitivity(found, home)
        page = write_run_report(home, dataset)
    if as_json:
        typer.echo(json.dumps(found.model_dump(mode="json")))
    else:
        _show(found, len(dataset.validation))
    say.print(f"\nwrote {home}/{SENSITIVITY}", style="dim")
    say.print(f"read  {page}", style="dim")


def _show(found: Sensitivity, rows: int) -> None:
    metric = found.metric
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("layer", "mixer", "taken away", "Fourier instead"):
        table.add_column(head, justify="left" if head == "mixer" else "right")
    for layer in found.layers:
        other = "-" if layer.fourier is None else metric.show(layer.fourier)
        table.add_row(str(layer.layer), layer.mixer, metric.show(layer.without), other)
    console = result()
    console.print(table)
    console.print(
        f"whole model: {metric.title} {metric.show(found.score)} on {rows:,} validation rows"
    )
    most = max(found.layers, key=found.loss)
    console.print(f"needed most: layer {most.layer}, {most.mixer}")
