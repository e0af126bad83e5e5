"""Train one plan and save it."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from spectrans.cli.progress import TrainView
from spectrans.cli.sentences import (
    Failed,
    Interrupted,
    Refused,
    Unsaved,
    failing,
    refusing,
    tell,
)
from spectrans.cli.terminal import clock, introduce, result, talk
from spectrans.data import Dataset, DataSpec, load
from spectrans.data.baselines import Baseline, baselines
from spectrans.disk import make_folder
from spectrans.errors import must
from spectrans.processes import LAUNCHED, WAITED, count, is_main, rank
from spectrans.report.run import write_run_report
from spectrans.training import checkpoint
from spectrans.training.begun import REQUEST, Begun, read_begun, unfinished
from spectrans.training.folders import FolderError, data_name, next_folder
from spectrans.training.group import Late, Lost, from_main, join, patience
from spectrans.training.lock import locked
from spectrans.training.precision import resolved
from spectrans.training.record import RECORD, Run
from spectrans.training.run import require_engine, require_tracking
from spectrans.training.run import train as train_run
from spectrans.training.signals import Stopped
from spectrans.training.sizes import sized
from spectrans.training.spec import RunSpec


def run(
    data: dict[str, Any],
    settings: dict[str, Any],
    save_every: int | None,
    fsdp: bool,
    tensorboard: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Do a run from the options of the command line to its folder."""
    say = talk(quiet or not is_main())
    with failing():
        require_engine()
        if tensorboard:
            require_tracking()
    with refusing():
        spec = RunSpec(data=DataSpec(**data), **sized(settings))
        if fsdp and count() == 1:
            raise ValueError("--fsdp must come with several processes: --nproc 2, or torchrun")
        dataset = load(spec.data)
        if (
            is_main()
            and out is not None
            and out.exists()
            and (not out.is_dir() or any(out.iterdir()))
        ):
            raise ValueError(must("--out", "name a new or empty folder", str(out)))
        if spec.class_weights is not None:
            dataset.task.balance(dataset.train.labels)
        model = spec.build(dataset)
        # The folder is the run from now on.
        join()
        folder = from_main(_new_folder(spec, out) if is_main() else None)
    introduce(say, dataset)
    say.print(str(model.summary()), style="dim")
    del model
    begun = Begun(
        spec=spec, fingerprint="", save_every=save_every, fsdp=fsdp, tensorboard=tensorboard
    )
    _train(begun, dataset, folder, say, as_json)


def resume(folder: Path | None, as_json: bool, quiet: bool) -> None:
    """Go on with a run that was begun."""
    say = talk(quiet or not is_main())
    with failing():
        require_engine()
    with refusing():
        folder = folder or unfinished()
        if (folder / RECORD).exists():
            raise ValueError(must("the run", "not be finished, to go on with it", str(folder)))
        begun = read_begun(folder)
        patience()
        if is_main():
            with locked(folder):
                found = checkpoint.survey(folder)
            for fault in found.faults:
                say.print(f"passed over: checkpoint {fault}", soft_wrap=True)
            say.print(f"going on with {folder} after step {found.step}")
        dataset = load(begun.spec.data)
    if begun.fsdp and count() == 1:
        say.print("this process holds all of the weights, of which several held parts (--fsdp)")
        begun = begun.model_copy(update={"fsdp": False})
    _train(begun, dataset, folder, say, as_json)


def launched(processes: int) -> None:
    """Do the same in several processes."""
    if count() > 1:
        raise Refused("--nproc must be left out under torchrun, which starts the processes")
    with failing():
        require_engine()
    with refusing():
        patience()
    from spectrans.cli.launch import launch

    arguments = [one for one in sys.argv[1:] if not one.startswith("--nproc=")]
    while "--nproc" in arguments:
        place = arguments.index("--nproc")
        del arguments[place : place + 2]
    on = "spectrans train --resume goes on from the last checkpoint"
    code = launch(processes, arguments, on)
    if code:
        raise typer.Exit(code)


def _new_folder(spec: RunSpec, out: Path | None) -> Path:
    folder = out or next_folder(data_name(spec.data.source))
    make_folder(folder)
    return folder


def _train(
    begun: Begun,
    dataset: Dataset,
    folder: Path,
    say: Console,
    as_json: bool,
) -> None:
    """Train in a folder, and show what came out."""
    spec = begun.spec
    if count() > 1:
        say.print(f"{count()} processes train together")
    if resolved(spec) == "bfloat16":
        say.print("products are computed in bfloat16 (--precision float32 computes in 32 bits)")
    with _endings(folder), TrainView(say) as view:
        done = train_run(
            spec, dataset, view, folder, begun.save_every, begun.fsdp, begun.tensorboard
        )
    if not is_main():
        return
    scored = baselines(dataset)
    with failing():
        page = write_run_report(folder, dataset, scored)
    if as_json:
        record = done.record.model_dump(mode="json")
        plain = [baseline.model_dump(mode="json") for baseline in scored]
        typer.echo(json.dumps({"folder": str(folder), "baselines": plain, **record}))
    else:
        _show(done, folder, scored)
    say.print(f"read {page}", style="dim")
    say.print(f"next: spectrans predict {folder} --example 0", style="dim")


@contextmanager
def _endings(folder: Path) -> Iterator[None]:
    """Say how a run that ended early goes on."""
    on = f"spectrans train --resume {folder}"
    kept = f"; what was saved before is kept, {on} goes on from it"
    try:
        with failing():
            yield
    except FolderError as error:
        raise Refused(str(error)) from None
    except Stopped as stop:
        raise Interrupted(f"{stop}: {on} goes on from there", stop.signum) from None
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted before training: {on} starts it") from None
    except Failed as error:
        if isinstance(error.__context__, Late):
            # Everyone says so who waited: the one that is missing is the one that does not answer.
            tell(f"process {rank()} of {count()}: {error}: {on} goes on from the last checkpoint")
            raise typer.Exit(WAITED if LAUNCHED in os.environ else 1) from None
        if isinstance(error.__context__, Lost):
            if LAUNCHED in os.environ:
                # What started the processes says it.
                raise typer.Exit(1) from None
            raise Failed(f"{error}: {on} goes on from the last checkpoint") from None
        # A run that diverged would do so again.
        if isinstance(error.__context__, OSError):
            raise Failed(f"{error}{kept}") from None
        raise
    except Unsaved as error:
        raise Unsaved(f"{error}{kept}" if (folder / REQUEST).is_file() else str(error)) from None


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
