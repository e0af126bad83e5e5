"""The config: the fields of ours under their names here, and nothing that is not a field."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from spectrans import FNet, HybridModelConfig, HybridTransformer
from spectrans.config import (
    AlternatingModelConfig,
    FNetModelConfig,
    SpectralAttentionModelConfig,
)
from spectrans.hf import SpectransConfig, SpectransForSequenceClassification, SpectransModel, wrap
from spectrans.mixers import Attention, Wavelet
from tests.hf.made import config, saved

RENAMED = {"layer_types": "mixers", "tie_embeddings": "tie_word_embeddings"}


def test_every_setting_of_a_hybrid_model_is_a_setting_here() -> None:
    ours = {RENAMED.get(name, name) for name in HybridModelConfig.model_fields}
    here = vars(SpectransConfig())
    assert ours - here.keys() == {"output_type", "num_classes"}
    for name, field in HybridModelConfig.model_fields.items():
        if name not in ("output_type", "num_classes"):
            assert here[RENAMED.get(name, name)] == field.default


def test_usual_names_are_ours() -> None:
    named = SpectransConfig(
        vocab_size=9, hidden_size=24, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64, hidden_dropout_prob=0.3,
        layer_norm_eps=1e-5,
    )  # fmt: skip
    ours = SpectransConfig(
        vocab_size=9, hidden_dim=24, num_layers=3, num_heads=4, ffn_hidden_dim=48,
        max_sequence_length=64, dropout=0.3, norm_eps=1e-5,
    )  # fmt: skip
    assert named.to_dict() == ours.to_dict()
    assert (named.hidden_size, named.num_hidden_layers, named.sequence_length) == (24, 3, 64)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"hiden_size": 32}, "unknown SpectransConfig option 'hiden_size'; did you mean"),
        ({"max_length": 5}, "unknown SpectransConfig option 'max_length'"),
        ({"per_layer_config": {0: {"num_heads": 2}}}, "unknown SpectransConfig option 'per_layer"),
        ({"num_classes": 5}, "unknown SpectransConfig option 'num_classes'"),
        ({"hidden_dim": "32"}, "hidden_dim must be a valid integer, got '32'"),
        ({"dropout": float("nan")}, "dropout must be"),
        ({"dropout": 1.5}, "dropout must be less than 1"),
        ({"mixers": ["fourier", "atention"], "num_layers": 2}, "did you mean 'attention'"),
        ({"mixers": ["fourier"], "num_layers": 2}, "layer_types must"),
        ({"mixers": "fourier", "alternation_pattern": "top:1"}, "must be 'custom'"),
        ({"alternation_pattern": "custom"}, "layer_types must be given"),
        ({"hidden_dim": 8, "hidden_size": 9}, "hidden_size must be left out when hidden_dim"),
        ({"vocab_size": 9, "pad_token_id": 9}, "pad_token_id must lie in 0..8, got 9"),
        ({"vocab_size": 9, "mask_token_id": -1}, "mask_token_id must lie in 0..8, got -1"),
        ({"layer_types": ["fourier"] * 12}, "unknown SpectransConfig option 'layer_types'"),
    ],
)
def test_what_no_model_has_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SpectransConfig(**settings)


def test_a_plan_needs_no_pattern_beside_it() -> None:
    plan = config(mixers=["fourier", Attention(window=3)])
    assert plan.alternation_pattern == "custom"
    assert plan.mixers == ["fourier", Attention(window=3).to_dict()]
    assert [options.name for options in plan.check().plan()] == ["fourier", "attention"]


def test_a_config_comes_back_from_its_file(tmp_path: Path) -> None:
    written = config(
        "wavelet", id2label={0: "no", 1: "yes"}, label2id={"no": 0, "yes": 1}, num_labels=2,
        problem_type="single_label_classification", pad_token_id=1, mask_token_id=2,
    )  # fmt: skip
    written.save_pretrained(tmp_path)
    read = AutoConfig.from_pretrained(tmp_path)
    assert type(read) is SpectransConfig
    assert {k: v for k, v in read.to_dict().items() if k != "_name_or_path"} == {
        k: v for k, v in written.to_dict().items() if k != "_name_or_path"
    }
    assert read.id2label == {0: "no", 1: "yes"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hiden_dim": 3}, "unknown SpectransConfig option 'hiden_dim'"),
        ({"num_layers": -1}, "num_layers must be greater than 0"),
        ({"dropout": {"__float__": "NaN"}}, "dropout must be"),
        ({"mixers": [{"type": "fourier", "levels": 3}] * 2}, "unknown Fourier option 'levels'"),
    ],
)
def test_a_file_with_what_no_model_has_is_refused(
    changes: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    config().save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(ValueError, match=sentence):
        AutoConfig.from_pretrained(tmp_path)


def test_a_setting_that_does_not_exist_is_refused_while_loading(tmp_path: Path) -> None:
    folder = saved(SpectransModel(config()), tmp_path)
    sentence = "unknown SpectransConfig option 'hiden_dim'; did you mean 'hidden_dim'"
    with pytest.raises(ValueError, match=sentence):
        SpectransModel.from_pretrained(folder, hiden_dim=8)
    with pytest.raises(ValueError, match=sentence):
        SpectransConfig.from_pretrained(folder, hiden_dim=8)
    with pytest.raises(ValueError, match="dropout must be less than 1"):
        AutoConfig.from_pretrained(folder, dropout=2.0)
    assert SpectransModel.from_pretrained(folder, dropout=0.4).model.blocks[0].dropout.p == 0.4


def test_what_others_note_on_a_config_is_not_saved(tmp_path: Path) -> None:
    noted = config()
    noted.use_cache = True  # as Trainer does
    noted.save_pretrained(tmp_path)
    assert "use_cache" not in json.loads((tmp_path / "config.json").read_text())
    assert AutoConfig.from_pretrained(tmp_path).mixers == noted.mixers


def test_settings_of_other_heads_do_not_disturb() -> None:
    every = config(pooling="max", head_dropout=0.1, lm_transform=True, logit_scale=1.0)
    assert every.to_spectrans("none").pooling == "mean"
    assert every.to_spectrans("lm").logit_scale == 1.0
    assert every.to_spectrans("classification", 3).pooling == "max"
    with pytest.raises(ValueError, match="vocab_size must be given for output_type='lm'"):
        config(vocab_size=None).to_spectrans("lm")


@pytest.mark.parametrize(
    "ours",
    [
        HybridModelConfig(hidden_dim=8, num_layers=3, num_heads=2, spectral_type="gfnet"),
        HybridModelConfig(
            hidden_dim=8, num_layers=2, alternation_pattern="custom",
            layer_types=[Wavelet(levels=2), "lst"], num_classes=4,
        ),
        AlternatingModelConfig(hidden_dim=8, num_layers=3, layer2_type="wavelet"),
        FNetModelConfig(vocab_size=9, hidden_dim=8, num_layers=2, fft_norm="backward"),
        SpectralAttentionModelConfig(hidden_dim=8, num_layers=2, num_heads=2, num_features=8),
    ],
    ids=lambda ours: type(ours).__name__,
)  # fmt: skip
def test_every_config_of_ours_has_its_like_here(ours: Any) -> None:
    like = SpectransConfig.from_spectrans(ours, pad_token_id=0)
    inner = like.to_spectrans("none")
    assert inner.plan() == ours.plan()
    shared = set(type(ours).model_fields) & set(HybridModelConfig.model_fields)
    shared -= {"output_type", "num_classes", "layer_types", "alternation_pattern"}
    assert {name: getattr(inner, name) for name in shared} == {
        name: getattr(ours, name) for name in shared
    }
    assert (like.num_labels, like.pad_token_id) == (ours.num_classes or 2, 0)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"num_classes": 3}, "SpectransForSequenceClassification"),
        ({"output_type": "regression"}, "SpectransForSequenceClassification"),
        ({"output_type": "sequence", "num_classes": 3}, "SpectransForTokenClassification"),
        ({"output_type": "lm"}, "SpectransForMaskedLM"),
        ({"output_type": "lm", "tie_embeddings": False}, "SpectransForMaskedLM"),
        ({"output_type": "none"}, "SpectransModel"),
        ({}, "SpectransModel"),
    ],
)
def test_a_model_of_ours_is_wrapped_with_its_weights(settings: dict[str, Any], name: str) -> None:
    for model in (
        HybridTransformer(vocab_size=9, hidden_dim=8, num_layers=2, num_heads=2, **settings),
        FNet(vocab_size=9, hidden_dim=8, num_layers=2, **settings),
    ):
        wrapped = wrap(model.double().eval(), pad_token_id=0)
        assert (type(wrapped).__name__, wrapped.config.pad_token_id) == (name, 0)
        ids = torch.arange(6).view(2, 3)
        assert torch.equal(wrapped(ids)[0], model(ids))
        assert wrapped.model.state_dict().keys() == model.state_dict().keys()
        assert wrapped.get_input_embeddings().weight is not model.get_submodule("embedding").weight


def test_a_wrapped_regression_is_one() -> None:
    wrapped = wrap(
        HybridTransformer(
            vocab_size=9, hidden_dim=8, num_layers=2, num_heads=2, output_type="regression"
        )
    )
    assert (wrapped.config.problem_type, wrapped.config.num_labels) == ("regression", 1)


def test_a_pooled_model_is_wrapped_with_its_pooler() -> None:
    model = HybridTransformer(
        vocab_size=9, hidden_dim=8, num_layers=2, num_heads=2, output_type="pooled", pooler="tanh",
        pooling="cls",
    ).eval()  # fmt: skip
    ids = torch.arange(6).view(2, 3)
    assert torch.equal(wrap(model)(ids).pooler_output, model(ids))


def test_a_folder_of_ours_says_how_to_load_it(tmp_path: Path) -> None:
    HybridTransformer(vocab_size=9, hidden_dim=8, num_layers=1, num_heads=2).save_pretrained(
        tmp_path
    )
    with pytest.raises(ValueError, match=r"load it with spectrans\.from_pretrained and pass"):
        SpectransModel.from_pretrained(tmp_path)


def test_labels_name_the_outputs() -> None:
    named = config(id2label={0: "no", 1: "yes"}, label2id={"no": 0, "yes": 1}, num_labels=2)
    assert SpectransForSequenceClassification(named).model.config.num_classes == 2
