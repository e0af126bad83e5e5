"""The head that a config asks for."""

from torch import nn

from spectrans.config.base import ModelConfig
from spectrans.heads import LMTransform, PooledHead, TiedLMHead, TokenHead

Head = PooledHead | TokenHead | TiedLMHead


def build_head(config: ModelConfig, embedding: nn.Embedding | None) -> Head | None:
    """Build the head of a model.

    Parameters
    ----------
    config
        Which head, and its settings.
    embedding
        The model's token embedding, for heads that score with it.

    Returns
    -------
    Module or None
        None where the model gives hidden states.
    """
    d, dropout = config.hidden_dim, config.head_dropout
    match config.output_type:
        case "pooled":
            return PooledHead(d, None, config.pooling, pooler=config.pooler)
        case "regression":
            outputs = config.num_classes or 1
            return PooledHead(d, outputs, config.pooling, pooler=config.pooler, dropout=dropout)
        case "classification" if config.num_classes is not None:
            outputs = config.num_classes
            return PooledHead(d, outputs, config.pooling, pooler=config.pooler, dropout=dropout)
        case "sequence":
            assert config.num_classes is not None, "the config checks this"
            return TokenHead(d, config.num_classes, dropout=dropout)
        case "lm":
            assert embedding is not None, "the config checks this"
            return _lm_head(config, embedding)
    return None


def _lm_head(config: ModelConfig, embedding: nn.Embedding) -> TokenHead | TiedLMHead:
    d, transform = config.hidden_dim, None
    if config.lm_transform:
        width = embedding.embedding_dim
        transform = LMTransform(d, width, config.activation, config.norm_eps)
        d = width
    if config.tie_embeddings:
        return TiedLMHead(embedding, scale=config.logit_scale, transform=transform)
    return TokenHead(d, embedding.num_embeddings, transform=transform)
