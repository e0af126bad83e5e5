"""The filters of vision models against literal references of the published layers."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spectrans.mixers import AFNOGridMixer, GFNetGridMixer
from spectrans.pretrained import load


def gfnet_state(depth: int = 3, h: int = 6, d: int = 8) -> dict[str, Tensor]:
    """A GFNet of the official layout with random weights."""
    state = {
        "pos_embed": torch.randn(1, h * h, d), "patch_embed.proj.weight": torch.randn(d, 3, 4, 4),
        "patch_embed.proj.bias": torch.randn(d), "norm.weight": torch.randn(d),
        "norm.bias": torch.randn(d), "head.weight": torch.randn(10, d), "head.bias": torch.randn(10),
    }  # fmt: skip
    for i in range(depth):
        state[f"blocks.{i}.filter.complex_weight"] = torch.randn(h, h // 2 + 1, d, 2)
        state[f"blocks.{i}.norm1.weight"] = torch.randn(d)
        state[f"blocks.{i}.mlp.fc1.weight"] = torch.randn(4 * d, d)
    return state


def literal_filter(weight: Tensor, x: Tensor, h: int, w: int) -> Any:
    """Multiply the half spectrum by the filter, as the paper's equation 5 says, in float64."""
    grid = x.double().numpy().reshape(len(x), h, w, -1)
    z = np.fft.rfft2(grid, axes=(1, 2), norm="ortho")
    z = z * (weight[..., 0].double().numpy() + 1j * weight[..., 1].double().numpy())
    return np.fft.irfft2(z, s=(h, w), axes=(1, 2), norm="ortho").reshape(x.shape)


@pytest.mark.parametrize("h", [6, 7, 14])
def test_a_gfnet_gives_its_filters_in_order(h: int) -> None:
    state = gfnet_state(depth=12, h=h)
    mixers, report = load({"model": state})
    assert isinstance(mixers, nn.ModuleList)
    assert len(mixers) == 12
    x = torch.randn(2, h * h, 8)
    for i, mixer in enumerate(mixers):
        assert isinstance(mixer, GFNetGridMixer)
        expected = literal_filter(state[f"blocks.{i}.filter.complex_weight"], x, h, h)
        np.testing.assert_allclose(mixer(x).detach().numpy(), expected, atol=1e-5)
    assert report.mapped["10.filter"] == (("blocks.10.filter.complex_weight",), "")
    assert report.left["head.bias"] == "not a mixer"
    assert report.mapped.keys() | report.left.keys() | {f"blocks.{i}.filter.complex_weight" for i in range(12)} >= state.keys()  # fmt: skip


