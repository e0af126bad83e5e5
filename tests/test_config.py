"""Configs agree with constructors, read and write text, and refuse what they do not know."""

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from spectrans import (
    AlternatingModelConfig,
    AlternatingTransformer,
    HybridEncoder,
    HybridModelConfig,
    HybridTransformer,
)
from spectrans.config import ModelConfig
from spectrans.mixers import AFNO, Attention, Wavelet
from spectrans.models import MODELS, BaseModel

# The document's own difference: constructors say max_sequence_length, configs sequence_length.
RENAMED = {"sequence_length": "max_sequence_length"}
# Encoders have no ids and no head.
NOT_IN_ENCODERS = {
    "vocab_size", "num_classes", "output_type", "pooling", "tie_embeddings", "pooler",
    "head_dropout", "lm_transform", "logit_scale",
}  # fmt: skip


LM: dict[str, Any] = {"output_type": "lm", "vocab_size": 9}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_constructor_and_config_agree_in_names_and_defaults(model: type[BaseModel]) -> None:
    arguments = {
        name: p.default for name, p in inspect.signature(model).parameters.items()
    }  # fmt: skip
    fields = {
        RENAMED.get(name, name): field.default
        for name, field in model.config_class.model_fields.items()
    }
    if model.__name__.endswith("Encoder"):
        fields = {name: value for name, value in fields.items() if name not in NOT_IN_ENCODERS}
    assert arguments == fields


def filled() -> HybridModelConfig:
    return HybridModelConfig(
        vocab_size=50, hidden_dim=24, num_layers=4, sequence_length=32, num_heads=3,
        spectral_type="wavelet", spectral_config={"wavelet": "db2"}, num_classes=2, norm_eps=1e-9,
        positional_encoding_type="rotary",
    )  # fmt: skip


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_config_survives_text(form: str) -> None:
    config = filled()
    text = getattr(config, f"to_{form}")()
    assert getattr(HybridModelConfig, f"from_{form}")(text) == config


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_a_config_survives_a_file(suffix: str, tmp_path: Path) -> None:
    config = filled()
    config.save(tmp_path / f"model{suffix}")
    assert HybridModelConfig.load(tmp_path / f"model{suffix}") == config


def test_options_in_a_config_survive_text() -> None:
    config = HybridModelConfig(
        num_layers=2,
        alternation_pattern="custom",
        layer_types=[Wavelet(levels=2), Attention(window=7)],
    )
    again = HybridModelConfig.from_yaml(config.to_yaml())
    assert again.plan() == config.plan() == (Wavelet(levels=2), Attention(window=7))


@pytest.mark.parametrize("number", ["1e-12", "1.0e-12", "1E-12", "1.e-12", "+1e-12"])
def test_yaml_numbers_in_scientific_form_are_numbers(number: str) -> None:
    assert HybridModelConfig.from_yaml(f"norm_eps: {number}").norm_eps == 1e-12


def test_a_number_that_another_yaml_reader_took_for_text_is_a_number() -> None:
    settings = yaml.safe_load(
        "norm_eps: 1e-9\nspectral_type: afno\nspectral_config: {sparsity_threshold: 1e-3}"
    )
    assert settings["norm_eps"] == "1e-9"
    config = HybridModelConfig(**settings)
    assert config.norm_eps == 1e-9
    assert config.plan()[0] == AFNO(sparsity_threshold=1e-3)


