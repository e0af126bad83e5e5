"""The DFT of real tokens as pairs: numpy's values by every route, and which route is taken."""

import numpy as np
import pytest
import torch
from torch import Tensor

from spectrans.transforms import routes
from spectrans.transforms.dft import signal, spectrum

# A matrix up to 64 tokens, and further on where the length is awkward for an FFT.
LENGTHS = [1, 2, 3, 31, 64, 66, 95, 127, 128, 199, 211]

every_length = pytest.mark.parametrize("n", LENGTHS)
every_layout = pytest.mark.parametrize("turned", [False, True], ids=["tokens", "channels"])


def tokens(n: int, turned: bool) -> Tensor:
    """Make three rows, which lie token by token or channel by channel in memory."""
    x = torch.randn(3, 5, n, dtype=torch.float64).mT
    return x if turned else x.contiguous()


def pairs_of(z: np.ndarray) -> Tensor:
    return torch.view_as_real(torch.from_numpy(z))


@every_layout
@every_length
def test_a_spectrum_has_the_values_of_numpy(n: int, turned: bool) -> None:
    x = tokens(n, turned)
    expected = np.fft.rfft(x.numpy(), axis=1, norm="ortho").swapaxes(1, 2)
    torch.testing.assert_close(spectrum(x), pairs_of(expected), rtol=0, atol=1e-12)


@every_length
def test_a_signal_has_the_values_of_numpy_whatever_its_own_frequencies_turn_by(n: int) -> None:
    pairs = torch.randn(3, 5, n // 2 + 1, 2, dtype=torch.float64)
    expected = np.fft.irfft(torch.view_as_complex(pairs), n=n, axis=2, norm="ortho").swapaxes(1, 2)
    torch.testing.assert_close(signal(pairs, n), torch.from_numpy(expected), rtol=0, atol=1e-12)


@every_length
def test_float32_is_as_exact_by_the_matrix_as_by_the_fft(n: int) -> None:
    x = tokens(n, turned=False)
    expected = spectrum(x)
    with routes.using("fft"):
        by_fft = (spectrum(x.float()) - expected).abs().max()
    assert (spectrum(x.float()) - expected).abs().max() < 4 * by_fft + 1e-6


def test_short_and_awkward_lengths_go_through_the_matrix() -> None:
    taken = [n for n in LENGTHS if routes.short_rows(torch.empty(1, n, 4), n)]
    assert taken == [1, 2, 3, 31, 64, 95, 127, 199]


def test_other_devices_forced_routes_and_no_tokens_do_not() -> None:
    x = torch.empty(1, 31, 4)
    assert not routes.short_rows(x.to("meta"), 31)
    assert not routes.short_rows(x[:, :0], 0)
    with routes.using("fft"):
        assert not routes.short_rows(x, 31)


def test_matrices_that_inference_made_serve_training() -> None:
    x = torch.randn(1, 53, 4)
    with torch.inference_mode():
        spectrum(x)
    x.requires_grad_()
    signal(spectrum(x), 53).sum().backward()
    torch.testing.assert_close(x.grad, torch.ones_like(x))
