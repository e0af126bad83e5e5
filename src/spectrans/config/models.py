"""One config for each way of writing a plan."""

from typing import Any, Literal

from pydantic import PositiveInt, field_serializer, field_validator

from spectrans import plan as plans
from spectrans.blocks.hybrid import NormPosition
from spectrans.config.base import ModelConfig
from spectrans.errors import must
from spectrans.mixers import Fourier, SpectralAttention
from spectrans.mixers.base import MixerOptions


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
        layers = plans.alternating(self.alternation_pattern, self.num_layers, spectral, spatial)
        for name, options in (("spectral_config", spectral), ("spatial_config", spatial)):
            if getattr(self, name) is not None and options not in layers:
                rule = f"be left out of a plan without a {options.kind} layer"
                raise ValueError(must(name, rule, getattr(self, name)))
        return layers

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
        first = plans.with_settings("layer1_type", self.layer1_type, self.layer1_config)
        second = plans.with_settings("layer2_type", self.layer2_type, self.layer2_config)
        if self.num_layers == 1 and self.layer2_config is not None:
            raise ValueError(
                must("layer2_config", "be left out of a plan of one layer", self.layer2_config)
            )
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
