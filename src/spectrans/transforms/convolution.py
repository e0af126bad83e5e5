"""Circular convolution along tokens, by a filter that is given per frequency and channel.

Written as rfft, product and irfft, autograd would keep two spectra and differentiate each FFT by
itself. Here input and filter are all that is kept, and the derivatives are written out.
"""

from collections.abc import Callable
from typing import Any, no_type_check

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from spectrans.transforms import routes
from spectrans.transforms.dft import signal, spectrum, turned, twice
from spectrans.transforms.precision import full_precision, widened


def convolve(x: Float[Tensor, "b n d"], response: Float[Tensor, "f d 2"]) -> Float[Tensor, "b n d"]:
    """Multiply the spectrum of each channel by its filter.

    Parameters
    ----------
    x
        Rows of tokens.
    response
        Real and imaginary part for the n // 2 + 1 frequencies from 0 to 1/2, in float32 or wider:
        the unscaled DFT of a real kernel. Imaginary parts at 0 and 1/2 count for nothing.

    Returns
    -------
    Tensor
        In the dtype of `x`, computed in float32 or wider.

    Notes
    -----
    Cost O(n d log n). `routes.convolution` chooses how it is computed.
    """
    with full_precision(x):
        if routes.is_plain(x, response) and not routes.needs_slope(x, response):
            return _compute(x, response)
        rule = _TracedConvolution if torch.compiler.is_compiling() else _Convolution
        return rule.apply(x, response)


def correlate(x: Float[Tensor, "b n d"], y: Float[Tensor, "b n d"]) -> Float[Tensor, "f d 2"]:
    """Give the derivative of `(y * convolve(x, response)).sum()` by the response."""
    with full_precision(x):
        rule = _TracedCorrelation if torch.compiler.is_compiling() else _Correlation
        return rule.apply(x, y)


def conjugate(response: Float[Tensor, "*rest 2"]) -> Float[Tensor, "*rest 2"]:
    """Turn the sign of imaginary parts: the filter that reads its kernel backwards."""
    return torch.stack((response[..., 0], -response[..., 1]), dim=-1)


# y * convolve(x, r), summed, is linear in each of x, y and r. Its derivatives are convolve(x, r) by
# y, convolve(y, conjugate(r)) by x and correlate(x, y) by r, and all that follows is made of them.
# The shape checks of the test run wrap methods in a way that graph capture cannot follow.
@no_type_check
class _TracedConvolution(Function):
    @staticmethod
    def forward(x: Tensor, response: Tensor) -> Tensor:
        return _compute(x, response)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, response = ctx.saved_tensors
        if all(ctx.needs_input_grad) and not torch.is_grad_enabled():
            return _Backward.apply(x, response, grad)
        by_x, by_response = ctx.needs_input_grad
        return (
            convolve(grad, conjugate(response)) if by_x else None,
            correlate(x, grad) if by_response else None,
        )


@no_type_check
class _Convolution(_TracedConvolution):
    """With the rules that graph capture refuses to see."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, response_tangent: Tensor) -> Tensor:
        x, response = ctx.saved_tensors
        return convolve(x_tangent, response) + convolve(x, response_tangent)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Tensor) -> tuple[Tensor, int]:
        if in_dims[1] is not None:
            return _one_by_one(convolve, info, in_dims, inputs), 0
        rows = inputs[0].movedim(in_dims[0], 0)
        return convolve(rows.flatten(0, 1), inputs[1]).unflatten(0, rows.shape[:2]), 0


@no_type_check
class _TracedCorrelation(Function):
    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        return _plain_correlation(x, y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        by_x, by_y = ctx.needs_input_grad
        return convolve(y, conjugate(grad)) if by_x else None, convolve(x, grad) if by_y else None


@no_type_check
class _Correlation(_TracedCorrelation):
    """With the rules that graph capture refuses to see."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, y_tangent: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return correlate(x_tangent, y) + correlate(x, y_tangent)

    @staticmethod
    def vmap(info: Any, in_dims: Any, *inputs: Tensor) -> tuple[Tensor, int]:
        return _one_by_one(correlate, info, in_dims, inputs), 0