def test_both_names_of_the_length_are_accepted() -> None:
    settings: dict[str, Any] = {"max_sequence_length": 7}
    other = HybridModelConfig(**settings)
    assert other == HybridModelConfig(sequence_length=7)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"hiden_dim": 3},
            "unknown HybridModelConfig option 'hiden_dim'; did you mean 'hidden_dim'",
        ),
        ({"sequence_length": 3, "max_sequence_length": 4}, "unknown HybridModelConfig option"),
        ({"hidden_dim": 0}, "hidden_dim must be greater than 0, got 0"),
        ({"hidden_dim": True}, "hidden_dim must be a valid integer, got True"),
        ({"hidden_dim": "64"}, "hidden_dim must be a valid integer, got '64'"),
        ({"hidden_dim": 10**30}, "hidden_dim must be less than 2147483648, got 1000"),
        ({"num_layers": 10**9}, "num_layers must be less than or equal to 10000, got 1000000000"),
        ({"norm_eps": "small"}, "norm_eps must be a valid number, got 'small'"),
        ({"dropout": 1.0}, "dropout must be less than 1, got 1.0"),
        ({"norm_eps": float("inf")}, "norm_eps must be a finite number, got inf"),
        ({"output_type": "lm"}, "vocab_size must be given for output_type='lm'"),
        ({"output_type": "sequence"}, "num_classes must be given for output_type='sequence'"),
        ({"output_type": "none", "num_classes": 2}, "num_classes must be left out"),
        ({"output_type": "none", "pooling": "max"}, "pooling must be left out"),
        ({"tie_embeddings": False}, "tie_embeddings must be left out"),
        ({"pooling": "cls"}, "pooling must be left out for output_type='classification' without"),
        ({"pooler": "tanh"}, "pooler must be left out for output_type='classification' without"),
        ({"head_dropout": 0.1}, "head_dropout must be left out"),
        ({**LM, "pooler": "tanh"}, "pooler must be left out for output_type='lm', got 'tanh'"),
        ({**LM, "head_dropout": 0.1}, "head_dropout must be left out for output_type='lm'"),
        ({"output_type": "pooled", "head_dropout": 0.1}, "head_dropout must be left out"),
        ({"output_type": "pooled", "num_classes": 2}, "num_classes must be left out"),
        ({"num_classes": 2, "lm_transform": True}, "lm_transform must be left out"),
        ({"num_classes": 2, "logit_scale": 1.0}, "logit_scale must be left out"),
        ({**LM, "logit_scale": 1.0, "tie_embeddings": False}, "logit_scale must be left out when"),
        ({**LM, "embedding_dim": 32}, "embedding_dim must equal hidden_dim=768 for a tied head"),
        ({"activation": "gelo"}, "activation must be 'gelu', 'gelu_tanh', 'relu', 'silu' or"),
        ({"pooler": "gelo", "num_classes": 2}, "pooler must be 'gelu'"),
        ({"mixing_dropout": 1.0}, "mixing_dropout must be less than 1, got 1.0"),
        ({"type_vocab_size": 0}, "type_vocab_size must be greater than 0, got 0"),
        ({"positional_encoding_type": "rotery"}, "positional_encoding_type must be 'sinusoidal'"),
        (
            {"use_positional_encoding": False, "positional_encoding_type": "learned"},
            "positional_encoding_type must be left out when use_positional_encoding is False",
        ),
        ({"alternation_pattern": "custom"}, "layer_types must be given"),
        ({"layer_types": "fourier"}, "alternation_pattern must be 'custom' when layer_types"),
        (
            {
                "alternation_pattern": "custom",
                "layer_types": "fourier",
                "spectral_config": {"a": 1},
            },
            "spectral_config must be left out when layer_types is given",
        ),
        (
            {"layer_types": 3, "alternation_pattern": "custom"},
            "layer_types must be a layout string",
        ),
        ({"spectral_type": "attention"}, "unknown spectral_type 'attention'"),
        ({"spatial_type": "fourier"}, "unknown spatial_type 'fourier'"),
        ({"spectral_config": {"fft_norm": "ortho"}}, "unknown Fourier option 'fft_norm'"),
        (
            {"spectral_config": {"type": "gfnet"}},
            "'type' in the settings of spectral_type must be 'fourier', got 'gfnet'",
        ),
        (
            {"alternation_pattern": "top:0", "spatial_config": {"window": 3}},
            "spatial_config must be left out of a plan without a spatial layer",
        ),
        (
            {"alternation_pattern": "top:12", "spectral_config": {"part": "hartley"}},
            "spectral_config must be left out of a plan without a spectral layer",
        ),
        ({"spatial_config": {"head_dim": 4}}, "unknown Attention option 'head_dim'"),
    ],
)
def test_a_bad_config_is_refused_in_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        HybridModelConfig(**settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"layer2_config": {"type": "lst"}}, "in the settings of layer2_type must be 'attention'"),
        (
            {"num_layers": 1, "layer2_config": {"window": 3}},
            "layer2_config must be left out of a plan of one layer",
        ),
    ],
)
def test_a_bad_config_of_two_types_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AlternatingModelConfig(**settings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: &x 1\nb: *x", "must not use aliases"),
        ("hidden_dim: !!python/object:os.system x", "the config text must be YAML"),
        ("hidden_dim: 3\nhidden_dim: 4", "must name 'hidden_dim' once, got it twice"),
        ("- 1", "must be a mapping of names to values"),
        ("~: 1", "must name every value by a text, got None"),
        ("self: 1", "unknown HybridModelConfig option 'self'"),
        ("a: [", "the config text must be YAML"),
        ("[" * 101 + "]" * 101, "must not nest this deeply"),
        ("- " * 3000, "must not nest this deeply"),
        ("[" * 100 + "]" * 100, "must be a mapping of names to values"),
        ("x" * 200_001, "must have at most 200000 characters, got 200001"),
        ("? [1]\n: 2", "the config text must be YAML"),
    ],
    ids=[
        "alias",
        "tag",
        "twice",
        "list",
        "nameless",
        "self",
        "broken",
        "deep",
        "deep blocks",
        "less deep",
        "long",
        "listed",
    ],
)
def test_bad_yaml_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        HybridModelConfig.from_yaml(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"hidden_dim": 3, "hidden_dim": 4}', "must name 'hidden_dim' once"),
        ('{"dropout": NaN}', "must hold finite numbers, got NaN"),
        ("{", "the config text must be JSON"),
        ('{"a":' * 100_000, "must not nest this deeply"),
        ("1" * 1_000_001, "must have at most 1000000 characters, got 1000001"),
    ],
    ids=["twice", "nan", "broken", "deep", "long"],
)
def test_bad_json_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HybridModelConfig.from_json(text)


def test_an_unknown_file_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown config file ending '\.ymal'; did you mean"):
        filled().save(tmp_path / "model.ymal")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_built_from_its_config_has_that_config(model: type[BaseModel]) -> None:
    config: ModelConfig = model.config_class(hidden_dim=16, num_layers=2, ffn_hidden_dim=16)
    if model.__name__.endswith("Encoder"):
        config = config.model_copy(update={"output_type": "none"})
    assert model.from_config(config).config == config


def test_an_encoder_refuses_a_config_with_a_head() -> None:
    with pytest.raises(ValueError, match="num_classes must be left out: HybridEncoder has none"):
        HybridEncoder.from_config(HybridModelConfig(num_classes=3))


def test_a_model_refuses_the_config_of_another() -> None:
    with pytest.raises(TypeError, match="config must be a HybridModelConfig"):
        HybridTransformer.from_config(AlternatingTransformer.config_class())
