"""What every model is made of, as checked values that read and write YAML and JSON."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AliasChoices,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from spectrans import plan as plans
from spectrans.blocks.activation import Activation
from spectrans.blocks.hybrid import NormPosition
from spectrans.config import text
from spectrans.config.head import check_head
from spectrans.disk import write_whole
from spectrans.errors import must, unknown
from spectrans.heads import Pooling
from spectrans.options import Options

PositionalEncodingType = Literal["sinusoidal", "learned", "rotary", "alibi", "none"]
OutputHeadType = Literal["classification", "regression", "sequence", "lm", "none", "pooled"]

Config = TypeVar("Config", bound="ModelConfig")

# No model is larger; a size from a damaged file gets a sentence and no attempt.
Size = Annotated[PositiveInt, Field(lt=2**31)]
MOST_LAYERS = 10_000

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
        Which head; "classification" without `num_classes` gives hidden states, "pooled" one vector
        per row.
    gradient_checkpointing
        Recompute blocks in the backward pass instead of keeping their values.
    pooling
        Summary of a row for classification, regression and "pooled".
    norm_position
        Norms before ("pre") or after ("post") each residual addition.
    tie_embeddings
        Whether the "lm" head scores with the token embedding.
    activation
        Between the two layers of the feed-forward networks, and in `lm_transform`.
    type_vocab_size
        Kinds of tokens (segments), for models called with `token_type_ids`; None has none.
    embedding_dim
        Width of the tables, or of the vectors that the model is fed with, when a linear layer maps
        them to `hidden_dim`; None has no such layer.
    embedding_norm
        Whether the sum of tokens, types and positions is normalised before that layer.
    mixing_dropout
        The dropout of the mixers' branches; None is `dropout`.
    pooler
        Activation of a linear layer on the pooled row; None has no such layer.
    head_dropout
        Probability of dropping a channel of what the head's last linear layer reads in training.
    lm_transform
        Whether linear layer, activation and norm stand before the scores of the "lm" head.
    logit_scale
        Factor of a tied "lm" head's logits; None is one over the root of the embedding's width,
        which suits its first weights. Published models have 1.
    """

    vocab_size: Size | None = None
    hidden_dim: Size = 768
    num_layers: PositiveInt = Field(default=12, le=MOST_LAYERS)
    sequence_length: Size = Field(
        default=512, validation_alias=AliasChoices("sequence_length", "max_sequence_length")
    )
    num_classes: Size | None = None
    use_positional_encoding: bool = True
    positional_encoding_type: PositionalEncodingType = "sinusoidal"
    dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    ffn_hidden_dim: Size | None = None
    norm_eps: NonNegativeFloat = 1e-12
    output_type: OutputHeadType = "classification"
    gradient_checkpointing: bool = False
    pooling: Pooling = "mean"
    norm_position: NormPosition = "pre"
    tie_embeddings: bool = True
    activation: Activation = "gelu"
    type_vocab_size: Size | None = None
    embedding_dim: Size | None = None
    embedding_norm: bool = False
    mixing_dropout: float | None = Field(default=None, ge=0.0, lt=1.0)
    pooler: Activation | None = None
    head_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    lm_transform: bool = False
    logit_scale: PositiveFloat | None = None

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
        check_head(self)
        if not self.use_positional_encoding:
            kind = self.positional_encoding_type
            if kind not in (type(self).model_fields["positional_encoding_type"].default, "none"):
                rule = "be left out when use_positional_encoding is False"
                raise ValueError(must("positional_encoding_type", rule, kind))
        self.plan()
        return self

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
        write_whole(Path(path), text.dump(self.to_dict(), _form(path)))


def _form(path: str | Path) -> str:
    suffix = Path(path).suffix
    if suffix not in _FORMS:
        raise ValueError(unknown("config file ending", suffix, _FORMS))
    return _FORMS[suffix]
