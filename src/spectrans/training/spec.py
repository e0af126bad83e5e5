"""Every setting of one training run, as one checked value."""

from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from spectrans.blocks.hybrid import NormPosition
from spectrans.config.base import MOST_LAYERS, PositionalEncodingType, Size
from spectrans.data import DataSpec
from spectrans.data.encoding import AnyEncoding
from spectrans.errors import must
from spectrans.layout import canonical
from spectrans.models import HybridTransformer
from spectrans.options import Options
from spectrans.plan import tiled
from spectrans.tasks import Task
from spectrans.training.sizes import LEARNING_RATE, TINY, learning_rate

Schedule = Literal["cosine", "linear"]
Precision = Literal["auto", "float32", "bfloat16"]

EPOCHS = 8


def _one_way(plan: str) -> str:
    try:
        return canonical(plan)
    except ValueError as error:
        raise ValueError(f"plan {plan!r}: {error}") from None


# A plan in the one way that tables, folders and records write it.
Layout = Annotated[str, AfterValidator(_one_way)]
BUDGETS = ("epochs", "steps", "minutes")


@runtime_checkable
class Described(Protocol):
    """What a model has to know of its data: of a data set, or of a record of one."""

    @property
    def task(self) -> Task:
        """What is answered."""

    @property
    def encoding(self) -> AnyEncoding:
        """What a token is."""

    @property
    def max_length(self) -> int:
        """Longest sequence."""


class RunSpec(Options):
    """What to train, on what, for how long and how.

    Parameters
    ----------
    plan
        Layout string of mixers, tiled over the layers, as "3xgfnet,attention"; written in its
        canonical form, see `spectrans.layout`.
    data
        What to train on. Its seed is not `seed`, so that every run is tested on the same rows.
    num_layers
        Number of blocks.
    hidden_dim
        Channels of a token, a multiple of `num_heads`.
    num_heads
        Heads of mixers that have heads.
    ffn_ratio
        Width of the feed-forward networks in multiples of `hidden_dim`.
    positional_encoding_type
        How the model knows token order.
    norm_position
        Norms before ("pre") or after ("post") the residual additions.
    dropout
        Probability of dropping a channel in training.
    epochs
        Passes over the training rows, 8 unless `steps` or `minutes` is given.
    steps
        Optimiser steps, in the place of `epochs`.
    minutes
        Time of training and evaluations, in the place of `epochs`. The schedule follows the clock,
        so that no two runs are alike.
    batch_size
        Rows per optimiser step, of all processes together.
    accumulate
        Passes in which the rows of a step go through the model: more need less memory.
    learning_rate
        Peak of the schedule; by default 0.004 at 64 channels, and less for wider models, see
        `spectrans.training.sizes`.
    warmup_ratio
        Share of the budget in which the learning rate rises from 0 to its peak.
    schedule
        How it falls to 0 afterwards.
    weight_decay
        Of AdamW; norms and biases are spared.
    max_grad_norm
        Gradients are scaled down to this norm.
    class_weights
        "balanced" weighs the classes so that all count alike in the loss, however rare.
    patience
        Evaluations without a better one after which training stops; None never stops it early.
    precision
        "bfloat16" computes products in 16 bits, "float32" nothing; "auto" takes the faster one, see
        `spectrans.training.precision`.
    seed
        Decides the weights at the start and the order of the rows.
    """

    plan: Layout = "3xgfnet,attention"
    data: DataSpec = Field(default_factory=DataSpec)
    num_layers: PositiveInt = Field(default=TINY.num_layers, le=MOST_LAYERS)
    hidden_dim: Size = TINY.hidden_dim
    num_heads: PositiveInt = TINY.num_heads
    ffn_ratio: PositiveFloat = 2.0
    positional_encoding_type: PositionalEncodingType = "sinusoidal"
    norm_position: NormPosition = "pre"
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    batch_size: PositiveInt = 16
    accumulate: PositiveInt = 1
    learning_rate: PositiveFloat = LEARNING_RATE
    warmup_ratio: float = Field(default=0.1, ge=0.0, lt=1.0)
    schedule: Schedule = "cosine"
    weight_decay: NonNegativeFloat = 0.01
    max_grad_norm: PositiveFloat = 1.0
    class_weights: Literal["balanced"] | None = None
    patience: PositiveInt | None = None
    precision: Precision = "auto"
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, values: Any) -> Any:
        """Write out what follows from other settings, so that a saved spec says what was done."""
        if not isinstance(values, dict):
            return values
        if all(values.get(name) is None for name in BUDGETS):
            values = {**values, "epochs": EPOCHS}
        width = values.get("hidden_dim")
        if "learning_rate" not in values and isinstance(width, int) and width > 0:
            values = {**values, "learning_rate": learning_rate(width)}
        return values

    @model_validator(mode="after")
    def _check(self) -> "RunSpec":
        first, *others = [name for name in BUDGETS if getattr(self, name) is not None]
        for name in others:
            raise ValueError(must(name, f"be left out when {first} is given", getattr(self, name)))
        if self.accumulate > self.batch_size:
            rule = f"be at most batch_size={self.batch_size}"
            raise ValueError(must("accumulate", rule, self.accumulate))
        try:
            tiled(self.plan, self.num_layers)
        except ValueError as error:
            raise ValueError(f"plan {self.plan!r}: {error}") from None
        if self.hidden_dim % self.num_heads:
            rule = f"be a multiple of num_heads={self.num_heads}"
            raise ValueError(must("hidden_dim", rule, self.hidden_dim))
        return self

    @property
    def budget(self) -> str:
        """How long is trained, in words: `8 epochs`, `500 steps` or `10 minutes`."""
        name = next(name for name in BUDGETS if getattr(self, name) is not None)
        value = getattr(self, name)
        words = name.removesuffix("s") if value == 1 else name
        return f"{value:,} {words}" if isinstance(value, int) else f"{value:g} {words}"

    def build(self, dataset: Described) -> HybridTransformer:
        """Make the model for a data set, with fresh weights from torch's current random state."""
        return HybridTransformer(
            **dataset.encoding.inputs(),
            **dataset.task.head(),
            hidden_dim=self.hidden_dim,
            num_layers=self.num_layers,
            max_sequence_length=dataset.max_length,
            alternation_pattern="custom",
            num_heads=self.num_heads,
            positional_encoding_type=self.positional_encoding_type,
            norm_position=self.norm_position,
            dropout=self.dropout,
            ffn_hidden_dim=max(1, round(self.ffn_ratio * self.hidden_dim)),
            layer_types=self.plan,
        )
