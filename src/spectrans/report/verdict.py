"""Which plan to take, at what cost, and how sure that is, in plain words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

import numpy as np

from spectrans.report.results import PlanResult, Results
from spectrans.tasks import Metric
from spectrans.training.evidence import Evidence
from spectrans.training.record import RunRecord

# Two-sided 95 % quantiles of Student's t for 1, 2, ... degrees of freedom; tested against scipy.
STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
RESAMPLES = 10_000


@dataclass(frozen=True)
class Found:
    """A finished run of a plan.

    Parameters
    ----------
    record
        What came out.
    evidence
        What it answered, if that is known.
    """

    record: RunRecord
    evidence: Evidence | None


# For each plan, its finished runs by seed.
Runs = Mapping[str, Mapping[int, Found]]


@dataclass(frozen=True)
class Difference:
    """By how much one plan is better than another on the test rows.

    Parameters
    ----------
    plan
        The one.
    other
        The other.
    seeds
        Pairs of runs.
    gain
        Mean of the differences of the pairs; above 0 where `plan` is better.
    over_seeds
        95 % interval of the mean by Student's t; None for one pair, of which nothing can be said.
    over_rows
        95 % interval by resampling the test rows, the runs as they are; None where answers are not
        counted row by row.
    """

    plan: str
    other: str
    seeds: int
    gain: float
    over_seeds: tuple[float, float] | None
    over_rows: tuple[float, float] | None

    @property
    def shown(self) -> bool:
        """Whether other seeds and other rows would hardly turn the sign."""
        if self.over_seeds is None:
            return False
        known = [ends for ends in (self.over_seeds, self.over_rows) if ends is not None]
        return all(low > 0 for low, _ in known) or all(high < 0 for _, high in known)


def student(values: Sequence[float]) -> tuple[float, float] | None:
    """Give the 95 % interval of a mean by Student's t; None for fewer than two values."""
    if len(values) < 2:
        return None
    freedom = len(values) - 1
    quantile = STUDENT[freedom - 1] if freedom <= len(STUDENT) else STUDENT[-1]
    half = quantile * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half


def resampled(values: np.ndarray) -> tuple[float, float]:
    """Give the 95 % interval of a mean over rows, by drawing as many rows again with repetition."""
    kinds, counts = np.unique(values, return_counts=True)
    # Rows of one value are the same row: so many draws of so few kinds are cheap.
    drawn = np.random.RandomState(0).multinomial(len(values), counts / len(values), RESAMPLES)
    low, high = np.quantile(drawn @ kinds / len(values), (0.025, 0.975))
    return float(low), float(high)


def difference(plan: str, other: str, runs: Runs, lead: Metric) -> Difference | None:
    """Compare two plans, seed by seed and row by row; None where no seed has both."""
    seeds = sorted(runs[plan].keys() & runs[other].keys())
    if not seeds:
        return None
    pairs = [(runs[plan][seed], runs[other][seed]) for seed in seeds]
    gains = [lead.rank(one.record.test) - lead.rank(two.record.test) for one, two in pairs]
    rights = [[_right(found.evidence) for found in pair] for pair in pairs]
    rows = None
    if lead.name == "accuracy" and all(len(one) and len(two) for one, two in rights):
        rows = resampled(np.mean([one - two for one, two in rights], axis=0).round(9))
    return Difference(plan, other, len(seeds), mean(gains), student(gains), rows)


def _right(evidence: Evidence | None) -> np.ndarray:
    return np.array([int(c) for c in evidence.right] if evidence else [], dtype=np.float64)


def chosen(results: Results) -> PlanResult | None:
    """Give the plan that was best on validation among those that learned; None if none did."""
    lead = results.lead
    able = [row for row in results.plans if row.learned]
    if not able:
        return None
    return max(able, key=lambda row: lead.rank(mean(seed[lead.name] for seed in row.validation)))


def differences(results: Results, runs: Runs) -> list[Difference]:
    """Compare the chosen plan with every other that has a finished run."""
    best = chosen(results)
    if best is None:
        return []
    others = [row.plan for row in results.plans if row is not best and row.score is not None]
    found = (difference(best.plan, other, runs, results.lead) for other in others)
    return [one for one in found if one is not None]


