"""Results without any training."""

from spectrans.data.baselines import Baseline
from spectrans.report.results import PlanResult, Results
from spectrans.tasks import Scores
from spectrans.training import Comparison, Cost, RunSpec
from spectrans.training.record import DataRecord
from tests.training.made import order_task


def cost(speed: float) -> Cost:
    return Cost(
        inference_tokens_per_second=speed,
        training_tokens_per_second=speed / 3,
        peak_memory=30 * 2**20,
        parameters=12_345,
        flops_per_token=2.5e5,
        rounds=9,
    )


def baseline(name: str, accuracy: float) -> Baseline:
    return Baseline(name=name, scores=Scores(values={"accuracy": accuracy}), fitted_on=8)


def plan_result(
    plan: str, accuracy: float, speed: float, spread: float | None = 0.02
) -> PlanResult:
    return PlanResult(
        plan=plan,
        learning_rate=1e-3,
        sweep={"0.001": accuracy},
        test=({"accuracy": accuracy},),
        validation=({"accuracy": accuracy},),
        score=accuracy,
        spread=spread,
        seconds=10.0,
        cost=cost(speed),
        failures=(),
    )


def made_results(*plans: PlanResult) -> Results:
    return Results(
        comparison=Comparison(plans=tuple(plan.plan for plan in plans), shared=RunSpec(epochs=3)),
        data=DataRecord.of(order_task(8)),
        baselines=(baseline("majority class", 0.1), baseline("linear", 0.344)),
        plans=plans,
        versions={"spectrans": "0"},
    )
