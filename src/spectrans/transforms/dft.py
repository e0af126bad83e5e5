"""The real DFT along tokens as pairs of real tensors, by an FFT or by products with real matrices.

Both directions are orthonormal. Only the n // 2 + 1 frequencies from 0 to 1/2 are held: a real
signal has the conjugate values at the others.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms import routes

# Real and imaginary part, both (..., frequencies, channels).
Parts = tuple[Float[Tensor, "..."], Float[Tensor, "..."]]


def spectrum(x: Float[Tensor, "*rest n d"]) -> Parts:
    """Give the real and the imaginary part of the DFT of each channel along the tokens."""
    if routes.forced() == "matmul":
        cos, sin = waves(x.shape[-2], x.shape[-2] // 2 + 1, x)
        return cos @ x, -(sin @ x)
    z = torch.fft.rfft(x, dim=-2, norm="ortho")
    return z.real, z.imag


def signal(parts: Parts, n: int) -> Float[Tensor, "*rest n d"]:
    """Give the `n` real samples that have this half of a spectrum: the inverse of `spectrum`.

    The imaginary parts at frequency 0, and at 1/2 for even `n`, count for nothing.
    """
    real, imag = parts
    if routes.forced() == "matmul":
        cos, sin = waves(n, n // 2 + 1, real)
        k = torch.arange(n // 2 + 1, device=real.device)
        # A frequency stands for itself and its mirror, except 0 and 1/2, which are their own.
        alone = (k == 0) | (2 * k == n)
        twice = torch.full_like(k, 2.0, dtype=real.dtype).masked_fill(alone, 1.0)[:, None]
        return (cos * twice).mT @ real - (sin * twice).mT @ imag
    return torch.fft.irfft(torch.complex(real, imag), n=n, dim=-2, norm="ortho")


def channel_modes(parts: Parts, width: int) -> Parts:
    """Give the `width` frequencies next to 0, of both signs, of the complex DFT of the channels."""
    real, imag = parts
    if routes.forced() == "matmul":
        cos, sin = _channel_waves(real.shape[-1], width, real)
        return real @ cos.mT + imag @ sin.mT, imag @ cos.mT - real @ sin.mT
    z = torch.fft.fft(torch.complex(real, imag), dim=-1, norm="ortho")
    z = torch.cat([z[..., : (width + 1) // 2], z[..., z.shape[-1] - width // 2 :]], dim=-1)
    return z.real, z.imag


def channels(parts: Parts, d: int) -> Parts:
    """Give the `d` channels that have these frequencies next to 0 and no others."""
    real, imag = parts
    width = real.shape[-1]
    if routes.forced() == "matmul":
        cos, sin = _channel_waves(d, width, real)
        return real @ cos - imag @ sin, imag @ cos + real @ sin
    z = torch.complex(real, imag)
    gap = z.new_zeros((*z.shape[:-1], d - width))
    z = torch.cat([z[..., : (width + 1) // 2], gap, z[..., (width + 1) // 2 :]], dim=-1)
    z = torch.fft.ifft(z, dim=-1, norm="ortho")
    return z.real, z.imag


def _channel_waves(d: int, width: int, like: Tensor) -> Parts:
    """Give the waves of the frequencies 0, 1, ..., -2, -1."""
    cos, sin = waves(d, width // 2 + 1, like)
    behind = slice(1, width // 2 + 1)
    ahead = (width + 1) // 2
    return (
        torch.cat([cos[:ahead], cos[behind].flip(0)]),
        torch.cat([sin[:ahead], -sin[behind].flip(0)]),
    )


def waves(
    n: int, frequencies: int, like: Tensor, places: int | None = None
) -> tuple[Float[Tensor, "f j"], Float[Tensor, "f j"]]:
    """Give cos and sin of 2 pi k j / n over sqrt(n): a row per frequency k, a column per place j.

    Built of tensor operations only, so that a traced n stays free. All n places unless told.
    """
    place = torch.arange(n, device=like.device)
    size = place[-1:] + 1
    k = torch.arange(frequencies, device=like.device)
    # Reduced to one turn in whole numbers, or float32 would lose the phase for large n.
    turns = (k[:, None] * place[:places] % size).to(like.dtype) / size.to(like.dtype)
    angle, scale = turns * (2 * math.pi), size.to(like.dtype).rsqrt()
    return angle.cos() * scale, angle.sin() * scale
