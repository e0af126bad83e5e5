"""Train one plan and save it."""

import json
from pathlib import Path
from typing import Any

import typer

from spectrans.cli.progress import TrainView
from spectrans.cli.sentences import Interrupted, failing, refusing
from spectrans.cli.terminal import clock, introduce, result, talk
from spectrans.data import DataSpec, load
from spectrans.data.baselines import Baseline, baselines
from spectrans.errors import must
from spectrans.training.folders import data_name, next_folder
from spectrans.training.record import Run, save_run
from spectrans.training.run import require_engine
from spectrans.training.run import train as train_run
from spectrans.training.spec import RunSpec


def run(
    data: dict[str, Any], settings: dict[str, Any], out: Path | None, as_json: bool, quiet: bool
) -> None:
    """Do a run from the options of the command line to its folder."""
    say = talk(quiet)
    with failing():
        require_engine()
    with refusing():
        spec = RunSpec(data=DataSpec(**data), **settings)
        dataset = load(spec.data)
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
        folder = out or next_folder(data_name(spec.data.source))
        save_run(done, folder)
    scored = baselines(dataset)
    if as_json:
        record = done.record.model_dump(mode="json")
        plain = [baseline.model_dump(mode="json") for baseline in scored]
        typer.echo(json.dumps({"folder": str(folder), "baselines": plain, **record}))
    else:
        _show(done, folder, scored)
    say.print(f"next: spectrans predict {folder} --example 0", style="dim")


def _show(done: Run, folder: Path, scored: tuple[Baseline, ...]) -> None:
    record = done.record
    metrics, data, task = record.metrics, record.data, record.data.task
    console = result()
    console.print(f"plan      {record.spec.plan}, {metrics.parameters:,} parameters")
    for number, metric in enumerate(task.metrics):
        beside = ", ".join(f"{b.name} {metric.show(b.scores.values[metric.name])}" for b in scored)
        shown = f"{metric.title} {metric.show(metrics.test[metric.name])} ({beside})"
        console.print(f"{'' if number else 'test':9} {shown}")
    console.print(f"          on {data.test:,} rows")
    console.print(
        f"chosen    at step {metrics.best_step} of {metrics.steps}, for {task.lead.title} "
        f"{task.lead.show(record.validation)} on {data.validation:,} other rows"
    )
    console.print(f"time      {clock(metrics.seconds)}")
    console.print(f"saved in  {folder}")
