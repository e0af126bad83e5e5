"""The way back: from our models to the classes of transformers."""

import json
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from benchmarks import parity
from benchmarks.parity import Case
from spectrans import FNet, HybridTransformer
from spectrans.models import BaseModel
from spectrans.pretrained import load, to_hf

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def bert(**changes: Any) -> HybridTransformer:
    settings: dict[str, Any] = {
        "vocab_size": 60, "hidden_dim": 32, "num_layers": 2, "num_heads": 4, "type_vocab_size": 2,
        "max_sequence_length": 24, "spatial_type": "attention", "alternation_pattern": "top:2",
        "norm_position": "post", "positional_encoding_type": "learned", "embedding_norm": True,
    }  # fmt: skip
    return HybridTransformer(**{**settings, **changes}).eval()


def test_a_model_of_our_own_that_is_a_bert_becomes_one() -> None:
    model = bert(output_type="none")
    theirs = to_hf(model)
    assert type(theirs).__name__ == "BertModel"
    assert parity.error(theirs, model, 20) < 1e-5


@pytest.mark.parametrize(
    ("changes", "architecture", "sentence"),
    [
        ({}, "gpt", "unknown architecture 'gpt'"),
        ({"norm_position": "pre"}, "bert", "norm_position must be 'post' for BertModel, got 'pre'"),
        ({"alternation_pattern": "top:1"}, "bert", "layer 0 must be .* for BertModel, got"),
        ({"type_vocab_size": None}, "bert", "type_vocab_size must be 1 for BertModel, got None"),
        ({"vocab_size": None}, "bert", "vocab_size must be set for BertModel"),
        ({"positional_encoding_type": "sinusoidal"}, "bert", "positional_encoding_type must be"),
        ({}, "fnet", "embedding_dim must be 32 for FNetModel, got None"),
        ({}, "distilbert", "type_vocab_size must be None for DistilBertModel, got 2"),
        ({}, "BertForMaskedLM", "architecture must be a class for output_type='none', got"),
        ({"num_classes": 3}, "BertModel", "architecture must be a class for output_type='cl"),
        ({"output_type": "lm"}, "bert", "lm_transform must be True for BertForMaskedLM, got False"),
        ({"num_classes": 3}, "bert", "pooling must be 'cls' for BertForSequenceClassification"),
    ],
)
def test_a_model_that_the_class_cannot_express_is_refused(
    changes: dict[str, Any], architecture: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        to_hf(bert(**changes), architecture)


def test_a_fine_tuned_model_goes_back_and_is_read_by_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = load(
        Case("FNet", "Model").build(small=True), head="classification", num_classes=4
    ).model
    assert isinstance(model, BaseModel)
    nn.init.normal_(model.get_parameter("output_head.linear.weight"))
    to_hf(model).save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "fnet"
    assert parity.error(again, model, 20) < 1e-5


def test_how_fast_a_transform_is_does_not_keep_a_model_from_going_back() -> None:
    imported = load(Case("FNet", "Model").build(small=True)).model
    assert isinstance(imported, FNet)
    slower = FNet.from_config(imported.config.model_copy(update={"use_real_fft": False})).eval()
    slower.load_state_dict(imported.state_dict())
    assert parity.error(to_hf(slower), imported, 20) < 1e-5
