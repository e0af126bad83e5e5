"""Write a trained model as files that run without this library."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from spectrans.cli.handover import README, check_folder, write_facts, write_readme
from spectrans.cli.sentences import failing, refusing
from spectrans.cli.terminal import result, talk
from spectrans.cli.verbs.predict import open_run
from spectrans.disk import Unwritable, make_folder, placing
from spectrans.errors import unknown
from spectrans.export import Report, save

# What --to takes, and the files that it gives.
FORMATS = {"pt2": (".pt2",), "onnx": (".onnx",), "both": (".pt2", ".onnx")}


def run(
    folder: Path,
    to: str,
    out: Path | None,
    settings: dict[str, Any],
    as_json: bool,
    quiet: bool,
) -> None:
    """Export a run into a new folder, after the check runs, and print what these found."""
    say = talk(quiet)
    with failing(), refusing():
        if to not in FORMATS:
            raise ValueError(unknown("format", to, FORMATS))
        place = folder / "export" if out is None else out
        check_folder(place)
        done = open_run(folder, say)
        make_folder(place.parent)
        with _scratch(place) as scratch:
            reports = []
            for ending in FORMATS[to]:
                say.print(f"exporting {ending}, and comparing it with the model", style="dim")
                reports.append(save(done.model, scratch / f"model{ending}", **settings))
            files = [*(report.path.name for report in reports), *write_facts(done, scratch), README]
            write_readme(done, reports, scratch)
    if as_json:
        exported = [_written(place, report) for report in reports]
        typer.echo(json.dumps({"folder": str(place), "files": files, "exported": exported}))
        return
    console = result()
    for report in reports:
        console.print(_line(report), soft_wrap=True)
    console.print(f"wrote {place}/: {', '.join(files)}")


@contextmanager
def _scratch(place: Path) -> Iterator[Path]:
    """Give a folder that becomes that one once all is in it."""
    with placing(place):
        scratch = Path(tempfile.mkdtemp(dir=place.parent, prefix=".exporting-"))
    try:
        yield scratch
        with placing(place):
            # mkdtemp makes private folders.
            scratch.chmod(0o755)
            if place.exists():
                place.rmdir()
            scratch.rename(place)
    except Unwritable as error:
        # Nobody knows the name of a folder that goes again.
        if scratch in Path(error.filename).parents:
            shutil.rmtree(scratch, ignore_errors=True)
            with placing(place):
                raise
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _line(report: Report) -> str:
    """Say how right a file is, and how fast."""
    speed = report.speed
    route = f", transforms by {report.metadata.route}" if report.metadata.route else ""
    return (
        f"{report.path.suffix[1:]:5} largest error {report.max_relative_error:.1e} of the largest "
        f"value in {len(report.probes)} probes, {speed.ratio:.2f} times the model's speed on "
        f"{speed.rows} x {speed.length} tokens, {report.bytes:,} bytes{route}"
    )


def _written(place: Path, report: Report) -> dict[str, Any]:
    return {
        "path": str(place / report.path.name),
        "bytes": report.bytes,
        "max_relative_error": report.max_relative_error,
        "probes": len(report.probes),
        "speed_ratio": report.speed_ratio,
        "milliseconds": report.speed.exported_ms,
        "model_milliseconds": report.speed.eager_ms,
        "threads": report.threads,
        "metadata": report.metadata.model_dump(mode="json"),
    }