def test_the_stages_of_a_pyramid_have_their_own_sizes(tmp_path: Any) -> None:
    state = {
        f"blocks.{stage}.{j}.filter.complex_weight": torch.randn(h, h // 2 + 1, d, 2)
        for stage, (h, d) in enumerate([(8, 4), (4, 8), (2, 16), (1, 32)])
        for j in range(2)
    }
    state["blocks.0.0.gamma"] = torch.ones(4)
    torch.save({"model": state}, tmp_path / "gfnet-h.pth")
    mixers = load(tmp_path / "gfnet-h.pth").model
    assert isinstance(mixers, nn.ModuleList)
    sizes = [(m.grid, m.filter.shape[2]) for m in mixers if isinstance(m, GFNetGridMixer)]
    assert sizes == [((h, h), d) for h, d in [(8, 4), (4, 8), (2, 16), (1, 32)] for _ in range(2)]


@pytest.mark.parametrize("grid", [(4, 6), (4, 7), (3, 2)])
def test_a_filter_that_is_no_square_needs_its_grid(grid: tuple[int, int]) -> None:
    h, w = grid
    weight = torch.randn(h, w // 2 + 1, 8, 2)
    mixers = load({"complex_weight": weight}, grid=grid).model
    assert isinstance(mixers, nn.ModuleList)
    x = torch.randn(2, h * w, 8)
    found = mixers[0](x).detach().numpy()
    np.testing.assert_allclose(found, literal_filter(weight, x, h, w), atol=1e-5)


def afno_state(
    depth: int = 2, blocks: int = 4, size: int = 3, factor: int = 1
) -> dict[str, Tensor]:
    state = {"pos_embed": torch.randn(1, 48, 12), "head.weight": torch.randn(5, 12)}
    for i in range(depth):
        above, inner = f"blocks.{i}.filter.", size * factor
        state[f"{above}w1"] = 0.5 * torch.randn(2, blocks, size, inner)
        state[f"{above}b1"] = 0.5 * torch.randn(2, blocks, inner)
        state[f"{above}w2"] = 0.5 * torch.randn(2, blocks, inner, size)
        state[f"{above}b2"] = 0.5 * torch.randn(2, blocks, size)
    return state


def literal_afno(state: dict[str, Tensor], above: str, x: Tensor, h: int, w: int) -> Any:
    """The published layer without its residual, frequency by frequency, in float64.

    The columns that FourCastNet's code reaches are the first h // 2 + 1; the others are zero.
    """
    parts = {k: state[f"{above}{k}"].double().numpy() for k in ("w1", "b1", "w2", "b2")}
    w1, b1, w2, b2 = (parts[k][0] + 1j * parts[k][1] for k in ("w1", "b1", "w2", "b2"))
    z = np.fft.rfft2(x.double().numpy().reshape(len(x), h, w, -1), axes=(1, 2), norm="ortho")
    out = np.zeros_like(z)
    for i in range(h):
        for j in range(min(w // 2 + 1, h // 2 + 1)):
            blocks = z[:, i, j].reshape(len(x), len(w1), -1)
            y = np.einsum("bki,kio->bko", blocks, w1) + b1
            y = np.maximum(y.real, 0) + 1j * np.maximum(y.imag, 0)
            y = (np.einsum("bki,kio->bko", y, w2) + b2).reshape(len(x), -1)
            real, imag = (np.sign(p) * np.maximum(abs(p) - 0.01, 0) for p in (y.real, y.imag))
            out[:, i, j] = real + 1j * imag
    return np.fft.irfft2(out, s=(h, w), axes=(1, 2), norm="ortho").reshape(x.shape)


@pytest.mark.parametrize("grid", [(6, 8), (8, 6), (6, 6), (5, 9), (4, 16)])
@pytest.mark.parametrize("factor", [1, 2])
def test_an_afno_gives_its_filters(grid: tuple[int, int], factor: int, tmp_path: Any) -> None:
    h, w = grid
    state = afno_state(factor=factor)
    parallel = {f"module.{name}": value for name, value in state.items()}
    torch.save({"model_state": parallel, "epoch": 3}, tmp_path / "backbone.ckpt")
    mixers, report = load(tmp_path / "backbone.ckpt", grid=grid)
    assert isinstance(mixers, nn.ModuleList)
    x = torch.randn(2, h * w, 12)
    for i, mixer in enumerate(mixers):
        assert isinstance(mixer, AFNOGridMixer)
        expected = literal_afno(state, f"blocks.{i}.filter.", x, h, w)
        np.testing.assert_allclose(mixer(x).detach().numpy(), expected, atol=1e-5)
    assert "adds its input" in str(report)


@pytest.mark.parametrize(
    ("state", "settings", "sentence"),
    [
        (gfnet_state(), {"grid": (4, 4)}, r"grid must be that of a filter of \(6, 4\)"),
        ({"complex_weight": torch.zeros(4, 4, 2, 2)}, {}, "grid must be given as"),
        ({"complex_weight": torch.zeros(4, 3, 2)}, {}, "complex_weight must have the shape"),
        ({"complex_weight": torch.zeros(4, 3, 2, 2), "x": torch.zeros(1)}, {}, "x is not"),
        (gfnet_state(), {"head": "lm"}, "must be loaded without a head and hf=True"),
        (gfnet_state(), {"hf": True}, "must be loaded without a head and hf=True"),
        (afno_state(), {}, "grid must be given as .height, width.: AFNO's weights fit any"),
        (
            {k: v for k, v in afno_state().items() if k != "blocks.1.filter.b2"},
            {"grid": (6, 8)},
            r"must hold whole afno filters, blocks\.1\.filter\.b2 is missing",
        ),
        (
            {**afno_state(), "blocks.1.filter.b2": torch.zeros(2, 4, 2)},
            {"grid": (6, 8)},
            r"b2 must have shape \(2, 4, 3\), got \(2, 4, 2\)",
        ),
        (
            afno_state(),
            {"grid": (6, 8), "config": {"hard_thresholding_fraction": 0.5}},
            "hard_thresholding_fraction must be 1, got 0.5",
        ),
        ({"a": torch.zeros(1)}, {"grid": (2, 2)}, "grid must be left out for a source without"),
    ],
)
def test_filters_that_do_not_fit_are_refused(state: Any, settings: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        load(state, **settings)


def test_the_threshold_of_a_config_is_taken() -> None:
    mixers = load(afno_state(), grid=(6, 8), config={"sparsity_threshold": 0.5}).model
    assert isinstance(mixers, nn.ModuleList)
    assert isinstance(mixers[0], AFNOGridMixer)
    assert mixers[0].options.sparsity_threshold == 0.5
