"""Several plans under one budget: which runs there are, and which learning rate each plan gets."""

from dataclasses import dataclass, field
from math import inf
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, Strict, model_validator

from spectrans.errors import must
from spectrans.options import Options
from spectrans.plan import tiled
from spectrans.training.record import RunRecord
from spectrans.training.sizes import LEARNING_RATE, learning_rate
from spectrans.training.spec import Layout, RunSpec

PLANS = ("attention", "fourier", "3xgfnet,attention", "fourier,attention", "wavelet,attention")


class Comparison(Options):
    """Which plans to train, with which seeds and learning rates, and all that they share.

    Parameters
    ----------
    format
        Name of this form, for files.
    plans
        Layout strings, all different, in their canonical form.
    seeds
        Every plan is trained with each of these.
    learning_rates
        With several, each plan is trained with all of them on the first seed, and goes on with the
        one that was best on validation.
    shared
        Everything else; its own plan, seed and learning rate count for nothing.

    Examples
    --------
    >>> asked = Comparison(plans=("attention", "fourier"), seeds=(0, 1), shared=RunSpec(steps=100))
    >>> asked.spec("fourier", seed=1).steps
    100
    """

    format: Literal["spectrans-compare-1"] = "spectrans-compare-1"
    plans: Annotated[tuple[Layout, ...], Strict(False), Field(min_length=1)] = PLANS
    seeds: Annotated[tuple[int, ...], Strict(False), Field(min_length=1)] = (0, 1, 2)
    learning_rates: Annotated[tuple[PositiveFloat, ...], Strict(False), Field(min_length=1)] = (
        LEARNING_RATE,
    )
    shared: RunSpec = Field(default_factory=RunSpec)

    @model_validator(mode="before")
    @classmethod
    def _rate(cls, values: Any) -> Any:
        """Write the default learning rate out, which follows from the width of the models."""
        if isinstance(values, dict) and "learning_rates" not in values:
            shared = values.get("shared")
            if isinstance(shared, RunSpec):
                return {**values, "learning_rates": (learning_rate(shared.hidden_dim),)}
        return values

    @model_validator(mode="after")
    def _check(self) -> "Comparison":
        for name in ("seeds", "learning_rates"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(must(name, "name each value once", values))
        layers: dict[Any, str] = {}
        for plan in self.plans:
            # The spec's own check names the plan.
            resolved = tiled(self.spec(plan).plan, self.shared.num_layers)
            if resolved in layers:
                message = f"plans must differ, got {layers[resolved]!r} and {plan!r}"
                raise ValueError(f"{message}, the same {self.shared.num_layers} layers")
            layers[resolved] = plan
        return self

    def spec(
        self, plan: str, learning_rate: float | None = None, seed: int | None = None
    ) -> RunSpec:
        """Give the spec of one run.

        Parameters
        ----------
        plan
            Layout string.
        learning_rate
            None is the first one.
        seed
            None is the first one.

        Returns
        -------
        RunSpec
            What `train` takes.
        """
        changes = {
            "plan": plan,
            "learning_rate": self.learning_rates[0] if learning_rate is None else learning_rate,
            "seed": self.seeds[0] if seed is None else seed,
        }
        return RunSpec(**{**self.shared.model_dump(), **changes})

    def sweep(self, plan: str) -> list[RunSpec]:
        """Give the runs that choose the learning rate of a plan."""
        return [self.spec(plan, rate) for rate in self.learning_rates]


@dataclass
class Outcomes:
    """How far a comparison is.

    Parameters
    ----------
    comparison
        What was asked for.
    records
        Finished runs.
    failures
        Runs that ended without a result, with the reason.
    """

    comparison: Comparison
    records: dict[RunSpec, RunRecord] = field(default_factory=dict)
    failures: dict[RunSpec, str] = field(default_factory=dict)

    def learning_rate(self, plan: str) -> float | None:
        """Give the learning rate of a plan; None while its sweep runs, or where all of it failed.

        Of rates that are equally good on validation the first is taken.
        """
        if len(self.comparison.learning_rates) == 1:
            return self.comparison.learning_rates[0]
        sweep = self.comparison.sweep(plan)
        if any(spec not in self.records and spec not in self.failures for spec in sweep):
            return None
        ranks = {
            spec.learning_rate: self.records[spec].rank for spec in sweep if spec in self.records
        }
        return max(ranks, key=lambda rate: ranks[rate]) if ranks else None

    def runs(self, plan: str) -> list[RunSpec]:
        """Give the runs of a plan that count, one per seed; none before its rate is chosen."""
        rate = self.learning_rate(plan)
        if rate is None:
            return []
        return [self.comparison.spec(plan, rate, seed) for seed in self.comparison.seeds]

    def open(self) -> list[RunSpec]:
        """Give the runs that can start now: sweeps first, so that all plans advance together."""
        plans = self.comparison.plans
        wanted = [spec for plan in plans for spec in self.comparison.sweep(plan)]
        by_plan = [self.runs(plan) for plan in plans]
        for number in range(len(self.comparison.seeds)):
            wanted += [runs[number] for runs in by_plan if runs]
        ended = self.records.keys() | self.failures.keys()
        return [spec for spec in dict.fromkeys(wanted) if spec not in ended]

    def seconds(self, plan: str) -> float:
        """Give how long the longest finished run of a plan took; infinity before there is one."""
        records = self.records.items()
        times = [record.metrics.seconds for spec, record in records if spec.plan == plan]
        return max(times, default=inf)

    def done(self) -> int:
        """Give the number of finished runs that were asked for, those of sweeps included."""
        plans = self.comparison.plans
        wanted = {
            spec for plan in plans for spec in (*self.comparison.sweep(plan), *self.runs(plan))
        }
        return len(wanted & self.records.keys())

    def total(self) -> int:
        """Give the number of runs there will be if no sweep fails."""
        seeds, rates = self.comparison.seeds, self.comparison.learning_rates
        return len(self.comparison.plans) * (len(rates) + len(seeds) - 1)
