"""Results without any training."""

from spectrans.report.results import Baseline, PlanResult, Results
from spectrans.training import Comparison, Cost, RunSpec
from spectrans.training.record import Task
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


def plan_result(
    plan: str, accuracy: float, speed: float, spread: float | None = 0.02
) -> PlanResult:
    return PlanResult(
        plan=plan,
        learning_rate=1e-3,
        sweep={"0.001": accuracy},
        accuracies=(accuracy,),
        validation_accuracies=(accuracy,),
        accuracy=accuracy,
        spread=spread,
        seconds=10.0,
        cost=cost(speed),
        failures=(),
    )


def made_results(*plans: PlanResult) -> Results:
    return Results(
        comparison=Comparison(plans=tuple(plan.plan for plan in plans), shared=RunSpec(epochs=3)),
        task=Task.of(order_task(8)),
        baselines=(
            Baseline(name="majority class", accuracy=0.1),
            Baseline(name="linear", accuracy=0.344),
        ),
        plans=plans,
        versions={"spectrans": "0"},
    )
