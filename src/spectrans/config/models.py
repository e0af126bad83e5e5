"""What a model is made of, as checked values that read and write YAML and JSON."""

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import (
    AliasChoices,
    Field,
    NonNegativeFloat,
    PositiveInt,
    field_serializer,
    field_validator,
    model_validator,
)

from spectrans import plan as plans
from spectrans.blocks.hybrid import NormPosition
from spectrans.config import text
from spectrans.errors import must, unknown
from spectrans.heads import Pooling
from spectrans.mixers import Fourier, SpectralAttention, resolve
from spectrans.mixers.base import MixerOptions
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


class HybridModelConfig(ModelConfig):
    """Config of `HybridTransformer` and `HybridEncoder`: two mixers and where each one goes.

    Parameters
    ----------
    spectral_type
        Mixer of the spectral layers.
    spatial_type
        Mixer of the spatial layers.
    alternation_pattern
        Which layers are spatial, see `spectrans.plan.spatial_layers`; "custom" with `layer_types`.
    num_heads
        Heads of mixers whose own options do not say.
    spectral_config
        Settings of the spectral mixer.
    spatial_config
        Settings of the spatial mixer.
    layer_types
        For the pattern "custom": a layout string, or one name, dict or options per layer.
    """

    spectral_type: str = "fourier"
    spatial_type: str = "attention"
    alternation_pattern: str = "even_spectral"
    num_heads: PositiveInt = 8
    spectral_config: dict[str, Any] | None = None
    spatial_config: dict[str, Any] | None = None
    layer_types: Any = None

    @field_validator("layer_types")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, (list, tuple)):
            return tuple(value)
        raise ValueError(must("layer_types", "be a layout string or one entry per layer", value))

    @field_serializer("layer_types")
    def _as_data(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return [v.to_dict() if isinstance(v, MixerOptions) else v for v in value]

    def layers(self) -> plans.Plan:
        """Give the mixer options of every layer, before positions are handed to them."""
        if self.layer_types is not None:
            self._check_custom()
            return plans.listed(self.layer_types, self.num_layers)
        if self.alternation_pattern == "custom":
            rule = "be given with alternation_pattern='custom'"
            raise ValueError(must("layer_types", rule, None))
        spectral = plans.of_kind(
            "spectral_type", self.spectral_type, "spectral", self.spectral_config
        )
        spatial = plans.of_kind("spatial_type", self.spatial_type, "spatial", self.spatial_config)
        return plans.alternating(self.alternation_pattern, self.num_layers, spectral, spatial)

    def _check_custom(self) -> None:
        """Refuse settings that a plan written layer by layer would not use."""
        if self.alternation_pattern != "custom":
            rule = "be 'custom' when layer_types is given"
            raise ValueError(must("alternation_pattern", rule, self.alternation_pattern))
        for name in ("spectral_type", "spatial_type", "spectral_config", "spatial_config"):
            value = getattr(self, name)
            if value != type(self).model_fields[name].default:
                raise ValueError(must(name, "be left out when layer_types is given", value))


class AlternatingModelConfig(ModelConfig):
    """Config of `AlternatingTransformer`: one mixer on even layers, another on odd ones.

    Parameters
    ----------
    layer1_type
        Mixer of layers 0, 2, 4 ...
    layer2_type
        Mixer of layers 1, 3, 5 ...
    layer1_config
        Settings of the first mixer.
    layer2_config
        Settings of the second mixer.
    """

    layer1_type: str = "fourier"
    layer2_type: str = "attention"
    layer1_config: dict[str, Any] | None = None
    layer2_config: dict[str, Any] | None = None

    def layers(self) -> plans.Plan:
        """Give the mixer options of every layer, before positions are handed to them."""
        first = resolve({**(self.layer1_config or {}), "type": self.layer1_type})
        second = resolve({**(self.layer2_config or {}), "type": self.layer2_type})
        return plans.alternating("alternate", self.num_layers, first, second)


class FNetModelConfig(ModelConfig):
    """Config of `FNet` and `FNetEncoder`: Fourier mixing in every layer.

    Parameters
    ----------
    use_real_fft
        Transform half of the spectrum; changes the speed, never the values.
    fft_norm
        "ortho", or "backward" as in published weights.
    norm_position
        "post" as published, or "pre".
    """

    use_real_fft: bool = True
    fft_norm: Literal["ortho", "backward"] = "ortho"
    norm_position: NormPosition = "post"

    def layers(self) -> plans.Plan:
        """Give the mixer options of every layer."""
        return (Fourier(norm=self.fft_norm, use_real_fft=self.use_real_fft),) * self.num_layers


class SpectralAttentionModelConfig(ModelConfig):
    """Config of the spectral attention models: random-feature attention in every layer.

    Parameters
    ----------
    num_heads
        Number of heads.
    num_features
        Random features per head.
    kernel_type
        Kernel that the features approximate.
    use_orthogonal
        Draw orthogonal instead of independent projections.
    qk_norm
        Give queries and keys a learned length, which random features need.
    """

    num_heads: PositiveInt = 8
    num_features: PositiveInt = 256
    kernel_type: Literal["softmax", "gaussian", "relu"] = "softmax"
    use_orthogonal: bool = True
    qk_norm: bool = True

    def layers(self) -> plans.Plan:
        """Give the mixer options of every layer, before positions are handed to them."""
        options = SpectralAttention(
            num_features=self.num_features,
            kernel_type=self.kernel_type,
            use_orthogonal=self.use_orthogonal,
            qk_norm=self.qk_norm,
        )
        return (options,) * self.num_layers
