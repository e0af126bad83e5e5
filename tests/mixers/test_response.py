"""What mixers say of themselves is what they do."""

import math
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from spectrans.mixers import AFNO, MIXERS, Attention, Dims, GFNet, Wavelet
from spectrans.mixers.response import (
    AttentionResponse,
    FrequencyResponse,
    LevelResponse,
    attention_response,
)
from spectrans.transforms.wavelet import wavedec, waverec

N, D = 48, 8
DIMS = Dims(hidden_dim=D, num_heads=2, max_sequence_length=N)


def wave(k: int, n: int = N) -> Tensor:
    """A row that holds one frequency, in every channel."""
    return torch.cos(2 * math.pi * k * torch.arange(n) / n)[None, :, None].expand(1, n, D)


def strength(x: Tensor) -> Tensor:
    return x[0].square().mean(0).sqrt()


@pytest.mark.parametrize("k", [1, 7, 23])
@pytest.mark.parametrize("n", [N, 32])
def test_a_filter_lets_a_wave_pass_as_strong_as_it_says(k: int, n: int) -> None:
    mixer = GFNet().build(DIMS)
    k = k % (n // 2)
    said = mixer.learned(n)
    assert isinstance(said, FrequencyResponse)
    assert said.frequency[k] == pytest.approx(k / n)
    passed = strength(mixer(wave(k, n))) / strength(wave(k, n))
    torch.testing.assert_close(said.gain[k], passed, rtol=1e-4, atol=1e-5)


def test_a_filter_on_a_grid_is_shown_by_the_length_of_its_frequency() -> None:
    mixer = GFNet(grid=(6, 8)).build(DIMS)
    with torch.no_grad():
        mixer.filter.zero_()
        mixer.filter[0, 1, :, 0] = 2.0
    said = mixer.learned(N)
    assert isinstance(said, FrequencyResponse)
    loud = said.gain[:, 0].nonzero().flatten().tolist()
    assert [float(said.frequency[k]) for k in loud] == pytest.approx([1 / 6])


@pytest.mark.parametrize("grid", [None, (6, 8)])
def test_a_network_on_frequencies_is_measured_on_the_tokens(grid: tuple[int, int] | None) -> None:
    mixer = AFNO(num_blocks=2, modes_seq=2, sparsity_threshold=0.0, grid=grid).build(DIMS)
    said = mixer.measured(torch.randn(1, N, D))
    assert isinstance(said, FrequencyResponse)
    assert said.origin == "measured"
    kept = said.frequency < (0.04 if grid is None else 0.2)
    assert (said.gain[kept] > 0.01).all()
    assert (said.gain[said.frequency > 0.4] < 1e-3).all()


@pytest.mark.parametrize("mode", ["pointwise", "channel", "level"])
def test_a_level_comes_out_as_strong_as_the_mixing_says(
    mode: Literal["pointwise", "channel", "level"],
) -> None:
    torch.manual_seed(1)
    mixer = Wavelet(wavelet="haar", levels=2, mixing_mode=mode).build(DIMS)
    said = mixer.learned(1 << 14)
    assert isinstance(said, LevelResponse)
    assert said.gain.shape == (3, D)
    x = torch.randn(1, 1 << 14, D)
    bank = mixer.bank()
    went = wavedec(x, bank, 2, "periodization")
    came = wavedec(mixer(x), bank, 2, "periodization")
    torch.testing.assert_close(waverec(went, bank, 1 << 14, "periodization"), x, atol=1e-4, rtol=0)
    order = [0, 2, 1]
    found = torch.stack([strength(c) for c in came])[order]
    # 4,096 and more coefficients in each level: their power is one to a few percent.
    torch.testing.assert_close(said.gain, found, rtol=0.05, atol=0.02)


def test_attention_says_from_how_many_and_how_far_it_takes() -> None:
    weights = torch.eye(N).roll(3, 1).expand(1, 2, N, N).clone()
    weights[:, 1] = 1 / N
    said = attention_response(weights)
    assert said.tokens == N
    np.testing.assert_allclose(said.entropy, [0, math.log(N)], atol=1e-6)
    place = np.arange(N)
    distances = [np.abs(place - np.roll(place, -3)).mean(), (N * N - 1) / (3 * N)]
    np.testing.assert_allclose(said.distance, distances, rtol=1e-6)
    mixer = Attention().build(DIMS)
    measured = mixer.measured(torch.zeros(1, N, D))
    assert isinstance(measured, AttentionResponse)
    np.testing.assert_allclose(measured.entropy.detach(), [math.log(N)] * 2, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(MIXERS))
def test_a_mixer_says_something_at_most_once(name: str) -> None:
    mixer = MIXERS[name]().build(Dims(hidden_dim=64, max_sequence_length=N))
    said = [mixer.learned(N), mixer.measured(torch.randn(1, N, 64))]
    assert sum(one is not None for one in said) == (name not in ("lst", "spectral_attention"))