@no_type_check
class _Backward(Function):
    """Both derivatives of a convolution with one spectrum of the gradient, not to differentiate."""

    @staticmethod
    def forward(x: Tensor, response: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        route = routes.convolution(x)
        if route == "plain":
            return _plain_convolution(grad, conjugate(response)), _plain_correlation(x, grad)
        return _BACK[route](x, response, grad)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        pass


def _one_by_one(
    function: Callable[..., Tensor],
    info: Any,
    in_dims: tuple[int | None, ...],
    inputs: tuple[Tensor, ...],
) -> Tensor:
    """Call a function for each place on the axis of a vmap."""
    pairs = list(zip(inputs, in_dims, strict=True))
    return torch.stack(
        [
            function(*(x if dim is None else x.select(dim, place) for x, dim in pairs))
            for place in range(info.batch_size)
        ]
    )


def _compute(x: Tensor, response: Tensor) -> Tensor:
    route = routes.convolution(x)
    if route == "plain":
        return _plain_convolution(x, response)
    return _AHEAD[route](x, response)


def _plain_convolution(x: Tensor, response: Tensor) -> Tensor:
    """Compute by tensor operations that any route, graph or transform of functions can follow."""
    z = spectrum(widened(x))
    real, imag = response.transpose(0, 1).unsqueeze(-1).unbind(-2)
    return signal(z * real + turned(z) * imag, x.shape[1]).to(x.dtype)


def _plain_correlation(x: Tensor, y: Tensor) -> Tensor:
    z, other = spectrum(widened(x)), spectrum(widened(y))
    real = (z * other).sum((0, -1))
    imag = (turned(z) * other).sum((0, -1))
    return torch.stack((real, imag), dim=-1).transpose(0, 1) * twice(x.shape[1], real)[..., None]


def _turned(response: Tensor) -> Tensor:
    """Give the filter as complex numbers, each channel's in one piece, as a spectrum lies."""
    pairs = response if response.stride(-1) == 1 else response.contiguous()
    # As a matrix of complex numbers, which torch turns far faster than pairs.
    return torch.view_as_complex(pairs).t().contiguous()  # (d, f)


def _factor(response: Tensor, n: int) -> Tensor:
    """Give what a spectrum is multiplied by on its way to an inverse FFT that does not scale."""
    # Pairs are divided by a real number far faster than complex numbers are.
    return torch.view_as_complex(torch.view_as_real(_turned(response)) / n)


def _by_rows(x: Tensor, response: Tensor) -> Tensor:
    """Take one row at a time, which stays in the cache."""
    n = x.shape[1]
    factor = _factor(response, n)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for row, result in zip(x.unbind(0), out.unbind(0), strict=True):
        z = _row_spectrum(row)
        result.copy_(torch.fft.irfft(z.mul_(factor), n=n, dim=1, norm="forward").t())
    return out


def _row_spectrum(row: Tensor) -> Tensor:
    """Give the unscaled spectrum, (d, f): to turn a row first is faster than an FFT across it."""
    return torch.fft.rfft(widened(row).t().contiguous(), dim=1)


def _at_once(x: Tensor, response: Tensor) -> Tensor:
    """Take all rows; the result lies in memory as the FFT leaves it, channel by channel."""
    n = x.shape[1]
    z = torch.fft.rfft(widened(x), dim=1).mul_(_factor(response, n).t())
    return torch.fft.irfft(z, n=n, dim=1, norm="forward").to(x.dtype)


def _back_by_rows(x: Tensor, response: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    n = x.shape[1]
    factor = _factor(response, n).conj_physical_()
    by_x, total = torch.empty_like(x, memory_format=torch.contiguous_format), 0 * factor
    for row, back, result in zip(x.unbind(0), grad.unbind(0), by_x.unbind(0), strict=True):
        z = _row_spectrum(back)
        total.addcmul_(_row_spectrum(row).conj_physical_(), z)
        result.copy_(torch.fft.irfft(z.mul_(factor), n=n, dim=1, norm="forward").t())
    return by_x, _as_gradient(total.t(), n)


def _back_at_once(x: Tensor, response: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    n = x.shape[1]
    z = torch.fft.rfft(widened(grad), dim=1)
    total = torch.fft.rfft(widened(x), dim=1).conj_physical_().mul_(z).sum(0)
    z.mul_(_factor(response, n).conj_physical_().t())
    return torch.fft.irfft(z, n=n, dim=1, norm="forward").to(x.dtype), _as_gradient(total, n)


def _short(x: Tensor, response: Tensor) -> Tensor:
    """Take all rows by products with real matrices."""
    z = torch.view_as_complex(spectrum(widened(x))).mul_(_turned(response))
    return signal(torch.view_as_real(z), x.shape[1]).to(x.dtype)


def _back_short(x: Tensor, response: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    n = x.shape[1]
    z = torch.view_as_complex(spectrum(widened(grad)))
    total = torch.view_as_complex(spectrum(widened(x))).conj_physical_().mul_(z).sum(0)
    pairs = torch.view_as_real(total.t().contiguous())
    z.mul_(_turned(response).conj_physical())
    by_x = signal(torch.view_as_real(z), n).to(x.dtype)
    return by_x, pairs * twice(n, pairs)[..., None]


_AHEAD = {"short": _short, "rows": _by_rows, "at once": _at_once}
_BACK = {"short": _back_short, "rows": _back_by_rows, "at once": _back_at_once}


def _as_gradient(total: Tensor, n: int) -> Tensor:
    """Give the derivative by the response from the summed product of unscaled spectra."""
    pairs = torch.view_as_real(total.contiguous())
    return pairs * (twice(n, pairs) / n)[..., None]
