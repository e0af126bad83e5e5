"""FNet as transformers holds it (google/fnet-base, google/fnet-large)."""

from spectrans.config import ModelConfig
from spectrans.models import FNet
from spectrans.pretrained.family import THEIR_ACTIVATION, Family, Head, Settings, activation
from spectrans.pretrained.recipe import Part, layer
from spectrans.pretrained.source import Source


def settings(source: Source) -> Settings:
    """Give the settings of the model without its head."""
    d = source.setting("hidden_size", 768)
    return {
        "vocab_size": source.setting("vocab_size", 32000),
        "hidden_dim": d,
        "num_layers": source.setting("num_hidden_layers", 12),
        "sequence_length": source.setting("max_position_embeddings", 512),
        "ffn_hidden_dim": source.setting("intermediate_size", 3072),
        "activation": activation(source.setting("hidden_act", "gelu_new")),
        "dropout": float(source.setting("hidden_dropout_prob", 0.1)),
        "mixing_dropout": 0.0,
        "type_vocab_size": source.setting("type_vocab_size", 4),
        "norm_eps": source.setting("layer_norm_eps", 1e-12),
        "norm_position": "post",
        "fft_norm": "backward",
        "positional_encoding_type": "learned",
        "embedding_norm": True,
        "embedding_dim": d,
    }


def body(source: Source) -> list[Part]:
    """Give the parts of the model without its head."""
    parts = [
        Part("embedding.weight", ("embeddings.word_embeddings.weight",)),
        Part("positions.weight", ("embeddings.position_embeddings.weight",)),
        Part("type_embedding.weight", ("embeddings.token_type_embeddings.weight",)),
        *layer("embedding_norm", "embeddings.LayerNorm"),
        *layer("embedding_projection", "embeddings.projection"),
    ]
    for i in range(source.setting("num_hidden_layers", 12)):
        ours, theirs = f"blocks.{i}", f"encoder.layer.{i}"
        parts += layer(f"{ours}.norm1", f"{theirs}.fourier.output.LayerNorm")
        parts += layer(f"{ours}.ffn.up", f"{theirs}.intermediate.dense")
        parts += layer(f"{ours}.ffn.down", f"{theirs}.output.dense")
        parts += layer(f"{ours}.norm2", f"{theirs}.output.LayerNorm")
    return parts


def _back(config: ModelConfig) -> Settings:
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_dim,
        "num_hidden_layers": config.num_layers,
        "intermediate_size": config.ffn_hidden_dim or 4 * config.hidden_dim,
        "hidden_act": THEIR_ACTIVATION[config.activation],
        "hidden_dropout_prob": config.dropout,
        "max_position_embeddings": config.sequence_length,
        "type_vocab_size": config.type_vocab_size or 1,
        "layer_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
    }


FAMILY = Family(
    kind="fnet",
    types=("fnet",),
    classes="FNet",
    prefix="fnet.",
    model_class=FNet,
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
            dropout=("hidden_dropout_prob",),
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
            dropout=("hidden_dropout_prob",),
            default=0.1,
        ),
        Head(("ForQuestionAnswering",), "sequence", linear="qa_outputs"),
        Head(("Model",), "pooled", dense="@pooler.dense"),
    ),
    back=_back,
    remarks=(
        "the source reads padding as tokens; here attention_mask removes it, so a padded row "
        "gives what it gives alone",
    ),
)
