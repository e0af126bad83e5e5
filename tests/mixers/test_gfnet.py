"""The global filter is a circular convolution, at its own length and at others."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spectrans.mixers import Dims, GFNet, GFNetMixer


def mixer(length: int = 16, **options: Any) -> GFNetMixer:
    dims = Dims(hidden_dim=6, max_sequence_length=length)
    layer = GFNet(**options).build(dims).double()
    assert isinstance(layer, GFNetMixer)
    return layer


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Circular convolution of every channel with its own kernel, by torch's conv1d."""
    n, d = kernel.shape
    wrapped = F.pad(x.transpose(1, 2), (n - 1, 0), mode="circular")
    return F.conv1d(wrapped, kernel.flip(0).T[:, None], groups=d).transpose(1, 2)


@pytest.mark.parametrize("n", [2, 3, 16, 31])
def test_the_filter_is_a_circular_convolution(n: int) -> None:
    layer = mixer(n)
    kernel = torch.fft.irfft(layer.frequency_response(n), n=n, dim=0)
    x = torch.randn(2, n, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), convolve(x, kernel))


@pytest.mark.parametrize("n", [3, 9, 16, 40])
@pytest.mark.parametrize("resample", ["kernel", "modes"])
def test_a_shifted_row_gives_a_shifted_answer(n: int, resample: str) -> None:
    layer = mixer(resample=resample)
    x = torch.randn(2, n, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x.roll(2, 1)), layer(x).roll(2, 1))


@pytest.mark.parametrize("n", [16, 17])
def test_imaginary_parts_at_the_ends_of_the_spectrum_have_no_effect(n: int) -> None:
    layer = mixer(n)
    x = torch.randn(2, n, 6, dtype=torch.float64)
    before = layer(x)
    with torch.no_grad():
        layer.filter[0, :, 1] += 5
        if n % 2 == 0:
            layer.filter[-1, :, 1] += 5
    torch.testing.assert_close(layer(x), before)


def test_a_short_kernel_acts_the_same_at_every_length() -> None:
    layer = mixer(17)
    taps = torch.randn(5, 6, dtype=torch.float64)  # distances -2 to 2
    kernel = torch.cat([taps[2:], torch.zeros(12, 6, dtype=torch.float64), taps[:2]])
    with torch.no_grad():
        layer.filter.copy_(torch.view_as_real(torch.fft.rfft(kernel, dim=0)))
    x = torch.zeros(1, 40, 6, dtype=torch.float64)
    x[0, 20] = 1
    torch.testing.assert_close(layer(x)[0, 18:23], taps)
    torch.testing.assert_close(layer(x[:, 15:26])[0, 3:8], taps)


def test_modes_keep_the_response_of_every_frequency_index() -> None:
    layer = mixer(16, resample="modes")
    torch.testing.assert_close(layer.frequency_response(10), layer.frequency_response(16)[:6])
    longer = layer.frequency_response(30)
    torch.testing.assert_close(longer[:9], layer.frequency_response(16))
    assert not longer[9:].any()


@pytest.mark.parametrize(("activation", "bound"), [("sigmoid", 2**0.5), ("tanh", 2**0.5)])
def test_an_activation_bounds_the_response(activation: str, bound: float) -> None:
    layer = mixer(activation=activation)
    with torch.no_grad():
        layer.filter.mul_(100)
    assert layer.frequency_response(16).abs().max().item() <= bound
