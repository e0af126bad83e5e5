"""The documented interface, to the letter, through public names only."""

import inspect
from typing import Any

import pytest
import torch
from torch import nn

import spectrans.blocks.hybrid
import spectrans.models.fnet
import spectrans.models.spectral_attention
from spectrans import HybridModelConfig
from spectrans.models.hybrid import (
    AlternatingTransformer,
    HybridEncoder,
    HybridTransformer,
    StandardAttention,
)

SHARED: dict[str, Any] = {
    "num_classes": None,
    "use_positional_encoding": True,
    "positional_encoding_type": "sinusoidal",
    "dropout": 0.1,
    "ffn_hidden_dim": None,
    "norm_eps": 1e-12,
    "output_type": "classification",
    "gradient_checkpointing": False,
}
SIZES: dict[str, Any] = {
    "vocab_size": None, "hidden_dim": 768, "num_layers": 12, "max_sequence_length": 512
}  # fmt: skip
TWO_TYPES: dict[str, Any] = {
    "spectral_type": "fourier",
    "spatial_type": "attention",
    "alternation_pattern": "even_spectral",
    "num_heads": 8,
    "spectral_config": None,
    "spatial_config": None,
}
LAYERS: dict[str, Any] = {
    "layer1_type": "fourier", "layer2_type": "attention", "layer1_config": None, "layer2_config": None
}  # fmt: skip
HEADLESS = ("vocab_size", "num_classes", "output_type")
SIGNATURES: dict[type, dict[str, Any]] = {
    HybridTransformer: {**SIZES, **TWO_TYPES, **SHARED},
    HybridEncoder: {k: v for k, v in {**SIZES, **TWO_TYPES, **SHARED}.items() if k not in HEADLESS},
    AlternatingTransformer: {**SIZES, **LAYERS, **SHARED},
}


