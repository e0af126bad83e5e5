"""Deliberate departures, one test each, as docs/differences.md lists them."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from spectrans import HybridEncoder, HybridTransformer
from spectrans.blocks import FeedForward
from spectrans.mixers import (
    LST,
    Dims,
    Fourier,
    GFNet,
    SpectralAttention,
    SpectralAttentionMixer,
    Wavelet,
)
from spectrans.plan import spatial_layers
from tests.cases import CASES, DIMS, Case, ids

ROOT = Path(__file__).parent.parent


def rows(n: int, d: int = 12, b: int = 2) -> Tensor:
    return torch.randn(b, n, d, dtype=torch.float64)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


class CountOperations(TorchDispatchMode):
    """Counts what reaches torch's dispatcher."""

    number = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.number += 1
        return func(*args, **(kwargs or {}))


def test_default_fourier_mixes_tokens() -> None:
    mixer = HybridTransformer(hidden_dim=12, num_layers=1).blocks[0].get_submodule("mixer")
    impulse = torch.zeros(1, 16, 12)
    impulse[0, 3] = torch.randn(12)
    assert bool((mixer(impulse).abs() > 1e-3).any(-1).all())


@pytest.mark.parametrize("d", [1, 2, 7, 12])
@pytest.mark.parametrize("part", ["real", "hartley"])
def test_use_real_fft_changes_no_value(part: Any, d: int) -> None:
    x = rows(9, d)
    dims = replace(DIMS, hidden_dim=d)
    half, full = (Fourier(part=part, use_real_fft=real).build(dims) for real in (True, False))
    close(half(x), full(x))


def test_patterns_differ() -> None:
    patterns = ["even_spectral", "odd_spectral", "top:2", "bottom:2", "middle:2", "mixed:2"]
    layouts = {tuple(spatial_layers(pattern, 6)) for pattern in patterns}
    assert len(layouts) == len(patterns)


def test_custom_needs_a_layout_and_a_layout_needs_custom() -> None:
    with pytest.raises(ValueError, match="layer_types must be given"):
        HybridTransformer(alternation_pattern="custom")
    with pytest.raises(ValueError, match="alternation_pattern must be 'custom'"):
        HybridTransformer(layer_types="fourier,attention")


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_mask_reaches_every_mixer(case: Case) -> None:
    model = HybridEncoder(
        hidden_dim=12, num_layers=1, num_heads=3, alternation_pattern="custom",
        layer_types=[case.options], positional_encoding_type="none",
    ).double().eval()  # fmt: skip
    x = rows(9)
    mask = torch.ones(2, 9)
    mask[0, 5:] = 0
    alone = model(inputs_embeds=x[:1, :5])
    close(model(inputs_embeds=x, attention_mask=mask)[:1, :5], alone)
    assert (model(inputs_embeds=x)[:1, :5] - alone).abs().max() > 1e-3


def test_an_all_ones_mask_changes_nothing() -> None:
    model = HybridEncoder(hidden_dim=12, num_layers=2, num_heads=3, spatial_type="lst").eval()
    x = torch.randn(2, 9, 12)
    assert torch.equal(
        model(inputs_embeds=x, attention_mask=torch.ones(2, 9)), model(inputs_embeds=x)
    )


@pytest.mark.parametrize("case", [case for case in CASES if case.name != "fourier"], ids=ids)
def test_no_mixer_adds_its_input(case: Case) -> None:
    mixer = case.build()
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.zero_()
    assert not mixer(rows(9)).any()


def test_gfnet_starts_with_the_power_of_its_input() -> None:
    mixer = GFNet().build(Dims(hidden_dim=64, max_sequence_length=128))
    with torch.no_grad():
        gain = mixer(torch.randn(8, 128, 64)).square().mean()
    assert 0.8 < gain < 1.25


def test_wavelet_channel_mode_mixes_channels() -> None:
    mixer = Wavelet(mixing_mode="channel").build(DIMS).double()
    x = rows(16).requires_grad_()
    mixer(x)[0, 3, 0].backward()
    assert x.grad is not None
    assert bool((x.grad[0].abs().sum(0) > 1e-6).all())


def test_wavelet_level_mode_mixes_levels() -> None:
    mixer = Wavelet(wavelet="haar", levels=1, mixing_mode="level").build(DIMS).double()
    detail = (
        torch.tensor([1.0, -1.0], dtype=torch.float64).repeat(8)[None, :, None].expand(1, 16, 12)
    )
    approximation = mixer(detail).unflatten(1, (8, 2)).sum(2)
    assert bool((approximation.abs() > 1e-3).all())


def operations(width: int) -> int:
    mixer = Wavelet().build(Dims(hidden_dim=width))
    with torch.no_grad(), CountOperations() as counter:
        mixer(torch.randn(2, 32, width))
    return counter.number


def test_the_wavelet_transform_runs_as_many_operations_for_any_width() -> None:
    assert operations(4) == operations(256)


@pytest.mark.parametrize("kernel", ["softmax", "gaussian", "relu"])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_random_feature_weights_are_never_negative(kernel: Any, scale: float) -> None:
    mixer = SpectralAttention(kernel_type=kernel, qk_norm=False).build(DIMS).double()
    assert isinstance(mixer, SpectralAttentionMixer)
    nn.init.eye_(mixer.heads.out.weight)
    x = scale * rows(24)
    values = x @ mixer.heads.qkv.weight[2 * 12 :].T
    y = mixer(x)
    assert bool((y <= values.amax(1, keepdim=True) + 1e-9).all())
    assert bool((y >= values.amin(1, keepdim=True) - 1e-9).all())


@pytest.mark.parametrize("transform", ["dct", "dst", "hadamard", "mixed"])
@pytest.mark.parametrize("n", [1, 3, 12, 31])
def test_lst_takes_any_length(transform: Any, n: int) -> None:
    y = LST(transform_type=transform).build(DIMS).double()(rows(n))
    assert y.shape == (2, n, 12)
    assert bool(y.isfinite().all())


def test_weights_start_by_fan_in() -> None:
    narrow, wide = (FeedForward(width, 512).up.weight.detach().std() for width in (64, 1024))
    assert float(narrow / wide) == pytest.approx(4, rel=0.05)


def named_in(document: str) -> list[str]:
    return re.findall(r"`(test_\w+)`", (ROOT / "docs" / document).read_text("utf-8"))


def defined_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    # Some are made of a function and the settings that it runs with.
    made = [node.targets for node in tree.body if isinstance(node, ast.Assign)]
    return names | {t.id for targets in made for t in targets if isinstance(t, ast.Name)}


@pytest.mark.parametrize("document", sorted(d.name for d in (ROOT / "docs").glob("*.md")))
def test_every_test_that_a_document_names_exists(document: str) -> None:
    known = set().union(*map(defined_in, (ROOT / "tests").rglob("test_*.py")))
    assert set(named_in(document)) <= known


def test_every_difference_has_a_test_of_its_own() -> None:
    table = (ROOT / "docs/differences.md").read_text("utf-8").splitlines()
    lines = [line for line in table if line.startswith("| ") and not line.startswith("| here")]
    assert all(line.count("`test_") == 1 for line in lines)
    assert len(set(named_in("differences.md"))) == len(lines)
