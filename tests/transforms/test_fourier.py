"""Fourier mixing against SciPy, and its identities."""

from collections.abc import Callable

import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spectrans.transforms.fourier import Norm, fourier_mix_full, fourier_mix_half

Mix = Callable[..., Tensor]

lengths = st.integers(1, 40)
routes = pytest.mark.parametrize("mix", [fourier_mix_full, fourier_mix_half])
norms = pytest.mark.parametrize("norm", ["ortho", "backward"])


def signal(n: int, d: int) -> Tensor:
    return torch.randn(2, n, d, dtype=torch.float64)


@routes
@norms
@settings(deadline=None, max_examples=30)
@given(n=lengths, d=lengths)
def test_mixing_is_the_real_part_of_scipys_transform(mix: Mix, norm: Norm, n: int, d: int) -> None:
    x = signal(n, d)
    spectrum = scipy.fft.fft2(x.numpy(), axes=(1, 2), norm=norm)
    real, hartley = torch.from_numpy(spectrum.real), torch.from_numpy(spectrum.real - spectrum.imag)
    torch.testing.assert_close(mix(x, norm, "real"), real, rtol=0, atol=1e-11)
    torch.testing.assert_close(mix(x, norm, "hartley"), hartley, rtol=0, atol=1e-11)


@routes
@settings(deadline=None, max_examples=30)
@given(n=lengths, d=lengths)
def test_mixing_is_its_own_adjoint(mix: Mix, n: int, d: int) -> None:
    x, y = signal(n, d), signal(n, d)
    torch.testing.assert_close((mix(x) * y).sum(), (x * mix(y)).sum(), rtol=1e-10, atol=1e-10)


@settings(deadline=None, max_examples=30)
@given(n=lengths, d=lengths)
def test_the_real_part_twice_is_the_even_half_of_the_signal(n: int, d: int) -> None:
    x = signal(n, d)
    turned = x.flip((1, 2)).roll((1, 1), (1, 2))
    twice = fourier_mix_half(fourier_mix_half(x))
    torch.testing.assert_close(twice, (x + turned) / 2, rtol=0, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(n=lengths, d=lengths)
def test_the_hartley_part_twice_is_the_signal(n: int, d: int) -> None:
    x = signal(n, d)
    twice = fourier_mix_half(fourier_mix_half(x, "ortho", "hartley"), "ortho", "hartley")
    torch.testing.assert_close(twice, x, rtol=0, atol=1e-12)


@routes
def test_gradients_are_exact(mix: Mix) -> None:
    x = torch.randn(1, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(mix, x)
    assert torch.autograd.gradgradcheck(mix, x)
