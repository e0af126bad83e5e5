"""BERT and its smaller kin (MiniLM and others of type "bert") as transformers holds them."""

from spectrans.config import ModelConfig
from spectrans.errors import must
from spectrans.mixers import Attention
from spectrans.models import HybridTransformer
from spectrans.pretrained.family import THEIR_ACTIVATION, Family, Head, Settings, activation
from spectrans.pretrained.recipe import JOINED, Part, layer
from spectrans.pretrained.source import Source


def attention_of(config: ModelConfig) -> Attention:
    """Give the options of the first attention mixer of a plan; the defaults where there is none."""
    return next((o for o in config.plan() if isinstance(o, Attention)), Attention())


def attention_plan(depth: int, dropout: float) -> Settings:
    """Give the settings of a plan of attention layers alone."""
    layers = (Attention(dropout=float(dropout)),) * depth
    return {"alternation_pattern": "custom", "layer_types": layers}


def settings(source: Source) -> Settings:
    """Give the settings that BERT and RoBERTa share."""
    positions = source.setting("position_embedding_type", "absolute")
    if positions != "absolute":
        raise ValueError(must("position_embedding_type", "be 'absolute'", positions))
    for name in ("is_decoder", "add_cross_attention"):
        if source.setting(name, False):
            raise ValueError(must(name, "be False, our models are encoders", True))
    depth = source.setting("num_hidden_layers", 12)
    return {
        "vocab_size": source.setting("vocab_size", 30522),
        "hidden_dim": source.setting("hidden_size", 768),
        "num_layers": depth,
        "num_heads": source.setting("num_attention_heads", 12),
        "sequence_length": source.setting("max_position_embeddings", 512),
        "ffn_hidden_dim": source.setting("intermediate_size", 3072),
        "activation": activation(source.setting("hidden_act", "gelu")),
        "dropout": float(source.setting("hidden_dropout_prob", 0.1)),
        "type_vocab_size": source.setting("type_vocab_size", 2),
        "norm_eps": source.setting("layer_norm_eps", 1e-12),
        "norm_position": "post",
        "positional_encoding_type": "learned",
        "embedding_norm": True,
        **attention_plan(depth, source.setting("attention_probs_dropout_prob", 0.1)),
    }


def body(source: Source) -> list[Part]:
    """Give the parts that BERT and RoBERTa share."""
    parts = [
        Part("embedding.weight", ("embeddings.word_embeddings.weight",)),
        Part("positions.weight", ("embeddings.position_embeddings.weight",)),
        Part("type_embedding.weight", ("embeddings.token_type_embeddings.weight",)),
        *layer("embedding_norm", "embeddings.LayerNorm"),
    ]
    for i in range(source.setting("num_hidden_layers", 12)):
        ours, theirs = f"blocks.{i}", f"encoder.layer.{i}"
        projections = [f"{theirs}.attention.self.{name}" for name in ("query", "key", "value")]
        parts += layer(f"{ours}.mixer.heads.qkv", *projections, form=JOINED)
        parts += layer(f"{ours}.mixer.heads.out", f"{theirs}.attention.output.dense")
        parts += layer(f"{ours}.norm1", f"{theirs}.attention.output.LayerNorm")
        parts += layer(f"{ours}.ffn.up", f"{theirs}.intermediate.dense")
        parts += layer(f"{ours}.ffn.down", f"{theirs}.output.dense")
        parts += layer(f"{ours}.norm2", f"{theirs}.output.LayerNorm")
    return parts


def back(config: ModelConfig) -> Settings:
    """Give the settings that BERT and RoBERTa share, from ours."""
    attention = attention_of(config)
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_dim,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": attention.num_heads or getattr(config, "num_heads", 1),
        "intermediate_size": config.ffn_hidden_dim or 4 * config.hidden_dim,
        "hidden_act": THEIR_ACTIVATION[config.activation],
        "hidden_dropout_prob": config.dropout,
        "attention_probs_dropout_prob": attention.dropout,
        "max_position_embeddings": config.sequence_length,
        "type_vocab_size": config.type_vocab_size or 1,
        "layer_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "classifier_dropout": config.head_dropout,
    }


_DROPOUT = ("classifier_dropout", "hidden_dropout_prob")

FAMILY = Family(
    kind="bert",
    types=("bert",),
    classes="Bert",
    prefix="bert.",
    model_class=HybridTransformer,
    settings=settings,
    body=body,
    heads=(
        Head(
            ("ForMaskedLM", "ForPreTraining"),
            "lm",
            linear="cls.predictions.decoder",
            dense="cls.predictions.transform.dense",
            norm="cls.predictions.transform.LayerNorm",
            bias="cls.predictions.bias",
            activation=None,
        ),
        Head(
            ("ForSequenceClassification", "ForMultipleChoice"),
            "classification",
            linear="classifier",
            dense="@pooler.dense",
            dropout=_DROPOUT,
            default=0.1,
        ),
        Head(
            ("ForNextSentencePrediction", "ForPreTraining"),
            "classification",
            linear="cls.seq_relationship",
            dense="@pooler.dense",
        ),
        Head(
            ("ForTokenClassification",),
            "sequence",
            linear="classifier",
            dropout=_DROPOUT,
            default=0.1,
        ),
        Head(("ForQuestionAnswering",), "sequence", linear="qa_outputs"),
        Head(("Model",), "pooled", dense="@pooler.dense"),
    ),
    back=back,
)
