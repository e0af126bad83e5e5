"""What a search is asked for."""

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from spectrans.errors import must
from spectrans.layout import parts
from spectrans.options import Options
from spectrans.training.crossover import REFERENCE
from spectrans.training.spec import RunSpec

TRIALS = 20
# A search may be asked again for more of these, and goes on.
BUDGET = ("trials", "minutes", "finalists", "seeds")


class Search(Options):
    """Which plans may be tried, how each is trained, and when to end.

    Parameters
    ----------
    format
        Name of this form, for files.
    mixers
        What may fill the layers that are not attention, between commas. Options that are written
        down, as in "fourier,wavelet(levels=2)", are not searched.
    attention
        What may fill the layers of attention, in the same way.
    max_attention
        Layers of attention at most; None is all.
    anywhere
        Whether attention may stand in any layers, and not only at the top, in the middle, at the
        bottom or spread evenly.
    stop_early
        Whether trials that do badly are stopped, see `spectrans.search.median`.
    seconds
        About how long the latency of a plan is measured; five rounds are done in any case.
    trials
        Plans to try; 20 where `minutes` is not given.
    minutes
        No trial begins after as much time of trials; None sets no limit.
    finalists
        Plans that are compared on the test rows in the end.
    seeds
        Runs of each finalist.
    seed
        Decides what is tried.
    shared
        Sizes, data and training of every trial; its own plan counts for nothing.

    Examples
    --------
    >>> asked = Search(trials=8, mixers="fourier,gfnet", shared=RunSpec(steps=100))
    >>> asked.spec("gfnet,attention").steps
    100
    """

    format: Literal["spectrans-search-1"] = "spectrans-search-1"
    mixers: str = "fourier,gfnet,wavelet,afno"
    attention: str = "attention,spectral_attention,lst"
    max_attention: NonNegativeInt | None = None
    anywhere: bool = False
    stop_early: bool = True
    seconds: float = Field(default=2.0, ge=0)
    trials: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    finalists: NonNegativeInt = 3
    seeds: PositiveInt = 3
    seed: int = Field(default=0, ge=0, lt=2**32)
    shared: RunSpec = Field(default_factory=RunSpec)

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("trials") is values.get("minutes") is None:
            return {**values, "trials": TRIALS}
        return values

    @model_validator(mode="after")
    def _check(self) -> "Search":
        names = _names("mixers", self.mixers)
        if REFERENCE in names:
            raise ValueError(must("mixers", f"leave {REFERENCE} to the other list", self.mixers))
        names += _names("attention", self.attention)
        for name in names:
            if names.count(name) > 1:
                raise ValueError(must("mixers and attention", "name each mixer once", name))
        depth = self.shared.num_layers
        if self.max_attention is not None and self.max_attention > depth:
            rule = f"be at most num_layers={depth}"
            raise ValueError(must("max_attention", rule, self.max_attention))
        if self.shared.minutes is not None:
            rule = "have epochs or steps, by which trials can be compared"
            raise ValueError(must("shared", rule, f"minutes={self.shared.minutes:g}"))
        return self

    @property
    def most(self) -> int:
        """Layers of attention at most."""
        return self.shared.num_layers if self.max_attention is None else self.max_attention

    def spec(self, plan: str) -> RunSpec:
        """Give the spec of one trial."""
        return RunSpec(**{**self.shared.model_dump(), "plan": plan})

    def space_settings(self) -> dict[str, Any]:
        """Give what has to stay the same when a search goes on."""
        written = self.model_dump(mode="json")
        shared = written.pop("shared")
        kept = {name: value for name, value in written.items() if name not in BUDGET}
        return {**kept, **{name: value for name, value in shared.items() if name != "plan"}}


def _names(argument: str, layout: str) -> list[str]:
    """Give the mixers of a list."""
    try:
        found = parts(layout)
    except ValueError as error:
        raise ValueError(f"{argument} {layout!r}: {error}") from None
    if any(part.times > 1 for part in found):
        raise ValueError(must(argument, "be mixers without counts", layout))
    return [part.options.name for part in found]
