"""Hybrid models: spectral mixers in some layers, spatial ones in the others."""

from collections.abc import Sequence
from typing import Any, ClassVar

from spectrans.blocks.activation import Activation
from spectrans.blocks.hybrid import NormPosition
from spectrans.config.base import ModelConfig, OutputHeadType, PositionalEncodingType
from spectrans.config.models import AlternatingModelConfig, HybridModelConfig
from spectrans.heads import Pooling
from spectrans.mixers.attention import Attention, AttentionMixer
from spectrans.models.base import BaseModel, given
from spectrans.plan import Item


class StandardAttention(AttentionMixer):
    """Multi-head softmax self-attention as a mixer; equals `nn.MultiheadAttention`.

    Parameters
    ----------
    hidden_dim
        Channels of a token, a multiple of `num_heads`.
    num_heads
        Number of heads.
    dropout
        Probability of dropping an attention weight in training.

    Examples
    --------
    >>> import torch
    >>> StandardAttention(16, num_heads=4)(torch.zeros(2, 5, 16)).shape
    torch.Size([2, 5, 16])
    """

    def __init__(self, hidden_dim: int, num_heads: int = 8, dropout: float = 0.0) -> None:
        super().__init__(hidden_dim, num_heads, Attention(dropout=dropout))


class HybridTransformer(BaseModel):
    """A model whose layers are spectral or spatial, as a pattern or a list says.

    Parameters
    ----------
    vocab_size
        Number of token ids; None for models fed with vectors.
    hidden_dim
        Channels of a token.
    num_layers
        Number of blocks.
    max_sequence_length
        Longest row the model is meant for. Only learned positions cannot go past it.
    spectral_type
        Mixer of the spectral layers: fourier, wavelet, afno, gfnet or a registered one.
    spatial_type
        Mixer of the spatial layers: attention, spectral_attention, lst or a registered one.
    alternation_pattern
        even_spectral, alternate, odd_spectral, top:k, bottom:k, middle:k, mixed:k,
        spectral_first:k, or custom with `layer_types`.
    num_heads
        Heads of mixers whose own settings do not say.
    spectral_config
        Settings of the spectral mixer; unknown ones are refused.
    spatial_config
        Settings of the spatial mixer.
    num_classes
        Outputs of the head.
    use_positional_encoding
        Whether the model knows token order from positions at all.
    positional_encoding_type
        sinusoidal, learned, rotary, alibi or none.
    dropout
        Probability of dropping a channel of a branch or of the input in training.
    ffn_hidden_dim
        Width of the feed-forward networks; None is four times `hidden_dim`.
    norm_eps
        Epsilon of the norms.
    output_type
        classification (hidden states without `num_classes`), regression, pooled (one vector per
        row), sequence, lm or none.
    gradient_checkpointing
        Recompute blocks in the backward pass instead of keeping their values.
    layer_types
        With alternation_pattern="custom": a layout string such as "3xfourier,attention", tiled over
        the depth, or one name, dict or options value per layer.
    pooling
        mean, cls (the first token) or max over real tokens, for heads that pool.
    norm_position
        pre or post.
    tie_embeddings
        Whether the lm head scores with the token embedding.
    activation
        gelu, gelu_tanh, relu, silu or tanh, in the feed-forward networks and in `lm_transform`.
    type_vocab_size
        Kinds of tokens, for models called with `token_type_ids`; None has none.
    embedding_dim
        Width of the tables, or of the vectors that the model is fed with, when a linear layer maps
        them to `hidden_dim`; None has no such layer.
    embedding_norm
        Whether the sum of tokens, types and positions is normalised before that layer.
    mixing_dropout
        The dropout of the mixers' branches; None is `dropout`.
    pooler
        Activation of a linear layer on the pooled row, as "tanh" in BERT; None has no such layer.
    head_dropout
        Probability of dropping a channel of what the head's last linear layer reads in training.
    lm_transform
        Whether linear layer, activation and norm stand before the scores of the lm head, as in
        BERT.
    logit_scale
        Factor of a tied lm head's logits; None is one over the root of the embedding's width.

    Raises
    ------
    ValueError
        An unknown name or setting, a bad value, or settings that contradict each other.

    Examples
    --------
    >>> import torch
    >>> model = HybridTransformer(vocab_size=100, hidden_dim=32, num_layers=2, num_classes=3)
    >>> model(torch.zeros(4, 7, dtype=torch.long)).shape
    torch.Size([4, 3])
    """

    config_class: ClassVar[type[ModelConfig]] = HybridModelConfig
    config: HybridModelConfig

    def __init__(
        self,
        vocab_size: int | None = None,
        hidden_dim: int = 768,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        spectral_type: str = "fourier",
        spatial_type: str = "attention",
        alternation_pattern: str = "even_spectral",
        num_heads: int = 8,
        spectral_config: dict[str, Any] | None = None,
        spatial_config: dict[str, Any] | None = None,
        num_classes: int | None = None,
        use_positional_encoding: bool = True,
        positional_encoding_type: PositionalEncodingType = "sinusoidal",
        dropout: float = 0.1,
        ffn_hidden_dim: int | None = None,
        norm_eps: float = 1e-12,
        output_type: OutputHeadType = "classification",
        gradient_checkpointing: bool = False,
        *,
        layer_types: str | Sequence[Item] | None = None,
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
        super().__init__(HybridModelConfig(**given(locals())))

    @property
    def spectral_type(self) -> str:
        """Mixer of the spectral layers."""
        return self.config.spectral_type

    @property
    def spatial_type(self) -> str:
        """Mixer of the spatial layers."""
        return self.config.spatial_type

    @property
    def alternation_pattern(self) -> str:
        """Which layers are spatial."""
        return self.config.alternation_pattern


class HybridEncoder(HybridTransformer):
    """A hybrid model fed with vectors that gives hidden states `(b, n, hidden_dim)`.

    Its arguments are those of `HybridTransformer` without the ones for token ids and heads.
    """

    def __init__(
        self,
        hidden_dim: int = 768,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        spectral_type: str = "fourier",
        spatial_type: str = "attention",
        alternation_pattern: str = "even_spectral",
        num_heads: int = 8,
        spectral_config: dict[str, Any] | None = None,
        spatial_config: dict[str, Any] | None = None,
        use_positional_encoding: bool = True,
        positional_encoding_type: PositionalEncodingType = "sinusoidal",
        dropout: float = 0.1,
        ffn_hidden_dim: int | None = None,
        norm_eps: float = 1e-12,
        gradient_checkpointing: bool = False,
        *,
        layer_types: str | Sequence[Item] | None = None,
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


class AlternatingTransformer(BaseModel):
    """A model that takes turns between two mixers of any kind.

    `layer1_type` with the settings `layer1_config` mixes layers 0, 2, 4 ..., `layer2_type` with
    `layer2_config` layers 1, 3, 5 ...; any two registered mixers will do, also the same one twice.
    The other arguments are those of `HybridTransformer`.
    """

    config_class: ClassVar[type[ModelConfig]] = AlternatingModelConfig
    config: AlternatingModelConfig

    def __init__(
        self,
        vocab_size: int | None = None,
        hidden_dim: int = 768,
        num_layers: int = 12,
        max_sequence_length: int = 512,
        layer1_type: str = "fourier",
        layer2_type: str = "attention",
        layer1_config: dict[str, Any] | None = None,
        layer2_config: dict[str, Any] | None = None,
        num_classes: int | None = None,
        use_positional_encoding: bool = True,
        positional_encoding_type: PositionalEncodingType = "sinusoidal",
        dropout: float = 0.1,
        ffn_hidden_dim: int | None = None,
        norm_eps: float = 1e-12,
        output_type: OutputHeadType = "classification",
        gradient_checkpointing: bool = False,
        *,
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
        super().__init__(AlternatingModelConfig(**given(locals())))
