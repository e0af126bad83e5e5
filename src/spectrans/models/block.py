"""The block that a config asks for in one layer."""

import math

from spectrans.blocks.hybrid import HybridBlock
from spectrans.config.base import ModelConfig
from spectrans.mixers.base import Dims, MixerOptions


def build_block(config: ModelConfig, options: MixerOptions) -> HybridBlock:
    """Build a block.

    Parameters
    ----------
    config
        Sizes, norms and dropout.
    options
        Of its mixer.

    Returns
    -------
    HybridBlock
        With fresh weights.
    """
    dims = Dims(
        hidden_dim=config.hidden_dim,
        num_heads=getattr(config, "num_heads", Dims.num_heads),
        max_sequence_length=config.sequence_length,
    )
    # Pre-norm: 2 L branches of power 1 add at most 8 to the stream, at any depth. The usual
    # 1/sqrt(2 L) makes a shallow model learn as if at a third of its learning rate.
    pre = config.norm_position == "pre"
    scale = min(1.0, 2.0 / math.sqrt(config.num_layers)) if pre else 1.0
    return HybridBlock(
        options.build(dims),
        config.hidden_dim,
        config.ffn_hidden_dim or 4 * config.hidden_dim,
        dropout=config.dropout,
        norm_eps=config.norm_eps,
        norm_position=config.norm_position,
        residual_scale=scale,
        activation=config.activation,
        mixing_dropout=config.mixing_dropout,
    )
