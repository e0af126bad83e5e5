"""Train several plans, measure them, and report."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from spectrans.cli.progress import ComparisonView
from spectrans.cli.sentences import Failed, Interrupted, failing, refusing
from spectrans.cli.terminal import introduce, result, talk
from spectrans.data import Dataset, DataSpec, load
from spectrans.data.baselines import baselines
from spectrans.errors import must
from spectrans.processes import is_main
from spectrans.report import results as reports
from spectrans.report.comparison import write_comparison_report
from spectrans.report.figure import FIGURE
from spectrans.report.table import caption, rich_table
from spectrans.report.write import TABLE, write
from spectrans.training.compare import RESULTS, resume, unfinished
from spectrans.training.compare import compare as train_all
from spectrans.training.comparison import PLANS, Comparison, Outcomes
from spectrans.training.families import layouts
from spectrans.training.folders import ROOT, data_name, next_folder
from spectrans.training.run import require_engine, require_tracking
from spectrans.training.sizes import sized
from spectrans.training.spec import RunSpec
from spectrans.training.speed import measure, measure_lengths, usual_lengths

LAYERS: int = RunSpec.model_fields["num_layers"].default
# Tokens of a row that costs are measured on, at most.
LONGEST = 65_536


def run(
    plans: dict[str, Any],
    seeds: Sequence[int],
    data: dict[str, Any],
    shared: dict[str, Any],
    families: Sequence[str],
    lengths: str | None,
    jobs: int | None,
    tensorboard: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Do a comparison from the options of the command line to its table."""
    if not is_main():
        # Runs are shared out to workers of the main process.
        return
    say = talk(quiet)
    with failing():
        require_engine()
        if tensorboard:
            require_tracking()
    with refusing():
        shared = sized(shared)
        plans = with_families(plans, families, shared.get("num_layers", LAYERS))
        # Of the plans, the shared settings need one that fits the depth, and use none.
        first = plans.get("plans", PLANS)[0]
        spec = RunSpec(plan=first, data=DataSpec(**data), **shared)
        comparison = Comparison(**plans, seeds=tuple(seeds), shared=spec)
        asked = None if lengths is None else read_lengths(lengths)
        dataset = load(comparison.shared.data)
        folder = out or _folder(comparison)
        resume(comparison, folder, dataset)
    with failing(), _interruption(comparison, folder, dataset):
        introduce(say, dataset)
        results, report = carry_out(comparison, dataset, folder, jobs, tensorboard, asked, say)
    if as_json:
        typer.echo(json.dumps(results.model_dump(mode="json"), ensure_ascii=False))
    else:
        show(results)
    say.print(f"\nwrote {folder}/: {FIGURE}, {TABLE}, {RESULTS}", style="dim")
    say.print(f"read  {report}")
    if results.failed:
        raise Failed(failures(results))


def carry_out(
    comparison: Comparison,
    dataset: Dataset,
    folder: Path,
    jobs: int | None,
    tensorboard: bool,
    lengths: tuple[int, ...] | None,
    say: Console,
) -> tuple[reports.Results, Path]:
    """Train what is missing, measure, and write everything into the folder."""
    results = _results(comparison, dataset, folder, jobs, tensorboard, lengths, say)
    write(results, folder)
    return results, write_comparison_report(folder, dataset)


def with_families(plans: dict[str, Any], families: Sequence[str], layers: int) -> dict[str, Any]:
    """Add the plans that families stand for to those that were given."""
    if not families:
        return plans
    named = [layout for family in families for layout in layouts(family, layers)]
    return {**plans, "plans": tuple(dict.fromkeys((*plans.get("plans", ()), *named)))}


def read_lengths(text: str) -> tuple[int, ...]:
    """Read lengths between commas; "none" for none."""
    if text == "none":
        return ()
    fields = [field.strip() for field in text.split(",")]
    if not all(re.fullmatch(r"\d{1,9}", field) and 0 < int(field) <= LONGEST for field in fields):
        rule = f"be whole numbers from 1 to {LONGEST:,} with commas between, or none"
        raise ValueError(must("--lengths", rule, text))
    return tuple(sorted({int(field) for field in fields}))


def _folder(comparison: Comparison) -> Path:
    """Give the folder in which this comparison was begun, or a new one."""
    name = data_name(comparison.shared.data.source)
    return unfinished(comparison, name, ROOT) or next_folder(name)


def _results(
    comparison: Comparison,
    dataset: Dataset,
    folder: Path,
    jobs: int | None,
    tensorboard: bool,
    asked: tuple[int, ...] | None,
    say: Console,
) -> reports.Results:
    """Train what is missing, then measure what every plan costs."""
    scored = baselines(dataset)
    task = dataset.task
    shown = ", ".join(f"{b.name} {task.lead.show(b.value(task))}" for b in scored)
    say.print(f"to beat: {shown}")
    with ComparisonView(say, resume(comparison, folder, dataset)) as view:
        outcomes = train_all(comparison, folder, dataset, jobs, view, tensorboard)
    finished = [plan for plan in comparison.plans if _finished(outcomes, plan)]
    if not finished:
        raise Failed(f"no run finished, the first because {next(iter(outcomes.failures.values()))}")
    # No spinner: its thread would take time from what is measured.
    say.print("measuring speed and memory")
    specs = [comparison.spec(plan) for plan in finished]
    costs = dict(zip(finished, measure(specs, dataset), strict=True))
    asked = usual_lengths(dataset.max_length) if asked is None else asked
    found = measure_lengths(specs, dataset, asked) if asked else [()] * len(specs)
    by_length = dict(zip(finished, found, strict=True))
    return reports.summarise(outcomes, dataset, scored, costs, by_length)


def _finished(outcomes: Outcomes, plan: str) -> bool:
    return any(spec in outcomes.records for spec in outcomes.runs(plan))


@contextmanager
def _interruption(comparison: Comparison, folder: Path, dataset: Dataset) -> Iterator[None]:
    """On Ctrl-C say what is kept."""
    try:
        yield
    except KeyboardInterrupt:
        found = resume(comparison, folder, dataset)
        kept = f"{found.done()} of {found.total()} runs are kept in {folder}"
        raise Interrupted(f"interrupted: {kept}; the same command goes on from there") from None


def show(results: reports.Results) -> None:
    """Print the table on standard output."""
    console = result()
    console.print(rich_table(results))
    for line in ("", *caption(results)):
        console.print(line, style="dim")


def failures(results: reports.Results) -> str:
    """Say in one sentence which runs failed and why."""
    reasons = [f"{row.plan}, {reason}" for row in results.plans for reason in row.failures]
    more = f" (and {len(reasons) - 1} more, see {RESULTS})" if len(reasons) > 1 else ""
    runs = "run" if results.failed == 1 else "runs"
    return f"{results.failed} {runs} failed: {reasons[0]}{more}"
