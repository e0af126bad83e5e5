"""Score plans on tasks, each with the same budget: python -m benchmarks.quality --preset smoke.

Each run is one line of a file, which is written after every run. Runs that the file holds are not
repeated, on another machine either, so the same command goes on from there. --show makes the tables
and the figure from such a file alone.
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.machine import commit, machine
from benchmarks.questions import PRESETS, Group
from benchmarks.scores import Line, Scores, figure, read_lines, table, write_lines
from spectrans.data import Dataset, load
from spectrans.data.baselines import baselines
from spectrans.training import compare
from spectrans.training.compare import resume, run_folder
from spectrans.training.folders import slug, write_whole
from spectrans.training.pool import Event, Failed, Finished
from spectrans.training.record import RECORD, DataRecord

LINES, TABLE, FIGURE = "runs.jsonl", "table.md", "scores.png"


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--preset", choices=tuple(PRESETS), default="smoke")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="parent of the folders")
    parser.add_argument("--lines", type=Path, metavar="FILE", help=f"instead of OUT/.../{LINES}")
    parser.add_argument("--jobs", type=int, help="worker processes (default: one per core)")
    parser.add_argument("--filter", default="", help="only groups whose name contains this")
    parser.add_argument("--plan", action="append", help="only this plan, can be repeated")
    parser.add_argument("--show", action="store_true", help="train nothing")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run the command; give the exit code."""
    options, console = parse(words), Console()
    groups = [
        group._replace(plans=tuple(plan for plan in group.plans if _wanted(plan, options.plan)))
        for group in PRESETS[options.preset]
        if options.filter in group.name
    ]
    groups = [group for group in groups if group.plans]
    if not groups:
        plans = f" with {' or '.join(options.plan)}" if options.plan else ""
        console.print(f"no group of {options.preset} contains {options.filter!r}{plans}")
        return 2
    root = options.out / f"quality-{options.preset}"
    path = options.lines or root / LINES
    failed = 0
    for group in groups if not options.show else ():
        console.print(f"{group.name}: {len(group.plans)} plans", highlight=False)
        failed += run(group, root / slug(group.name), path, options.jobs, console)
    found = [Scores(group, read_lines(path)) for group in groups]
    tables = "\n".join(filter(None, map(table, found)))
    console.print(tables, highlight=False, markup=False, soft_wrap=True)
    if not tables:
        console.print(f"{path} holds no run of these groups")
        return 2
    if not options.show:
        write_whole(root / TABLE, tables)
        figure(found, None, root / FIGURE)
        console.print(f"wrote {path} and {root}/: {TABLE}, {FIGURE}", soft_wrap=True)
    return 1 if failed else 0


def _gpu() -> dict[str, str]:
    """Give the name of the first GPU, if there is one."""
    return {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}


def _wanted(plan: str, named: list[str] | None) -> bool:
    return named is None or plan in named


def run(group: Group, folder: Path, path: Path, jobs: int | None, console: Console) -> int:
    """Train what is missing of a group, with a line for every run; give how many failed."""
    comparison = group.comparison
    dataset = load(comparison.shared.data)
    data = DataRecord.of(dataset)
    lines = read_lines(path)
    resume(comparison, folder, dataset)  # claims the folder
    restore([line for line in lines if line.group == group.name], folder, data)

    known = next((line.baselines for line in lines if line.record.data == data), None)
    beside = ThreadPoolExecutor(max_workers=1)
    # Ten thousands of long rows take minutes, in which runs may go on.
    to_beat = beside.submit(lambda: known or _baselines(dataset))
    if comparison.shared.minutes is not None:
        to_beat.result()  # takes no time from runs that have so much of it

    def see(event: Event) -> None:
        if isinstance(event, Failed):
            console.print(f"  {event.job.folder.name}: {event.reason}", highlight=False)
        if not isinstance(event, Finished):
            return
        lines.append(
            Line(
                group=group.name,
                record=event.record,
                baselines=to_beat.result(),
                commit=commit(),
                machine={**machine(), **_gpu()},
            )
        )
        write_lines(path, lines)
        console.print(f"  {event.job.folder.name}: {event.record.test:.4f}", highlight=False)

    with beside:
        return len(compare(comparison, folder, dataset, jobs, see).failures)


def _baselines(dataset: Dataset) -> dict[str, float]:
    return {baseline.name: baseline.value(dataset.task) for baseline in baselines(dataset)}


def restore(lines: list[Line], folder: Path, data: DataRecord) -> None:
    """Put the records of finished runs where a comparison looks for them.

    Parameters
    ----------
    lines
        Of one group.
    folder
        Of its comparison.
    data
        What it is trained on; runs on other data are left to be trained again.
    """
    for line in lines:
        place = run_folder(folder, line.record.spec) / RECORD
        if line.record.data == data and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(line.record.model_dump(mode="json")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
