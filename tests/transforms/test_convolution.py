"""Circular convolution by frequency: its values, its derivatives, and what it keeps."""

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from spectrans.mixers import Dims, GFNet
from spectrans.transforms import routes
from spectrans.transforms.convolution import convolve, correlate

every_length = pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 16])


@pytest.fixture(params=["plain", "short", "rows", "at once"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(routes, "convolution", lambda x: request.param)
    return str(request.param)


def response_of(n: int, d: int = 3) -> Tensor:
    return torch.randn(n // 2 + 1, d, 2, dtype=torch.float64)


def written_out(x: Tensor, response: Tensor) -> Tensor:
    """Multiply spectra, differentiated by autograd."""
    spectrum = torch.fft.rfft(x, dim=1) * torch.view_as_complex(response)
    return torch.fft.irfft(spectrum, n=x.shape[1], dim=1)


@pytest.mark.usefixtures("route")
@every_length
def test_values_and_slopes_are_those_of_spectra_written_out(n: int) -> None:
    x = torch.randn(3, n, 3, dtype=torch.float64, requires_grad=True)
    response = response_of(n).requires_grad_()
    back = torch.randn(3, n, 3, dtype=torch.float64)
    y, expected = convolve(x, response), written_out(x, response)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
    slopes = torch.autograd.grad(y, (x, response), back)
    expected_slopes = torch.autograd.grad(expected, (x, response), back)
    torch.testing.assert_close(slopes, expected_slopes, rtol=0, atol=1e-11)
    torch.testing.assert_close(correlate(x, back), expected_slopes[1], rtol=0, atol=1e-11)


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("frozen", ["x", "response"])
def test_one_side_alone_may_be_trained(frozen: str) -> None:
    x, response = torch.randn(2, 6, 3, dtype=torch.float64), response_of(6)
    trained = response if frozen == "x" else x
    trained.requires_grad_()
    back = torch.randn(2, 6, 3, dtype=torch.float64)
    (slope,) = torch.autograd.grad(convolve(x, response), trained, back)
    (expected,) = torch.autograd.grad(written_out(x, response), trained, back)
    torch.testing.assert_close(slope, expected, rtol=0, atol=1e-12)


# Forward mode loads a part of torch that torch has deprecated.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.usefixtures("route", "without_shape_checks")
@pytest.mark.parametrize("n", [4, 5])
def test_every_route_has_every_derivative(n: int) -> None:
    x = torch.randn(2, n, 2, dtype=torch.float64, requires_grad=True)
    y = torch.randn(2, n, 2, dtype=torch.float64, requires_grad=True)
    response = response_of(n, 2).requires_grad_()
    assert gradcheck(convolve, (x, response), check_forward_ad=True)
    assert gradgradcheck(convolve, (x, response))
    assert gradcheck(correlate, (x, y), check_forward_ad=True)
    assert gradgradcheck(correlate, (x, y))


@pytest.mark.usefixtures("without_shape_checks")
def test_transforms_of_functions_go_through() -> None:
    x, response = torch.randn(3, 2, 5, 3, dtype=torch.float64), response_of(5)
    filters = torch.stack([response, -response, 2 * response])
    torch.testing.assert_close(
        torch.vmap(convolve, in_dims=(0, None))(x, response),
        torch.stack([convolve(row, response) for row in x]),
    )
    torch.testing.assert_close(
        torch.vmap(convolve)(x, filters),
        torch.stack([convolve(row, own) for row, own in zip(x, filters, strict=True)]),
    )

    def loss(response: Tensor, row: Tensor) -> Tensor:
        return convolve(row, response).pow(2).sum()

    torch.testing.assert_close(
        torch.vmap(torch.func.grad(loss), in_dims=(None, 0))(response, x),
        torch.stack([2 * correlate(row, convolve(row, response)) for row in x]),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.usefixtures("route")
def test_every_precision_is_computed_in_float32_and_comes_back(dtype: torch.dtype) -> None:
    x, response = torch.randn(2, 30, 3).to(dtype), response_of(30)
    y, expected = convolve(x, response.float()), written_out(x.double(), response)
    assert y.dtype == dtype
    bound = torch.finfo(dtype).eps * expected.abs().max().item() + 1e-6
    assert (y.double() - expected).abs().max().item() < bound


def test_only_the_input_and_the_filter_are_kept_for_the_backward_pass() -> None:
    kept: list[int] = []
    mixer = GFNet().build(Dims(hidden_dim=6, max_sequence_length=8))
    x = torch.randn(4, 8, 6, requires_grad=True)

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        mixer(x)
    assert sorted(kept) == [mixer.filter.numel(), x.numel()]


def test_one_thread_takes_large_rows_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = torch.empty(8, 512, 768), torch.empty(64, 128, 512)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert (routes.convolution(large), routes.convolution(small)) == ("rows", "at once")
    assert routes.convolution(small[:1]) == "rows"
    assert routes.convolution(small[:, :64]) == "short"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert routes.convolution(large) == "at once"
