"""A comparison as data: one row per plan, the baselines, and what may be said of them."""

import json
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Literal

from pydantic import Strict

from spectrans.data import Dataset
from spectrans.data.baselines import Baseline
from spectrans.options import Options
from spectrans.tasks import Metric
from spectrans.training.compare import RESULTS
from spectrans.training.comparison import Comparison, Outcomes
from spectrans.training.folders import write_whole
from spectrans.training.record import DataRecord, read_json
from spectrans.training.run import versions
from spectrans.training.speed import Cost, LengthCost

# Two standard errors: an accuracy that lies further from a baseline is no accident of the rows.
_ERRORS = 2.0
# Of a plan that is at chance: no evidence that it cannot learn.
NOT_LEARNED = "did not learn in this budget"


class PlanResult(Options):
    """What one plan scored and costs.

    Parameters
    ----------
    plan
        Layout string.
    learning_rate
        The one that its runs were trained with; None if all of its sweep failed.
    sweep
        What each learning rate scored on validation, on the first seed.
    test
        All figures on the test split of each seed that finished.
    validation
        The same on the validation split.
    score
        Mean over seeds of the figure that decides, on the test split.
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
    lengths
        What it costs on rows of other lengths, where that was measured.
    """

    plan: str
    learning_rate: float | None
    sweep: dict[str, float]
    test: Annotated[tuple[dict[str, float], ...], Strict(False)]
    validation: Annotated[tuple[dict[str, float], ...], Strict(False)]
    score: float | None
    spread: float | None
    seconds: float | None
    cost: Cost | None
    failures: Annotated[tuple[str, ...], Strict(False)]
    notes: Annotated[tuple[str, ...], Strict(False)] = ()
    lengths: Annotated[tuple[LengthCost, ...], Strict(False)] = ()

    @property
    def learned(self) -> bool:
        """Whether it is better than what looks at no input."""
        return self.score is not None and NOT_LEARNED not in self.notes


class Results(Options):
    """A whole comparison.

    Parameters
    ----------
    format
        Version of this layout.
    comparison
        What was asked for.
    data
        What it was done on.
    baselines
        What a model has to beat.
    plans
        In the order asked for.
    versions
        Of spectrans, Python and the libraries that compute.
    """

    format: Literal["spectrans-results-2"] = "spectrans-results-2"
    comparison: Comparison
    data: DataRecord
    baselines: Annotated[tuple[Baseline, ...], Strict(False)]
    plans: Annotated[tuple[PlanResult, ...], Strict(False)]
    versions: dict[str, str]

    @property
    def lead(self) -> Metric:
        """The figure that decides."""
        return self.data.task.lead

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return sum(len(row.failures) for row in self.plans)


def summarise(
    outcomes: Outcomes,
    dataset: Dataset,
    scored: tuple[Baseline, ...],
    costs: dict[str, Cost],
    lengths: dict[str, tuple[LengthCost, ...]] | None = None,
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
    lengths
        The same on rows of several lengths.

    Returns
    -------
    Results
        With notes on every row that needs one.
    """
    lead = dataset.task.lead
    rows = [_row(outcomes, plan, costs.get(plan), lead) for plan in outcomes.comparison.plans]
    results = Results(
        comparison=outcomes.comparison,
        data=DataRecord.of(dataset),
        baselines=scored,
        plans=tuple(rows),
        versions=versions(),
    )
    found = lengths or {}
    noted = tuple(
        row.model_copy(update={"notes": _notes(row, results), "lengths": found.get(row.plan, ())})
        for row in rows
    )
    return results.model_copy(update={"plans": noted})


def _row(outcomes: Outcomes, plan: str, cost: Cost | None, lead: Metric) -> PlanResult:
    records = outcomes.records
    sweep = [records[spec] for spec in outcomes.comparison.sweep(plan) if spec in records]
    found = [records[spec] for spec in outcomes.runs(plan) if spec in records]
    scores = [record.test for record in found]
    return PlanResult(
        plan=plan,
        learning_rate=outcomes.learning_rate(plan),
        sweep={f"{r.spec.learning_rate:g}": r.validation for r in sweep},
        test=tuple(record.metrics.test for record in found),
        validation=tuple(record.metrics.validation for record in found),
        score=mean(scores) if scores else None,
        spread=stdev(scores) if len(scores) > 1 else None,
        seconds=mean(record.metrics.seconds for record in found) if found else None,
        cost=cost,
        failures=tuple(
            f"learning rate {spec.learning_rate:g}, seed {spec.seed}: {reason}"
            for spec, reason in outcomes.failures.items()
            if spec.plan == plan
        ),
    )


def _notes(row: PlanResult, results: Results) -> tuple[str, ...]:
    """Say what the numbers of a row do and do not show."""
    notes = []
    scored = results.baselines
    if row.score is None:
        notes.append("no run finished")
    elif beaten := [b for b in scored if not _beats(row.score, b, results)]:
        # The first baseline looks at no input.
        chance = beaten[0] is scored[0]
        notes.append(NOT_LEARNED if chance else f"no better than {beaten[0].name}")
    elif row.cost is not None and not any(
        _dominates(other, row, results.lead) for other in results.plans
    ):
        notes.append("Pareto")
    if row.failures:
        runs = "run" if len(row.failures) == 1 else "runs"
        notes.append(f"{len(row.failures)} {runs} failed")
    return tuple(notes)


def _beats(score: float, baseline: Baseline, results: Results) -> bool:
    """Say whether a score is better than a baseline, an accuracy by more than test rows vary."""
    rank = results.lead.rank
    value = baseline.value(results.data.task)
    if results.lead.name != "accuracy" or results.data.task.per_token:
        return rank(score) > rank(value)
    tested = results.data.test
    error = sqrt(max(value * (1 - value), 1 / tested) / tested)
    return score > value + _ERRORS * error


def _dominates(one: PlanResult, other: PlanResult, lead: Metric) -> bool:
    """Say whether a plan is at least as good and as fast as another, and better in one of them."""
    if one.score is None or one.cost is None or other.score is None or other.cost is None:
        return False
    ranks = lead.rank(one.score), lead.rank(other.score)
    speeds = one.cost.inference_tokens_per_second, other.cost.inference_tokens_per_second
    ahead = ranks[0] >= ranks[1] and speeds[0] >= speeds[1]
    return ahead and (ranks[0], speeds[0]) != (ranks[1], speeds[1])


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
