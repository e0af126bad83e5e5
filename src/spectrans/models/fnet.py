"""FNet: Fourier mixing in every layer."""

from typing import Any, ClassVar, Literal

from spectrans.blocks.activation import Activation
from spectrans.blocks.hybrid import NormPosition
from spectrans.config.base import ModelConfig, OutputHeadType, PositionalEncodingType
from spectrans.config.models import FNetModelConfig
from spectrans.heads import Pooling
from spectrans.models.base import BaseModel, given


class FNet(BaseModel):
    """FNet (Lee-Thorp et al. 2022, arXiv:2105.03824), post-norm as published or pre-norm.

    `use_real_fft` transforms half of the spectrum, which changes no value; `fft_norm="backward"` is
    the unscaled transform of published weights. The other arguments are those of
    `HybridTransformer`. For FNet with attention layers on top use `HybridTransformer` with
    `alternation_pattern="top:2"`.
    """

    config_class: ClassVar[type[ModelConfig]] = FNetModelConfig
    config: FNetModelConfig

    def __init__(
        self,
        vocab_size: int | None = None,
        hidden_dim: int = 768,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        num_classes: int | None = None,
        use_real_fft: bool = True,
        use_positional_encoding: bool = True,
        positional_encoding_type: PositionalEncodingType = "sinusoidal",
        dropout: float = 0.1,
        ffn_hidden_dim: int | None = None,
        norm_eps: float = 1e-12,
        output_type: OutputHeadType = "classification",
        gradient_checkpointing: bool = False,
        *,
        fft_norm: Literal["ortho", "backward"] = "ortho",
        pooling: Pooling = "mean",
        norm_position: NormPosition = "post",
        tie_embeddings: bool = True,
        activation: Activation = "gelu",
        type_vocab_size: int | None = None,
        embedding_dim: int | None = None,
        embedding_norm: bool = False,
        mixing_dropout: float | None = None,
        pooler: Activation | None = None,
        head_dropout: float = 0.0,
        lm_transform: bool = False,
        logit_scale: float | None = None,
    ) -> None:
        super().__init__(FNetModelConfig(**given(locals())))


class FNetEncoder(FNet):
    """FNet fed with vectors, giving hidden states `(b, n, hidden_dim)`; arguments as `FNet`."""

    def __init__(
        self,
        hidden_dim: int = 768,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        use_real_fft: bool = True,
        use_positional_encoding: bool = True,
        positional_encoding_type: PositionalEncodingType = "sinusoidal",
        dropout: float = 0.1,
        ffn_hidden_dim: int | None = None,
        norm_eps: float = 1e-12,
        gradient_checkpointing: bool = False,
        *,
        fft_norm: Literal["ortho", "backward"] = "ortho",
        norm_position: NormPosition = "post",
        activation: Activation = "gelu",
        type_vocab_size: int | None = None,
        embedding_dim: int | None = None,
        embedding_norm: bool = False,
        mixing_dropout: float | None = None,
    ) -> None:
        super().__init__(**given(locals()), output_type="none")

    @classmethod
    def _fixed(cls) -> dict[str, Any]:
        return {"output_type": "none"}
