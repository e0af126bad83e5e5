"""What a comparison found, as data."""

from pathlib import Path

import pytest

from spectrans.report import load_results, summarise
from spectrans.report.results import save_results
from spectrans.training import Comparison, Cost, Outcomes
from tests.report.made import baseline, cost, made_results, plan_result
from tests.training.made import order_task
from tests.training.test_comparison import record

# 400 test rows.
TASK = order_task(800, length=4)
SCORED = (baseline("majority class", 0.5), baseline("linear", 0.6))


def outcomes(scores: dict[str, tuple[float, ...]]) -> Outcomes:
    """Plans with the test accuracy of each seed; the validation accuracy is 0.1 higher."""
    asked = Comparison(plans=tuple(scores), seeds=(0, 1, 2), learning_rates=(1e-3,))
    specs = [
        (asked.spec(plan, seed=seed), score)
        for plan, row in scores.items()
        for seed, score in enumerate(row)
    ]
    return Outcomes(asked, {spec: record(spec, score + 0.1, score) for spec, score in specs})


def costs(**speeds: float) -> dict[str, Cost]:
    return {plan: cost(speed) for plan, speed in speeds.items()}


def test_a_row_is_mean_and_deviation_of_the_test_accuracies() -> None:
    found = outcomes({"fourier": (0.7, 0.8, 0.9)})
    (row,) = summarise(found, TASK, SCORED, costs(fourier=1e4)).plans
    assert row.score == pytest.approx(0.8)
    assert row.spread == pytest.approx(0.1)
    assert row.sweep == {"0.001": pytest.approx(0.8)}
    assert [seed["accuracy"] for seed in row.test] == [0.7, 0.8, 0.9]


def test_one_seed_has_no_spread() -> None:
    (row,) = summarise(outcomes({"fourier": (0.7,)}), TASK, SCORED, {}).plans
    assert (row.score, row.spread) == (0.7, None)


@pytest.mark.parametrize(
    ("accuracy", "note"),
    [
        (0.50, ("did not learn in this budget",)),
        # Two standard errors of 400 rows are 0.05 at the majority and 0.049 at the linear model.
        (0.54, ("did not learn in this budget",)),
        (0.56, ("no better than linear",)),
        (0.64, ("no better than linear",)),
        (0.66, ()),
    ],
)
def test_a_row_that_beats_no_baseline_says_so(accuracy: float, note: tuple[str, ...]) -> None:
    found = outcomes({"fourier": (accuracy,) * 3})
    (row,) = summarise(found, TASK, SCORED, {}).plans
    assert row.notes == note


def test_plans_that_no_other_dominates_are_pointed_out() -> None:
    scores: dict[str, tuple[float, ...]] = {
        "fourier": (0.8,),
        "gfnet": (0.9,),
        "attention": (0.85,),
        "lst": (0.9,),
    }
    speeds = costs(fourier=9e4, gfnet=6e4, attention=5e4, lst=5.5e4)
    rows = summarise(outcomes(scores), TASK, SCORED, speeds).plans
    front = {row.plan for row in rows if "Pareto" in row.notes}
    assert front == {"fourier", "gfnet"}


def test_failed_runs_are_counted_and_explained() -> None:
    found = outcomes({"fourier": (0.8,), "gfnet": ()})
    found.failures[found.comparison.spec("fourier", seed=2)] = "too hot"
    results = summarise(found, TASK, SCORED, costs(fourier=1e4))
    assert results.failed == 1
    assert results.plans[0].failures == ("learning rate 0.001, seed 2: too hot",)
    assert "1 run failed" in results.plans[0].notes
    assert results.plans[1].notes == ("no run finished",)


def test_results_come_back_from_disk(tmp_path: Path) -> None:
    results = made_results(plan_result("fourier", 0.8, 1e4), plan_result("gfnet", 0.9, 9e3, None))
    save_results(results, tmp_path)
    assert load_results(tmp_path) == results
