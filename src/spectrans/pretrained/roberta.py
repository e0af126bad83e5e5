"""RoBERTa and the multilingual models of its layout, as transformers holds them."""

from spectrans.config import ModelConfig
from spectrans.models import HybridTransformer
from spectrans.pretrained import bert
from spectrans.pretrained.family import Family, Head, Settings
from spectrans.pretrained.recipe import Part, after
from spectrans.pretrained.source import Source

# Their `to_hf` configs keep the published pad id.
_PAD = 1


def _unused(source: Source) -> int:
    """Count the rows of the position table before that of the first token."""
    pad = source.setting("pad_token_id", _PAD)
    return (_PAD if pad is None else int(pad)) + 1


def _settings(source: Source) -> Settings:
    rows = source.setting("max_position_embeddings", 512)
    defaults = {"vocab_size": source.setting("vocab_size", 50265)}
    return {**bert.settings(source), **defaults, "sequence_length": rows - _unused(source)}


def _body(source: Source) -> list[Part]:
    form = after(_unused(source))
    return [
        Part(part.ours, part.theirs, form) if part.ours == "positions.weight" else part
        for part in bert.body(source)
    ]


def _back(config: ModelConfig) -> Settings:
    rows = config.sequence_length + _PAD + 1
    return {**bert.back(config), "pad_token_id": _PAD, "max_position_embeddings": rows}


_DROPOUT = ("classifier_dropout", "hidden_dropout_prob")

FAMILY = Family(
    kind="roberta",
    types=("roberta", "xlm-roberta", "camembert"),
    classes="Roberta",
    prefix="roberta.",
    model_class=HybridTransformer,
    settings=_settings,
    body=_body,
    heads=(
        Head(
            ("ForMaskedLM",),
            "lm",
            linear="lm_head.decoder",
            dense="lm_head.dense",
            norm="lm_head.layer_norm",
            bias="lm_head.bias",
            activation="gelu",
        ),
        Head(
            ("ForSequenceClassification",),
            "classification",
            linear="classifier.out_proj",
            dense="classifier.dense",
            dropout=_DROPOUT,
            default=0.1,
        ),
        Head(
            ("ForMultipleChoice",),
            "classification",
            linear="classifier",
            dense="@pooler.dense",
            dropout=("hidden_dropout_prob",),
            default=0.1,
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
    back=_back,
    remarks=(
        "positions count real tokens; the source counts the tokens that are not padding, so give "
        "attention_mask wherever there is padding",
        "in training the source also drops before the layer of its classification head",
    ),
)