@pytest.mark.parametrize("model", SIGNATURES, ids=lambda model: model.__name__)
def test_arguments_have_the_documented_names_order_and_defaults(model: type) -> None:
    parameters = inspect.signature(model).parameters.values()
    positional = {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    assert list(positional.items()) == list(SIGNATURES[model].items())


def test_standard_attention_has_the_documented_arguments() -> None:
    parameters = inspect.signature(StandardAttention).parameters
    assert list(parameters) == ["hidden_dim", "num_heads", "dropout"]
    assert parameters["num_heads"].default == 8
    assert parameters["dropout"].default == 0.0


def test_forward_takes_ids_first() -> None:
    names = list(inspect.signature(HybridTransformer.forward).parameters)
    given = ["input_ids", "inputs_embeds", "attention_mask", "token_type_ids", "position_ids"]
    assert names == ["self", *given]


def test_the_first_example_at_a_tenth_of_its_size() -> None:
    model = HybridTransformer(
        vocab_size=3000, hidden_dim=96, num_layers=12, spectral_type="fourier",
        spatial_type="attention", num_classes=10,
    )  # fmt: skip
    assert model(torch.randint(0, 3000, (3, 51))).shape == (3, 10)


@pytest.mark.slow
def test_the_first_example_as_it_stands() -> None:
    model = HybridTransformer(
        vocab_size=30000, hidden_dim=768, num_layers=12, spectral_type="fourier",
        spatial_type="attention", num_classes=10,
    )  # fmt: skip
    with torch.inference_mode():
        logits = model(torch.randint(0, 30000, (32, 512)))
    assert logits.shape == (32, 10)


def test_the_second_example() -> None:
    model = HybridTransformer(
        hidden_dim=512, num_layers=8, spectral_type="wavelet", spatial_type="spectral_attention",
        spectral_config={"wavelet": "db8", "levels": 3}, spatial_config={"num_features": 256},
    )  # fmt: skip
    plan = model.config.plan()
    assert [options.name for options in plan] == ["wavelet", "spectral_attention"] * 4
    assert (plan[0].to_dict()["wavelet"], plan[1].to_dict()["num_features"]) == ("db8", 256)
    with torch.inference_mode():
        assert model(inputs_embeds=torch.randn(1, 40, 512)).shape == (1, 40, 512)


def test_the_third_example() -> None:
    model = AlternatingTransformer(
        hidden_dim=768, num_layers=12, layer1_type="fourier", layer2_type="attention",
        layer1_config={"use_real_fft": True}, layer2_config={"num_heads": 8},
    )  # fmt: skip
    assert len(model.blocks) == 12
    with torch.inference_mode():
        assert model(inputs_embeds=torch.randn(1, 20, 768)).shape == (1, 20, 768)


def test_documented_attributes_and_methods_exist() -> None:
    model = HybridTransformer(hidden_dim=16, num_layers=3, spectral_type="gfnet", num_heads=2)
    assert model.spectral_type == "gfnet"
    assert model.spatial_type == "attention"
    assert model.alternation_pattern == "even_spectral"
    assert isinstance(model.blocks, nn.ModuleList)
    built = model.build_blocks()
    assert isinstance(built, nn.ModuleList)
    assert [type(block) for block in built] == [type(block) for block in model.blocks]


@pytest.mark.parametrize("kind", [HybridTransformer, HybridEncoder])
def test_from_config_builds_the_model(kind: type[HybridTransformer]) -> None:
    model = kind.from_config(HybridModelConfig(hidden_dim=16, num_layers=3, sequence_length=20))
    assert isinstance(model, kind)
    assert len(model.blocks) == 3


@pytest.mark.parametrize("spectral", ["fourier", "wavelet", "afno", "gfnet"])
@pytest.mark.parametrize("spatial", ["attention", "spectral_attention", "lst"])
def test_every_documented_pair_of_types_works(spectral: str, spatial: str) -> None:
    model = HybridTransformer(
        vocab_size=9, hidden_dim=16, num_layers=2, spectral_type=spectral, spatial_type=spatial,
        num_classes=3,
    )  # fmt: skip
    assert model(torch.zeros(2, 5, dtype=torch.long)).isfinite().all()


TYPES = ["fourier", "wavelet", "afno", "gfnet", "attention", "spectral_attention", "lst"]


@pytest.mark.parametrize("first", TYPES)
@pytest.mark.parametrize("second", TYPES)
def test_any_two_types_alternate(first: str, second: str) -> None:
    model = AlternatingTransformer(
        hidden_dim=16, num_layers=3, layer1_type=first, layer2_type=second
    )
    assert [options.name for options in model.config.plan()] == [first, second, first]


def test_an_encoder_gives_hidden_states() -> None:
    encoder = HybridEncoder(hidden_dim=16, num_layers=2)
    assert encoder(inputs_embeds=torch.randn(2, 5, 16)).shape == (2, 5, 16)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no-bias"])
def test_standard_attention_equals_torch_with_copied_weights(bias: bool) -> None:
    torch_attention = nn.MultiheadAttention(24, 4, batch_first=True).double()
    ours = StandardAttention(24, 4).double()
    with torch.no_grad():
        nn.init.normal_(torch_attention.in_proj_bias, std=float(bias))
        nn.init.normal_(torch_attention.out_proj.bias, std=float(bias))
        ours.heads.qkv.weight.copy_(torch_attention.in_proj_weight)
        ours.heads.qkv.bias.copy_(torch_attention.in_proj_bias)
        ours.heads.out.weight.copy_(torch_attention.out_proj.weight)
        ours.heads.out.bias.copy_(torch_attention.out_proj.bias)
    x = torch.randn(2, 9, 24, dtype=torch.float64)
    expected, _ = torch_attention(x, x, x, need_weights=False)
    torch.testing.assert_close(ours(x), expected, rtol=0, atol=1e-12)


def test_modules_that_the_document_points_to_exist() -> None:
    assert issubclass(spectrans.blocks.hybrid.HybridBlock, nn.Module)
    assert issubclass(spectrans.models.fnet.FNet, nn.Module)
    assert issubclass(spectrans.models.spectral_attention.SpectralAttentionTransformer, nn.Module)
