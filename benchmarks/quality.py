"""Score plans on tasks, each with the same budget: python -m benchmarks.quality --preset smoke.

Runs that finished are kept in the folder, and the same command goes on from there. Each run is one
line of runs.jsonl; --show FILE makes the tables and the figure from such a file alone.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from benchmarks.machine import commit, machine, versions
from benchmarks.scores import Line, figure, table
from spectrans.data import DataSpec, load
from spectrans.data.baselines import baselines
from spectrans.training import Comparison, Outcomes, RunSpec, compare
from spectrans.training.folders import slug, write_whole

LINES, TABLE, FIGURE = "runs.jsonl", "table.md", "scores.png"


class Group(NamedTuple):
    """Plans on one task, at one size: all that these runs share."""

    task: str
    plans: tuple[str, ...]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    settings: dict[str, Any]

    @property
    def comparison(self) -> Comparison:
        """Say what is to be trained."""
        data = DataSpec(source=self.task)
        shared = RunSpec(plan=self.plans[0], data=data, **self.settings)
        return Comparison(
            plans=self.plans, seeds=self.seeds, learning_rates=self.rates, shared=shared
        )

    @property
    def folder(self) -> str:
        """Name the folder of these runs."""
        size = "-".join(f"{name}{value}" for name, value in self.settings.items())
        return slug(f"{self.task}-{size}")


ALL_PLANS = (
    "attention", "fourier", "gfnet", "3xgfnet,attention", "fourier,attention", "wavelet,attention",
)  # fmt: skip
FNET = ("attention", "fourier", "2xfourier,2xattention", "wavelet,attention")
CPU = {"num_layers": 4, "hidden_dim": 64, "steps": 1500, "batch_size": 32}
# Widths, depths and batches of the Long Range Arena; the schedule is ours.
LISTOPS = {"num_layers": 4, "hidden_dim": 512, "num_heads": 8, "batch_size": 32, "steps": 5000}
PATHFINDER = {"num_layers": 4, "hidden_dim": 32, "batch_size": 512, "steps": 62_400}
FEW_ROWS = "train=300&validation=100&test=200"

PRESETS: dict[str, tuple[Group, ...]] = {
    "smoke": tuple(
        Group(
            task,
            ("attention", "gfnet,attention"),
            (4e-3,),
            (0,),
            {"num_layers": 2, "hidden_dim": 32, "steps": 20, "batch_size": 16},
        )
        for task in (f"listops32?{FEW_ROWS}", f"recall24?pairs=3&vocab=16&{FEW_ROWS}")
    ),
    "cpu": tuple(
        Group(task, ALL_PLANS, (1e-3, 4e-3), (0, 1, 2), CPU)
        for task in (
            "digits12",
            "languages64",
            "listops128?train=20000&validation=1000&test=2000",
            "pathfinder24?contour=6&train=20000&validation=1000&test=2000",
            "recall64?pairs=4",
            "copying64?tokens=8",
            "induction64?marks=8",
        )
    ),
    "lra": (
        Group("listops2000", FNET, (1e-3,), (0, 1, 2), LISTOPS),
        Group("pathfinder32", FNET, (1e-3,), (0, 1, 2), PATHFINDER),
    ),
}


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--preset", choices=tuple(PRESETS), default="smoke")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="parent of the folders")
    parser.add_argument("--jobs", type=int, help="worker processes (default: one per core)")
    parser.add_argument("--filter", default="", help="only tasks whose name contains this")
    parser.add_argument("--show", type=Path, metavar="FILE", help="only tables, from a runs.jsonl")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run the command; give the exit code."""
    options, console = parse(words), Console()
    if options.show is not None:
        written = [Line(**json.loads(line)) for line in options.show.read_text().splitlines()]
        console.print(table(written), highlight=False, markup=False, soft_wrap=True)
        return 0
    groups = [group for group in PRESETS[options.preset] if options.filter in group.task]
    if not groups:
        console.print(f"no task of {options.preset} contains {options.filter!r}")
        return 2
    root = options.out / f"quality-{options.preset}"
    lines: list[Line] = []
    failed = 0
    for group in groups:
        console.print(f"{group.task}: {len(group.plans)} plans", highlight=False)
        outcomes, found = run(group, root, options.jobs)
        failed += len(outcomes.failures)
        lines += found
        # Whole after each task: what was finished is never lost.
        text = "".join(json.dumps(line.model_dump(mode="json")) + "\n" for line in lines)
        write_whole(root / LINES, text)
    write_whole(root / TABLE, table(lines))
    figure(lines, root / FIGURE)
    console.print(table(lines), highlight=False, markup=False, soft_wrap=True)
    console.print(f"wrote {root}/: {LINES}, {TABLE}, {FIGURE}")
    return 1 if failed else 0


def run(group: Group, root: Path, jobs: int | None) -> tuple[Outcomes, list[Line]]:
    """Train what is missing of a group, and give a line for every run."""
    comparison = group.comparison
    dataset = load(comparison.shared.data)
    to_beat = {b.name: b.value(dataset.task) for b in baselines(dataset)}
    outcomes = compare(comparison, root / group.folder, dataset, jobs)
    chosen = {spec for plan in group.plans for spec in outcomes.runs(plan)}
    return outcomes, [
        Line(
            task=group.task,
            metric=dataset.task.lead,
            score=record.metrics.test[dataset.task.lead.name],
            chosen=spec in chosen,
            baselines=to_beat,
            spec=spec,
            test=record.metrics.test,
            validation=record.metrics.validation,
            best_step=record.metrics.best_step,
            seconds=record.metrics.seconds,
            parameters=record.metrics.parameters,
            data=record.data.fingerprint,
            commit=commit(),
            machine=machine(),
            versions=versions(),
        )
        for spec, record in outcomes.records.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
