"""DistilBERT as transformers holds it."""

from spectrans.config import ModelConfig
from spectrans.models import HybridTransformer
from spectrans.pretrained.bert import attention_of, attention_plan
from spectrans.pretrained.family import THEIR_ACTIVATION, Family, Head, Settings, activation
from spectrans.pretrained.recipe import JOINED, Part, layer
from spectrans.pretrained.source import Source


def _settings(source: Source) -> Settings:
    depth = source.setting("n_layers", 6)
    return {
        "vocab_size": source.setting("vocab_size", 30522),
        "hidden_dim": source.setting("dim", 768),
        "num_layers": depth,
        "num_heads": source.setting("n_heads", 12),
        "sequence_length": source.setting("max_position_embeddings", 512),
        "ffn_hidden_dim": source.setting("hidden_dim", 3072),
        "activation": activation(source.setting("activation", "gelu")),
        "dropout": float(source.setting("dropout", 0.1)),
        "mixing_dropout": 0.0,
        "norm_eps": 1e-12,
        "norm_position": "post",
        "positional_encoding_type": "learned",
        "embedding_norm": True,
        **attention_plan(depth, source.setting("attention_dropout", 0.1)),
    }


def _body(source: Source) -> list[Part]:
    parts = [
        Part("embedding.weight", ("embeddings.word_embeddings.weight",)),
        Part("positions.weight", ("embeddings.position_embeddings.weight",)),
        *layer("embedding_norm", "embeddings.LayerNorm"),
    ]
    for i in range(source.setting("n_layers", 6)):
        ours, theirs = f"blocks.{i}", f"transformer.layer.{i}"
        projections = [f"{theirs}.attention.{name}_lin" for name in ("q", "k", "v")]
        parts += layer(f"{ours}.mixer.heads.qkv", *projections, form=JOINED)
        parts += layer(f"{ours}.mixer.heads.out", f"{theirs}.attention.out_lin")
        parts += layer(f"{ours}.norm1", f"{theirs}.sa_layer_norm")
        parts += layer(f"{ours}.ffn.up", f"{theirs}.ffn.lin1")
        parts += layer(f"{ours}.ffn.down", f"{theirs}.ffn.lin2")
        parts += layer(f"{ours}.norm2", f"{theirs}.output_layer_norm")
    return parts


def _back(config: ModelConfig) -> Settings:
    attention = attention_of(config)
    return {
        "vocab_size": config.vocab_size,
        "dim": config.hidden_dim,
        "n_layers": config.num_layers,
        "n_heads": attention.num_heads or getattr(config, "num_heads", 1),
        "hidden_dim": config.ffn_hidden_dim or 4 * config.hidden_dim,
        "activation": THEIR_ACTIVATION[config.activation],
        "dropout": config.dropout,
        "attention_dropout": attention.dropout,
        "max_position_embeddings": config.sequence_length,
        "tie_word_embeddings": config.tie_embeddings,
        "seq_classif_dropout": config.head_dropout,
    }


FAMILY = Family(
    kind="distilbert",
    types=("distilbert",),
    classes="DistilBert",
    prefix="distilbert.",
    model_class=HybridTransformer,
    settings=_settings,
    body=_body,
    heads=(
        Head(
            ("ForMaskedLM",),
            "lm",
            linear="vocab_projector",
            dense="vocab_transform",
            norm="vocab_layer_norm",
            bias="vocab_projector.bias",
            activation=None,
        ),
        Head(
            ("ForSequenceClassification", "ForMultipleChoice"),
            "classification",
            linear="classifier",
            dense="pre_classifier",
            dropout=("seq_classif_dropout",),
            default=0.2,
            activation="relu",
        ),
        Head(
            ("ForTokenClassification",),
            "sequence",
            linear="classifier",
            dropout=("dropout",),
            default=0.1,
        ),
        Head(
            ("ForQuestionAnswering",),
            "sequence",
            linear="qa_outputs",
            dropout=("qa_dropout",),
            default=0.1,
        ),
    ),
    back=_back,
)
