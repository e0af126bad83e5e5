"""Train one plan and save it."""

import json
from pathlib import Path
from typing import Any

import typer

from spectrans.cli.progress import TrainView
from spectrans.cli.sentences import Interrupted, failing, refusing
from spectrans.cli.terminal import clock, introduce, result, talk
from spectrans.data.baselines import linear, majority
from spectrans.errors import must
from spectrans.training.folders import data_name, next_folder
from spectrans.training.record import Run, save_run
from spectrans.training.run import load_data, require_engine
from spectrans.training.run import train as train_run
from spectrans.training.spec import RunSpec


def run(settings: dict[str, Any], out: Path | None, as_json: bool, quiet: bool) -> None:
    """Do a run from the options of the command line to its folder."""
    say = talk(quiet)
    with failing():
        require_engine()
    with refusing():
        spec = RunSpec(**settings)
        dataset = load_data(spec)
        if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(must("--out", "name a new or empty folder", str(out)))
        model = spec.build(dataset)
    introduce(say, dataset)
    say.print(str(model.summary()), style="dim")
    with failing():
        try:
            with TrainView(say) as view:
                done = train_run(spec, dataset, view)
        except KeyboardInterrupt:
            raise Interrupted("interrupted: nothing is saved, a run is one piece") from None
        folder = out or next_folder(data_name(spec.data))
        save_run(done, folder)
    baselines = {"majority class": majority(dataset), "linear": linear(dataset)}
    if as_json:
        record = done.record.model_dump(mode="json")
        found = {"folder": str(folder), "baselines": baselines, **record}
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _show(done, folder, baselines)
    say.print(f"next: spectrans predict {folder} --example 0", style="dim")


def _show(done: Run, folder: Path, baselines: dict[str, float]) -> None:
    metrics, spec = done.record.metrics, done.record.spec
    console = result()
    shown = ", ".join(f"{name} {100 * share:.1f} %" for name, share in baselines.items())
    console.print(f"plan      {spec.plan}, {metrics.parameters:,} parameters")
    console.print(
        f"test      {100 * metrics.test_accuracy:.1f} % of "
        f"{done.record.task.test:,} rows right ({shown})"
    )
    console.print(
        f"chosen    at step {metrics.best_step} of {metrics.steps}, for "
        f"{100 * metrics.validation_accuracy:.1f} % on {done.record.task.validation:,} other rows"
    )
    console.print(f"time      {clock(metrics.seconds)}")
    console.print(f"saved in  {folder}")
