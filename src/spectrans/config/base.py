"""What every model is made of, as checked values that read and write YAML and JSON."""

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import (
    AliasChoices,
    Field,
    NonNegativeFloat,
    PositiveInt,
    model_validator,
)

from spectrans import plan as plans
from spectrans.blocks.hybrid import NormPosition
from spectrans.config import text
from spectrans.errors import must, unknown
from spectrans.heads import Pooling
from spectrans.options import Options

PositionalEncodingType = Literal["sinusoidal", "learned", "rotary", "alibi", "none"]
OutputHeadType = Literal["classification", "regression", "sequence", "lm", "none"]

Config = TypeVar("Config", bound="ModelConfig")

_FORMS = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}


class ModelConfig(Options):
    """What every model has; subclasses add how their layers are chosen.

    Parameters
    ----------
    vocab_size
        Number of token ids; None for models fed with vectors.
    hidden_dim
        Channels of a token.
    num_layers
        Number of blocks.
    sequence_length
        Longest row the model is meant for; also accepted as `max_sequence_length`.
    num_classes
        Outputs of the head: classes, or numbers per row for regression.
    use_positional_encoding
        Whether the model knows token order from positions at all.
    positional_encoding_type
        Added to the input (sinusoidal, learned) or used inside attention (rotary, alibi).
    dropout
        Probability of dropping a channel of a branch or of the input in training.
    ffn_hidden_dim
        Width of the feed-forward networks; None is four times `hidden_dim`.
    norm_eps
        Epsilon of the norms.
    output_type
        Which head; "classification" without `num_classes` gives hidden states.
    gradient_checkpointing
        Recompute blocks in the backward pass instead of keeping their values.
    pooling
        Summary of a row for classification and regression.
    norm_position
        Norms before ("pre") or after ("post") each residual addition.
    tie_embeddings
        Whether the "lm" head scores with the token embedding.
    """

    vocab_size: PositiveInt | None = None
    hidden_dim: PositiveInt = 768
    num_layers: PositiveInt = 12
    sequence_length: PositiveInt = Field(
        default=512, validation_alias=AliasChoices("sequence_length", "max_sequence_length")
    )
    num_classes: PositiveInt | None = None
    use_positional_encoding: bool = True
    positional_encoding_type: PositionalEncodingType = "sinusoidal"
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    ffn_hidden_dim: PositiveInt | None = None
    norm_eps: NonNegativeFloat = 1e-12
    output_type: OutputHeadType = "classification"
    gradient_checkpointing: bool = False
    pooling: Pooling = "mean"
    norm_position: NormPosition = "pre"
    tie_embeddings: bool = True

    def layers(self) -> plans.Plan:
        """Give the mixer options of every layer, before positions are handed to them."""
        raise NotImplementedError(f"{type(self).__name__} must define layers()")

    def plan(self) -> plans.Plan:
        """Give the mixer options of every layer, with the model's positions inside attention."""
        layers = self.layers()
        if self.use_positional_encoding and self.positional_encoding_type in ("rotary", "alibi"):
            return plans.with_positions(layers, self.positional_encoding_type)
        return layers

    @model_validator(mode="after")
    def _check(self) -> "ModelConfig":
        self._check_head()
        if not self.use_positional_encoding:
            kind = self.positional_encoding_type
            if kind not in (type(self).model_fields["positional_encoding_type"].default, "none"):
                rule = "be left out when use_positional_encoding is False"
                raise ValueError(must("positional_encoding_type", rule, kind))
        self.plan()
        return self

    def _check_head(self) -> None:
        head = self.output_type
        if head == "lm" and self.vocab_size is None:
            raise ValueError(must("vocab_size", "be given for output_type='lm'", None))
        if head == "sequence" and self.num_classes is None:
            raise ValueError(must("num_classes", "be given for output_type='sequence'", None))
        if head in ("lm", "none") and self.num_classes is not None:
            rule = f"be left out for output_type={head!r}"
            raise ValueError(must("num_classes", rule, self.num_classes))
        if head not in ("classification", "regression") and self.pooling != "mean":
            rule = f"be left out for output_type={head!r}, which does not pool"
            raise ValueError(must("pooling", rule, self.pooling))
        if head != "lm" and not self.tie_embeddings:
            raise ValueError(must("tie_embeddings", "be left out unless output_type='lm'", False))

    def to_dict(self) -> dict[str, Any]:
        """Give the config as plain data, with every default written out."""
        return self.model_dump(mode="json")

    def to_yaml(self) -> str:
        """Give the config as YAML text."""
        return text.dump(self.to_dict(), "yaml")

    def to_json(self) -> str:
        """Give the config as JSON text."""
        return text.dump(self.to_dict(), "json")

    @classmethod
    def from_yaml(cls: type[Config], source: str) -> Config:
        """Read a config from YAML text; `1e-12` is a number there too."""
        return cls(**text.parse(source, "yaml"))

    @classmethod
    def from_json(cls: type[Config], source: str) -> Config:
        """Read a config from JSON text."""
        return cls(**text.parse(source, "json"))

    @classmethod
    def load(cls: type[Config], path: str | Path) -> Config:
        """Read a config from a `.yaml`, `.yml` or `.json` file."""
        return cls(**text.parse(Path(path).read_text(encoding="utf-8"), _form(path)))

    def save(self, path: str | Path) -> None:
        """Write the config to a `.yaml`, `.yml` or `.json` file."""
        Path(path).write_text(text.dump(self.to_dict(), _form(path)), encoding="utf-8")


def _form(path: str | Path) -> str:
    suffix = Path(path).suffix
    if suffix not in _FORMS:
        raise ValueError(unknown("config file ending", suffix, _FORMS))
    return _FORMS[suffix]
