"""Wavelet transforms: PyWavelets' numbers at every length, and an exact way back."""

from itertools import pairwise

import numpy as np
import pytest
import pywt
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spectrans.transforms.wavelet import (
    Boundary,
    coefficient_length,
    dwt,
    filters,
    idwt,
    max_levels,
    wavedec,
    waverec,
)

BOUNDARIES: tuple[Boundary, ...] = ("periodization", "symmetric", "zero", "reflect")
NAMED = [*(f"db{i}" for i in range(1, 9)), *(f"sym{i}" for i in range(2, 9))]
NAMED += ["coif1", "coif2", "coif3", "bior2.2", "bior4.4"]
DISCRETE = pywt.wavelist(kind="discrete")

every_boundary = pytest.mark.parametrize("boundary", BOUNDARIES)
every_name = pytest.mark.parametrize("name", NAMED)


def signal(n: int, d: int = 3) -> Tensor:
    return torch.randn(2, n, d, generator=torch.Generator().manual_seed(n), dtype=torch.float64)


@every_boundary
@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(DISCRETE), n=st.integers(2, 90))
def test_one_level_is_that_of_pywavelets(boundary: Boundary, name: str, n: int) -> None:
    x, bank = signal(n), filters(name)
    expected = pywt.dwt(x.numpy(), name, boundary, axis=1)
    found = dwt(x, bank, boundary)
    np.testing.assert_allclose(np.stack(found), np.stack(expected), rtol=0, atol=1e-12)
    back = pywt.idwt(*expected, name, boundary, axis=1)[:, :n]
    np.testing.assert_allclose(idwt(*found, bank, n, boundary), back, rtol=0, atol=1e-12)


@pytest.mark.parametrize("boundary", ["periodization", "symmetric", "zero"])
@every_name
def test_a_single_sample_is_split_as_pywavelets_does(name: str, boundary: Boundary) -> None:
    found = dwt(signal(1), filters(name), boundary)
    expected = pywt.dwt(signal(1).numpy(), name, boundary, axis=1)
    np.testing.assert_allclose(np.stack(found), np.stack(expected), rtol=0, atol=1e-12)


@every_boundary
@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(NAMED), n=st.integers(30, 300), levels=st.integers(1, 4))
@pytest.mark.filterwarnings("ignore:Level value of:UserWarning")
def test_all_levels_are_those_of_pywavelets(
    boundary: Boundary, name: str, n: int, levels: int
) -> None:
    found = wavedec(signal(n), filters(name), levels, boundary)
    expected = pywt.wavedec(signal(n).numpy(), name, boundary, levels, axis=1)
    assert [c.shape for c in found] == [c.shape for c in expected]
    np.testing.assert_allclose(torch.cat(found, 1), np.concatenate(expected, 1), rtol=0, atol=1e-11)


@every_boundary
@every_name
@pytest.mark.parametrize("n", [2, 3, 7, 16, 31])
def test_every_wavelet_gives_the_signal_back(name: str, boundary: Boundary, n: int) -> None:
    x, bank = signal(n), filters(name)
    levels = max_levels(n, len(bank.dec_lo), boundary, 3)
    back = waverec(wavedec(x, bank, levels, boundary), bank, n, boundary)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [n for n in NAMED if n.startswith(("db", "sym", "coif"))])
@pytest.mark.parametrize("n", [2, 6, 16, 64, 100])
def test_orthogonal_filters_keep_the_energy_of_even_rows(name: str, n: int) -> None:
    a, d = dwt(signal(n), filters(name))
    energy = a.square().sum(1) + d.square().sum(1)
    torch.testing.assert_close(energy, signal(n).square().sum(1), rtol=1e-10, atol=0)


@every_boundary
@pytest.mark.parametrize("name", ["haar", "db4", "sym8", "bior2.2"])
@pytest.mark.parametrize("n", [1, 2, 3, 16, 31])
def test_the_length_is_known_beforehand(name: str, boundary: Boundary, n: int) -> None:
    length = len(filters(name).dec_lo)
    expected = pywt.dwt_coeff_len(n, length, boundary)
    assert coefficient_length(n, length, boundary) == expected


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 5000), half=st.integers(1, 10), limit=st.integers(1, 12))
@every_boundary
def test_each_level_but_the_first_shortens_and_one_more_would_not(
    boundary: Boundary, n: int, half: int, limit: int
) -> None:
    length = 2 * half
    lengths = [n]
    for _ in range(max_levels(n, length, boundary, limit) + 1):
        lengths.append(coefficient_length(lengths[-1], length, boundary))
    *taken, left = lengths
    assert all(after < before for before, after in pairwise(taken[1:]))
    assert (len(taken) > 1) == (n > 1)
    assert len(taken) - 1 == limit or left >= taken[-1]


@every_boundary
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_a_round_trip_keeps_the_dtype_and_costs_two_roundings(
    dtype: torch.dtype, boundary: Boundary
) -> None:
    x, bank = signal(37).to(dtype), filters("db4")
    coefficients = wavedec(x, bank, 3, boundary)
    back = waverec(coefficients, bank, 37, boundary)
    assert {c.dtype for c in (*coefficients, back)} == {dtype}
    bound = 4 * torch.finfo(dtype).eps * x.abs().max().item()
    torch.testing.assert_close(back, x, rtol=0, atol=bound)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_one_level_rounds_once_each_way(dtype: torch.dtype) -> None:
    x, bank = signal(37).to(dtype), filters("db4")
    a, d = dwt(x, bank)
    expected = tuple(c.to(dtype) for c in dwt(x.float(), bank))
    torch.testing.assert_close((a, d), expected, rtol=0, atol=0)
    wide = idwt(a.float(), d.float(), bank, 37)
    torch.testing.assert_close(idwt(a, d, bank, 37), wide.to(dtype), rtol=0, atol=0)


def test_autocast_does_not_reach_the_transform() -> None:
    x, bank = signal(31).float(), filters("db4")
    expected = wavedec(x, bank, 2)
    with torch.autocast("cpu", torch.bfloat16):
        found = wavedec(x, bank, 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_an_unknown_wavelet_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"unknown wavelet 'db44'; did you mean 'db4'\?"):
        filters("db44")


def test_a_continuous_wavelet_is_unknown() -> None:
    with pytest.raises(ValueError, match="unknown wavelet 'mexh'"):
        filters("mexh")


def test_a_single_sample_has_nothing_to_reflect() -> None:
    with pytest.raises(ValueError, match="n must be at least 2 for boundary 'reflect', got 1"):
        dwt(signal(1), filters("db2"), "reflect")


@pytest.mark.usefixtures("without_shape_checks")
def test_an_unknown_boundary_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown boundary 'zeros'; did you mean 'zero'"):
        dwt(signal(4), filters("db2"), "zeros")  # type: ignore[arg-type]
