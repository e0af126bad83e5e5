"""Random-feature attention in every layer."""

from typing import Any, ClassVar, Literal

from spectrans.blocks.activation import Activation
from spectrans.blocks.hybrid import NormPosition
from spectrans.config.base import ModelConfig, OutputHeadType, PositionalEncodingType
from spectrans.config.models import SpectralAttentionModelConfig
from spectrans.heads import Pooling
from spectrans.models.base import BaseModel, given


class SpectralAttentionTransformer(BaseModel):
    """A model whose every layer is attention approximated by random features, at linear cost.

    `num_features`, `kernel_type`, `use_orthogonal` and `qk_norm` are those of
    `spectrans.mixers.SpectralAttention`; the other arguments are those of `HybridTransformer`.
    """

    config_class: ClassVar[type[ModelConfig]] = SpectralAttentionModelConfig
    config: SpectralAttentionModelConfig

    def __init__(
        self,
        vocab_size: int | None = None,
        hidden_dim: int = 768,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        num_heads: int = 8,
        num_features: int = 256,
        kernel_type: Literal["softmax", "gaussian", "relu"] = "softmax",
        use_orthogonal: bool = True,
        num_classes: int | None = None,
        use_positional_encoding: bool = True,
        positional_encoding_type: PositionalEncodingType = "sinusoidal",
        dropout: float = 0.1,
        ffn_hidden_dim: int | None = None,
        norm_eps: float = 1e-12,
        output_type: OutputHeadType = "classification",
        gradient_checkpointing: bool = False,
        *,
        qk_norm: bool = True,
        pooling: Pooling = "mean",
        norm_position: NormPosition = "pre",
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
        super().__init__(SpectralAttentionModelConfig(**given(locals())))


class SpectralAttentionEncoder(SpectralAttentionTransformer):
    """Spectral attention fed with vectors, giving hidden states `(b, n, hidden_dim)`."""

    def __init__(
        self,
        hidden_dim: int = 768,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        num_heads: int = 8,
        num_features: int = 256,
        kernel_type: Literal["softmax", "gaussian", "relu"] = "softmax",
        use_orthogonal: bool = True,
        use_positional_encoding: bool = True,
        positional_encoding_type: PositionalEncodingType = "sinusoidal",
        dropout: float = 0.1,
        ffn_hidden_dim: int | None = None,
        norm_eps: float = 1e-12,
        gradient_checkpointing: bool = False,
        *,
        qk_norm: bool = True,
        norm_position: NormPosition = "pre",
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
