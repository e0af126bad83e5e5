"""Every setting of one training run, as one checked value."""

from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from spectrans.config.base import PositionalEncodingType
from spectrans.data import DataSpec
from spectrans.data.encoding import AnyEncoding
from spectrans.errors import must
from spectrans.models import HybridTransformer
from spectrans.options import Options
from spectrans.plan import tiled
from spectrans.tasks import Task

Schedule = Literal["cosine", "linear"]

EPOCHS = 8


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
        Layout string of mixer names, tiled over the layers, as "3xgfnet,attention".
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
    dropout
        Probability of dropping a channel in training.
    epochs
        Passes over the training rows, 8 unless `steps` is given.
    steps
        Optimiser steps, in the place of `epochs`.
    batch_size
        Rows per optimiser step.
    learning_rate
        Peak of the schedule.
    warmup_ratio
        Share of the steps in which the learning rate rises from 0 to its peak.
    schedule
        How it falls to 0 afterwards.
    weight_decay
        Of AdamW; norms and biases are spared.
    max_grad_norm
        Gradients are scaled down to this norm.
    seed
        Decides the weights at the start and the order of the rows.
    """

    plan: str = "3xgfnet,attention"
    data: DataSpec = Field(default_factory=DataSpec)
    num_layers: PositiveInt = 4
    hidden_dim: PositiveInt = 64
    num_heads: PositiveInt = 4
    ffn_ratio: PositiveFloat = 2.0
    positional_encoding_type: PositionalEncodingType = "sinusoidal"
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    batch_size: PositiveInt = 16
    learning_rate: PositiveFloat = 4e-3
    warmup_ratio: float = Field(default=0.1, ge=0.0, lt=1.0)
    schedule: Schedule = "cosine"
    weight_decay: NonNegativeFloat = 0.01
    max_grad_norm: PositiveFloat = 1.0
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="before")
    @classmethod
    def _budget(cls, values: Any) -> Any:
        """Write the default budget out, so that a saved spec says what was done."""
        if isinstance(values, dict) and values.get("epochs") is None:
            return {**values, "epochs": None if values.get("steps") is not None else EPOCHS}
        return values

    @model_validator(mode="after")
    def _check(self) -> "RunSpec":
        if self.epochs is not None and self.steps is not None:
            raise ValueError(must("steps", "be left out when epochs is given", self.steps))
        try:
            tiled(self.plan, self.num_layers)
        except ValueError as error:
            raise ValueError(f"plan {self.plan!r}: {error}") from None
        if self.hidden_dim % self.num_heads:
            rule = f"be a multiple of num_heads={self.num_heads}"
            raise ValueError(must("hidden_dim", rule, self.hidden_dim))
        return self

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
            dropout=self.dropout,
            ffn_hidden_dim=max(1, round(self.ffn_ratio * self.hidden_dim)),
            layer_types=self.plan,
        )