def verdict(results: Results, found: Sequence[Difference]) -> str:
    """Say in one paragraph which plan to take, at what cost, and how sure that is.

    Parameters
    ----------
    results
        The comparison.
    found
        What `differences` gave.

    Returns
    -------
    str
        Some sentences.
    """
    best = chosen(results)
    if best is None:
        name = results.baselines[0].name
        return (
            f"Take none of these plans: none is better than {name} here. That is no evidence that "
            "they cannot learn this; give them more steps or another learning rate."
        )
    parts = [_choice(best, results), _cost(best, results), _sureness(best, found, results)]
    lost = [row.plan for row in results.plans if row.score is not None and not row.learned]
    if lost:
        parts.append(
            f"{_listed(lost)} did not learn in this budget, which is no evidence that a longer "
            "one would not do."
        )
    return " ".join(part for part in parts if part)


def _choice(best: PlanResult, results: Results) -> str:
    assert best.score is not None
    lead = results.lead
    able = sum(row.learned for row in results.plans)
    spread = f" ± {lead.show(best.spread)}" if best.spread is not None else ""
    why = f"of {able} plans that learned it was best on validation" if able > 1 else (
        "it is the only plan that learned"
    )  # fmt: skip
    beaten = [note for note in best.notes if note.startswith("no better")]
    warning = f" It is {beaten[0]}, so take that instead." if beaten else ""
    return (
        f"Take {best.plan}: {why}, and on the test rows its {lead.title} is "
        f"{lead.show(best.score)}{spread}.{warning}"
    )


def _cost(best: PlanResult, results: Results) -> str:
    if best.cost is None:
        return ""
    speed = best.cost.inference_tokens_per_second
    said = (
        f"It costs {best.cost.parameters:,} parameters and answers {speed / 1e3:,.1f} thousand "
        "tokens per second on one thread"
    )
    faster = [
        row
        for row in results.plans
        if row.learned and row.cost and row.cost.inference_tokens_per_second > 1.05 * speed
    ]
    if not faster:
        return f"{said}; no plan that learned is clearly faster."
    lead = results.lead
    near = max(faster, key=lambda row: lead.rank(row.score or 0.0))
    assert near.cost is not None
    assert near.score is not None
    times = near.cost.inference_tokens_per_second / speed
    return (
        f"{said}; {near.plan} is {times:.2f} times as fast, with {lead.title} "
        f"{lead.show(near.score)}."
    )


def _sureness(best: PlanResult, found: Sequence[Difference], results: Results) -> str:
    if not found:
        return ""
    if len(results.comparison.seeds) == 1:
        return (
            "How sure: with one seed nothing can be said about whether another seed would give "
            "the same order; run at least three."
        )
    better = [one for one in found if one.shown and one.gain > 0]
    worse = [one for one in found if one.shown and one.gain < 0]
    open_ = [one for one in found if not one.shown]
    lead = results.lead
    parts = []
    if better:
        least = min(better, key=lambda one: one.gain)
        assert least.over_seeds is not None
        ends = " to ".join(amount(lead, end) for end in least.over_seeds)
        parts.append(
            f"over {least.seeds} pairs of seeds it is better than "
            f"{_listed([one.other for one in better])} (by {amount(lead, least.gain)} or more; "
            f"95 % interval of the smallest: {ends})"
        )
    if open_:
        names = _listed([one.other for one in open_])
        parts.append(f"not shown to be better or worse than {names} with these seeds and rows")
    if worse:
        parts.append(f"on the test rows worse than {_listed([one.other for one in worse])}")
    many = len(found) > 1
    caution = " Each interval is for its pair alone." if many else ""
    return f"How sure: {'; '.join(parts)}.{caution}"


def amount(lead: Metric, value: float) -> str:
    """Write a difference of two scores with its sign and unit."""
    return f"{100 * value:+.1f} points" if lead.percent else f"{value:+.4g}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
