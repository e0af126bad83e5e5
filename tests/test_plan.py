"""Patterns, layout strings and layer lists."""

from typing import Any

import pytest

from spectrans import HybridTransformer
from spectrans.mixers import MIXERS, Attention, Fourier, MixerOptions, Wavelet, register, resolve
from spectrans.plan import listed, spatial_layers, tiled, with_positions
from tests.custom import Shift, registered


def layers(pattern: str, depth: int) -> str:
    return "".join("A" if here else "f" for here in spatial_layers(pattern, depth))


@pytest.mark.parametrize(
    ("pattern", "depth", "expected"),
    [
        ("even_spectral", 5, "fAfAf"),
        ("alternate", 5, "fAfAf"),
        ("odd_spectral", 5, "AfAfA"),
        ("top:2", 6, "ffffAA"),
        ("bottom:2", 6, "AAffff"),
        ("middle:2", 6, "ffAAff"),
        ("middle:3", 6, "ffAAAf"),
        ("mixed:2", 6, "AffAff"),
        ("mixed:5", 12, "AfAfAfAfAfAf"),
        ("spectral_first:4", 6, "ffffAA"),
        ("top:0", 3, "fff"),
        ("mixed:0", 3, "fff"),
        ("top:3", 3, "AAA"),
        ("even_spectral", 1, "f"),
    ],
)
def test_a_pattern_puts_attention_where_its_definition_says(
    pattern: str, depth: int, expected: str
) -> None:
    assert layers(pattern, depth) == expected


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 7, 12, 24])
@pytest.mark.parametrize("k", [0, 1, 2, 4, 12])
def test_fnet_layouts_follow_their_published_inequalities(depth: int, k: int) -> None:
    if k > depth:
        with pytest.raises(ValueError, match="count from 0 to num_layers"):
            spatial_layers(f"top:{k}", depth)
        return
    every = range(depth)
    assert spatial_layers(f"bottom:{k}", depth) == [i < k for i in every]
    assert spatial_layers(f"top:{k}", depth) == [i >= depth - k for i in every]
    assert spatial_layers(f"middle:{k}", depth) == [depth - k <= 2 * i < depth + k for i in every]
    mixed = [i % (depth // k) == 0 for i in every] if k else [False] * depth
    assert spatial_layers(f"mixed:{k}", depth) == mixed


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        (
            "even_spectrl",
            "unknown alternation_pattern 'even_spectrl'; did you mean 'even_spectral'?",
        ),
        (
            "top",
            "alternation_pattern must have a count from 0 to num_layers=4 after ':', got 'top'",
        ),
        (
            "top:x",
            "alternation_pattern must have a count from 0 to num_layers=4 after ':', got 'top:x'",
        ),
        ("top:-1", "count from 0"),
        ("top:5", "count from 0 to num_layers=4"),
        ("even_spectral:2", "unknown alternation_pattern"),
    ],
)
def test_a_bad_pattern_is_refused(pattern: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        spatial_layers(pattern, 4)


def test_a_layout_string_is_tiled_over_the_depth() -> None:
    names = [options.name for options in tiled("3xfourier, attention", 10)]
    block = ["fourier"] * 3 + ["attention"]
    assert names == [*block, *block, "fourier", "fourier"]


@pytest.mark.parametrize(
    ("layout", "sentence"),
    [
        ("", "layer_types must be mixer names with optional counts"),
        ("fourier,,attention", "layer_types must be mixer names"),
        ("0xfourier", "layer_types must be mixer names"),
        ("2*fourier", "layer_types must be mixer names"),
        ("fourier,atention", "unknown mixer 'atention'; did you mean 'attention'?"),
        ("5xfourier", "layer_types must fit in num_layers=4"),
        ("99999999999xfourier", "layer_types must fit in num_layers=4"),
    ],
)
def test_a_bad_layout_is_refused(layout: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        tiled(layout, 4)


def test_a_layer_is_a_name_a_dict_or_options() -> None:
    items: list[Any] = ["fourier", {"type": "wavelet", "levels": 2}, Attention(window=3)]
    expected = (Fourier(), Wavelet(levels=2), Attention(window=3))
    assert listed(items, 3) == expected


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        (["fourier"], "layer_types must have one entry per layer, num_layers=2, got '1 entries'"),
        (["fourier", "x"], r"layer_types\[1\]: unknown mixer 'x'"),
        (
            ["fourier", 3],
            r"layer_types\[1\]: a mixer must be a name, a dict with 'type' or options",
        ),
        (["fourier", {}], r"layer_types\[1\]: unknown mixer None"),
        ([{"type": "wavelet", "level": 2}, "fourier"], r"\[0\]: .*did you mean 'levels'"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_a_bad_layer_is_refused_with_its_place(items: list[Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        listed(items, 2)


def test_options_are_frozen_values() -> None:
    assert Fourier() == Fourier(norm="ortho")
    assert len({Fourier(), Fourier(), Fourier(norm="backward")}) == 2
    with pytest.raises(ValueError, match="frozen"):
        Fourier().norm = "backward"


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({"type": "wavelet", "levels": 0}, "levels must be greater than 0, got 0"),
        ({"type": "wavelet", "levels": "3"}, "levels must be a valid integer, got '3'"),
        ({"type": "gfnet", "activation": "relu"}, "activation must be 'none', 'sigmoid' or 'tanh'"),
        ({"type": "attention", "dropout": 1.0}, "dropout must be less than 1, got 1.0"),
        ({"type": "afno", "sparsity_threshold": float("nan")}, "sparsity_threshold must be"),
        ({"type": "attention", "heads": 2}, "unknown Attention option 'heads'"),
    ],
)
def test_a_bad_setting_is_refused_in_one_sentence(item: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        resolve(item)
    assert "\n" not in str(caught.value)


def test_positions_inside_attention_reach_the_mixers_that_can_use_them() -> None:
    plan = with_positions((Fourier(), Attention(), Attention(position="none")), "alibi")
    assert plan == (Fourier(), Attention(position="alibi"), Attention(position="none"))


@pytest.mark.parametrize("scheme", ["rotary", "alibi"])
def test_positions_that_no_mixer_can_use_are_refused(scheme: Any) -> None:
    with pytest.raises(ValueError, match="positional_encoding_type must be one that a mixer"):
        HybridTransformer(alternation_pattern="top:0", positional_encoding_type=scheme)


def test_alibi_is_refused_where_only_random_features_could_take_it() -> None:
    with pytest.raises(ValueError, match="positional_encoding_type must be one that a mixer"):
        HybridTransformer(spatial_type="spectral_attention", positional_encoding_type="alibi")


def test_a_registered_mixer_is_known_by_name_and_kind() -> None:
    with registered(Shift):
        assert resolve("shift") == Shift()
        model = HybridTransformer(hidden_dim=8, num_layers=2, num_heads=2, spectral_type="shift")
        assert [options.name for options in model.config.plan()] == ["shift", "attention"]
    assert "shift" not in MIXERS


def test_a_name_that_is_taken_is_refused() -> None:
    class Other(Fourier):
        name = "fourier"

    with pytest.raises(ValueError, match=r"Other.name must be free"):
        register(Other)


def test_options_without_a_kind_are_refused() -> None:
    class Nameless(MixerOptions):
        name = "nameless"

    with pytest.raises(ValueError, match=r"Nameless.kind must be 'spectral' or 'spatial'"):
        register(Nameless)


@pytest.mark.usefixtures("without_shape_checks")
def test_only_options_can_be_registered() -> None:
    with pytest.raises(TypeError, match="options must be a subclass of MixerOptions"):
        register(int)  # type: ignore[type-var]
