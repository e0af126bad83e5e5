"""A comparison as data: one row per plan, the baselines, and what may be said of them."""

import json
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Literal

from pydantic import Strict

from spectrans.data import Dataset
from spectrans.data.baselines import linear, majority
from spectrans.options import Options
from spectrans.training.compare import RESULTS
from spectrans.training.comparison import Comparison, Outcomes
from spectrans.training.folders import write_whole
from spectrans.training.record import Task, read_json
from spectrans.training.run import versions
from spectrans.training.speed import Cost

# Two standard errors: a share that lies further from a baseline is no accident of the test rows.
_ERRORS = 2.0


class PlanResult(Options):
    """What one plan scored and costs.

    Parameters
    ----------
    plan
        Layout string.
    learning_rate
        The one that its runs were trained with; None if all of its sweep failed.
    sweep
        Validation accuracy of each learning rate on the first seed.
    accuracies
        Test accuracy of each seed that finished.
    validation_accuracies
        Validation accuracy of each seed that finished.
    accuracy
        Mean over seeds.
    spread
        Standard deviation over seeds, n - 1 in the denominator; None for fewer than two.
    seconds
        Mean time of a run.
    cost
        None if no run finished.
    failures
        Why runs failed.
    notes
        What to know when reading the row.
    """

    plan: str
    learning_rate: float | None
    sweep: dict[str, float]
    accuracies: Annotated[tuple[float, ...], Strict(False)]
    validation_accuracies: Annotated[tuple[float, ...], Strict(False)]
    accuracy: float | None
    spread: float | None
    seconds: float | None
    cost: Cost | None
    failures: Annotated[tuple[str, ...], Strict(False)]
    notes: Annotated[tuple[str, ...], Strict(False)] = ()


class Baseline(Options):
    """What a model has to beat.

    Parameters
    ----------
    name
        As in the table.
    accuracy
        On the test split.
    """

    name: str
    accuracy: float


class Results(Options):
    """A whole comparison.

    Parameters
    ----------
    format
        Version of this layout.
    comparison
        What was asked for.
    task
        What it was done on.
    baselines
        Majority class and linear model.
    plans
        In the order asked for.
    versions
        Of spectrans, Python and the libraries that compute.
    """

    format: Literal["spectrans-results-1"] = "spectrans-results-1"
    comparison: Comparison
    task: Task
    baselines: Annotated[tuple[Baseline, ...], Strict(False)]
    plans: Annotated[tuple[PlanResult, ...], Strict(False)]
    versions: dict[str, str]

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return sum(len(row.failures) for row in self.plans)


def baselines(dataset: Dataset) -> tuple[Baseline, ...]:
    """Score what needs no neural network."""
    return (
        Baseline(name="majority class", accuracy=majority(dataset)),
        Baseline(name="linear", accuracy=linear(dataset)),
    )


def summarise(
    outcomes: Outcomes, dataset: Dataset, scored: tuple[Baseline, ...], costs: dict[str, Cost]
) -> Results:
    """Put together what a comparison found.

    Parameters
    ----------
    outcomes
        All runs.
    dataset
        What they were trained and tested on.
    scored
        Baselines on the same test rows.
    costs
        Of each plan that was measured.

    Returns
    -------
    Results
        With notes on every row that needs one.
    """
    rows = [_row(outcomes, plan, costs.get(plan)) for plan in outcomes.comparison.plans]
    return Results(
        comparison=outcomes.comparison,
        task=Task.of(dataset),
        baselines=scored,
        plans=tuple(
            row.model_copy(update={"notes": _notes(row, rows, scored, len(dataset.test))})
            for row in rows
        ),
        versions=versions(),
    )


def _row(outcomes: Outcomes, plan: str, cost: Cost | None) -> PlanResult:
    records = outcomes.records
    sweep = [records[spec] for spec in outcomes.comparison.sweep(plan) if spec in records]
    found = [records[spec].metrics for spec in outcomes.runs(plan) if spec in records]
    accuracies = tuple(metrics.test_accuracy for metrics in found)
    return PlanResult(
        plan=plan,
        learning_rate=outcomes.learning_rate(plan),
        sweep={f"{r.spec.learning_rate:g}": r.metrics.validation_accuracy for r in sweep},
        accuracies=accuracies,
        validation_accuracies=tuple(metrics.validation_accuracy for metrics in found),
        accuracy=mean(accuracies) if accuracies else None,
        spread=stdev(accuracies) if len(accuracies) > 1 else None,
        seconds=mean(metrics.seconds for metrics in found) if found else None,
        cost=cost,
        failures=tuple(
            f"learning rate {spec.learning_rate:g}, seed {spec.seed}: {reason}"
            for spec, reason in outcomes.failures.items()
            if spec.plan == plan
        ),
    )


def _notes(
    row: PlanResult, rows: list[PlanResult], scored: tuple[Baseline, ...], tested: int
) -> tuple[str, ...]:
    """Say what the numbers of a row do and do not show."""
    notes = []
    if row.accuracy is None:
        notes.append("no run finished")
    elif beaten := [b for b in scored if not _above(row.accuracy, b.accuracy, tested)]:
        chance = beaten[0].name == "majority class"
        notes.append("at chance" if chance else f"not above {beaten[0].name}")
    elif row.cost is not None and not any(_dominates(other, row) for other in rows):
        notes.append("Pareto")
    if row.failures:
        runs = "run" if len(row.failures) == 1 else "runs"
        notes.append(f"{len(row.failures)} {runs} failed")
    return tuple(notes)


def _above(accuracy: float, baseline: float, tested: int) -> bool:
    """Say whether an accuracy lies above a baseline by more than test rows vary."""
    error = sqrt(max(baseline * (1 - baseline), 1 / tested) / tested)
    return accuracy > baseline + _ERRORS * error


def _dominates(one: PlanResult, other: PlanResult) -> bool:
    """Say whether a plan is at least as good and as fast as another, and better in one of them."""
    if one.accuracy is None or one.cost is None or other.accuracy is None or other.cost is None:
        return False
    speeds = one.cost.inference_tokens_per_second, other.cost.inference_tokens_per_second
    ahead = one.accuracy >= other.accuracy and speeds[0] >= speeds[1]
    return ahead and (one.accuracy, speeds[0]) != (other.accuracy, speeds[1])


def save_results(results: Results, folder: Path) -> None:
    """Write `results.json`."""
    written = results.model_dump(mode="json")
    write_whole(folder / RESULTS, json.dumps(written, indent=2, ensure_ascii=False) + "\n")


def load_results(folder: Path) -> Results:
    """Read `results.json`.

    Parameters
    ----------
    folder
        Folder of a finished comparison.

    Returns
    -------
    Results
        The results.
    """
    return Results(**read_json(folder / RESULTS))
