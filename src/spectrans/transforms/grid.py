"""The real DFT of rows that are grids of tokens, by an FFT or by products with real matrices."""

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms import routes
from spectrans.transforms.dft import waves


def grid_spectrum(x: Float[Tensor, "b h w d"]) -> Float[Tensor, "b h f d 2"]:
    """Give the orthonormal two-dimensional DFT of each channel, real and imaginary part last.

    Along the height all h frequencies are held, along the width those from 0 to 1/2.
    """
    if routes.forced() != "matmul":
        z = torch.fft.rfft2(x, dim=(1, 2), norm="ortho")
        return torch.view_as_real(z.contiguous())
    h, w = x.shape[1:3]
    cos, sin = waves(w, w // 2 + 1, x)
    real, imag = cos @ x, -(sin @ x)
    cos, sin = waves(h, h, x)
    return torch.stack(
        [_down(cos, real) + _down(sin, imag), _down(cos, imag) - _down(sin, real)], -1
    )


def grid_signal(pairs: Float[Tensor, "b h f d 2"], w: int) -> Float[Tensor, "b h w d"]:
    """Give the grid of width `w` that has this half of a spectrum: the inverse of `grid_spectrum`.

    What is not the spectrum of a real grid counts for nothing.
    """
    h = pairs.shape[1]
    if routes.forced() != "matmul":
        z = torch.view_as_complex(pairs.contiguous())
        if w == 1:  # as one column, cuFFT takes half of it for the whole
            return torch.fft.ifft(z, dim=1, norm="ortho").real
        return torch.fft.irfft2(z, s=(h, w), dim=(1, 2), norm="ortho")
    real, imag = pairs.unbind(-1)
    cos, sin = waves(h, h, real)
    real, imag = _down(cos, real) - _down(sin, imag), _down(cos, imag) + _down(sin, real)
    cos, sin = waves(w, w // 2 + 1, real)
    k = torch.arange(w // 2 + 1, device=real.device)
    # A frequency stands for itself and its mirror, except 0 and 1/2, which are their own.
    alone = (k == 0) | (2 * k == w)
    twice = torch.full_like(k, 2.0, dtype=real.dtype).masked_fill(alone, 1.0)[:, None]
    return (cos * twice).mT @ real - (sin * twice).mT @ imag


def _down(matrix: Float[Tensor, "k h"], x: Float[Tensor, "b h f d"]) -> Float[Tensor, "b k f d"]:
    """Apply a matrix along the height."""
    return torch.tensordot(x, matrix, dims=([1], [1])).movedim(-1, 1)
