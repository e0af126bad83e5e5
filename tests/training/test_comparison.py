"""Which runs a comparison needs, without training any."""

from typing import Any

import pytest

from spectrans.training import Comparison, Outcomes, RunRecord, RunSpec
from spectrans.training.record import DataRecord, Metrics
from tests.training.made import order_task

DATA = DataRecord.of(order_task(4))


def record(spec: RunSpec, validation: float, test: float = 0.5) -> RunRecord:
    metrics = Metrics(
        test={"accuracy": test, "macro_f1": test, "loss": 1.0},
        validation={"accuracy": validation, "macro_f1": validation, "loss": 1.0},
        best_step=1,
        steps=1,
        seconds=1.0,
        parameters=1,
    )
    return RunRecord(spec=spec, data=DATA, metrics=metrics, versions={})


def comparison(**settings: Any) -> Comparison:
    return Comparison(**{"plans": ("fourier", "attention"), "seeds": (0, 1), **settings})


def described(specs: list[RunSpec]) -> list[tuple[str, float, int]]:
    return [(spec.plan, spec.learning_rate, spec.seed) for spec in specs]


def test_one_learning_rate_needs_no_sweep() -> None:
    outcomes = Outcomes(comparison(learning_rates=(0.1,)))
    assert described(outcomes.open()) == [
        ("fourier", 0.1, 0),
        ("attention", 0.1, 0),
        ("fourier", 0.1, 1),
        ("attention", 0.1, 1),
    ]
    assert outcomes.total() == 4


def test_every_plan_is_swept_alike_and_goes_on_with_its_best_rate_on_validation() -> None:
    outcomes = Outcomes(comparison(learning_rates=(0.1, 0.2)))
    assert described(outcomes.open()) == [
        ("fourier", 0.1, 0),
        ("fourier", 0.2, 0),
        ("attention", 0.1, 0),
        ("attention", 0.2, 0),
    ]
    first, second, *rest = outcomes.open()
    # The test accuracies say the opposite, and must not count.
    outcomes.records[first] = record(first, validation=0.3, test=0.9)
    assert outcomes.learning_rate("fourier") is None
    outcomes.records[second] = record(second, validation=0.4, test=0.1)
    assert outcomes.learning_rate("fourier") == 0.2
    assert described(outcomes.open()) == [*described(rest), ("fourier", 0.2, 1)]
    assert outcomes.total() == 6
    assert outcomes.done() == 2


def test_of_equal_rates_the_first_is_taken() -> None:
    outcomes = Outcomes(comparison(learning_rates=(0.2, 0.1)))
    outcomes.records = {spec: record(spec, 0.5) for spec in outcomes.comparison.sweep("fourier")}
    assert outcomes.learning_rate("fourier") == 0.2


def test_a_rate_that_fails_is_passed_over() -> None:
    outcomes = Outcomes(comparison(learning_rates=(0.2, 0.1)))
    failed, worked = outcomes.comparison.sweep("fourier")
    outcomes.failures[failed] = "diverged"
    outcomes.records[worked] = record(worked, 0.1)
    assert outcomes.learning_rate("fourier") == 0.1
    assert failed not in outcomes.open()


def test_a_plan_whose_whole_sweep_failed_has_no_runs() -> None:
    outcomes = Outcomes(comparison(learning_rates=(0.2, 0.1)))
    outcomes.failures = dict.fromkeys(outcomes.comparison.sweep("fourier"), "diverged")
    assert outcomes.runs("fourier") == []
    assert {spec.plan for spec in outcomes.open()} == {"attention"}


def test_runs_differ_in_nothing_but_plan_rate_and_seed() -> None:
    asked = comparison(shared=RunSpec(steps=3, dropout=0.2), learning_rates=(0.1,))
    seen = {spec.model_copy(update={"plan": "", "seed": 0}) for spec in Outcomes(asked).open()}
    assert len(seen) == 1
    assert next(iter(seen)).dropout == 0.2


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"plans": ("attention", "2xattention")},
            "plans must differ, got 'attention' and '2xattention', the same 4 layers",
        ),
        ({"plans": ("fourier", "fuorier")}, "plan 'fuorier': unknown mixer"),
        ({"seeds": (1, 1)}, r"seeds must name each value once, got \(1, 1\)"),
        ({"learning_rates": (0.1, 0.1)}, "learning_rates must name each value once"),
        ({"learning_rates": (-1.0,)}, r"learning_rates\.0 must be greater than 0, got -1\.0"),
    ],
    ids=["same plan", "unknown mixer", "same seed", "same rate", "negative rate"],
)
def test_a_comparison_that_makes_no_sense_is_refused(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        comparison(**settings)


def test_the_time_of_a_plan_is_that_of_its_longest_run() -> None:
    outcomes = Outcomes(comparison(learning_rates=(0.1,)))
    fourier = [outcomes.comparison.spec("fourier", seed=seed) for seed in (0, 1)]
    long = record(fourier[1], 0.5)
    metrics = long.metrics.model_copy(update={"seconds": 9.0})
    outcomes.records[fourier[0]] = record(fourier[0], 0.5)
    outcomes.records[fourier[1]] = long.model_copy(update={"metrics": metrics})
    assert outcomes.seconds("fourier") == 9.0
    # Not known: it may be the longest of all, and starts first.
    assert outcomes.seconds("attention") == float("inf")
