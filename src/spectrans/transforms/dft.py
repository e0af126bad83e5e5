"""The DFT of real tokens, as pairs of real numbers, by an FFT or by products with real matrices.

Both directions are orthonormal. Only the n // 2 + 1 frequencies from 0 to 1/2 are held: a real
signal has the conjugate values at the others. A spectrum of `(b, n, d)` tokens is `(b, d, f, 2)`:
channel by channel, as FFTs leave it, with real and imaginary part last.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms import routes
from spectrans.transforms.adjoint import linear


def spectrum(x: Float[Tensor, "b n d"]) -> Float[Tensor, "b d f 2"]:
    """Give the DFT of each channel along the tokens."""
    return _spectrum(x, x.shape[1])


def signal(pairs: Float[Tensor, "b d f 2"], n: int) -> Float[Tensor, "b n d"]:
    """Give the `n` real samples that have this half of a spectrum: the inverse of `spectrum`.

    The imaginary parts at frequency 0, and at 1/2 for even `n`, count for nothing.
    """
    return _signal(pairs, n)


def _compute_spectrum(x: Tensor, n: int) -> Tensor:
    if routes.forced() == "matmul":
        cos, sin = waves(n, n // 2 + 1, x)
        return torch.stack((x.mT @ cos.mT, -(x.mT @ sin.mT)), dim=-1)
    if routes.short_rows(x, n):
        # Channel by channel, as FFTs leave it, without turning anything.
        return torch.bmm(x.mT, _kept(n, x.dtype)[0].expand(len(x), -1, -1)).unflatten(2, (-1, 2))
    return torch.view_as_real(torch.fft.rfft(x, dim=1, norm="ortho").mT.contiguous())


def _compute_signal(pairs: Tensor, n: int) -> Tensor:
    if routes.forced() == "matmul":
        cos, sin = waves(n, n // 2 + 1, pairs)
        real, imag = (pairs * twice(n, pairs)).unbind(-1)
        return (real @ cos - imag @ sin).mT
    if routes.short_rows(pairs, n):
        return torch.bmm(_kept(n, pairs.dtype)[1].expand(len(pairs), -1, -1), pairs.flatten(2).mT)
    z = torch.view_as_complex(pairs.contiguous())
    return torch.fft.irfft(z, n=n, dim=-1, norm="ortho").mT


# A frequency stands for itself and its mirror, in the inverse alone: hence the twos.
_spectrum = linear(_compute_spectrum, lambda grad, n: signal(grad / twice(n, grad), n))
_signal = linear(_compute_signal, lambda grad, n: spectrum(grad) * twice(n, grad))


# As many as there are short rows: a batch of distinct lengths asks for all in turn.
@lru_cache(maxsize=routes.SHORT_ROUGH)
def _kept(n: int, dtype: torch.dtype) -> tuple[Float[Tensor, "n two_f"], Float[Tensor, "n two_f"]]:
    """Give the matrices of `spectrum` and of `signal`, real and imaginary parts side by side."""
    with torch.inference_mode(mode=False), torch.no_grad():  # for training later
        like = torch.empty(0, dtype=dtype, device="cpu")
        cos, sin = waves(n, n // 2 + 1, like)
        ahead = torch.stack((cos, -sin), dim=1)  # (f, 2, n)
        back = ahead * twice(n, like)[..., None]
        return ahead.flatten(0, 1).mT.contiguous(), back.flatten(0, 1).mT.contiguous()


def twice(n: int, like: Tensor) -> Float[Tensor, "f 1"]:
    """Give 2 for a frequency that has a mirror, and 1 for 0 and 1/2, which are their own."""
    k = torch.arange(n // 2 + 1, device=like.device)
    own = (k == 0) | (2 * k == n)
    return (2 - own.to(like.dtype))[:, None]


def turned(pairs: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Multiply complex numbers, written as pairs, by the imaginary unit."""
    return torch.stack((-pairs[..., 1], pairs[..., 0]), dim=-1)


def plus_turned(
    a: Float[Tensor, "..."], b: Float[Tensor, "..."], c: Float[Tensor, "..."]
) -> Float[Tensor, "..."]:
    """Give a + i b + c of complex numbers written as pairs, in the shape of a and b."""
    if routes.forced() == "matmul" or torch.compiler.is_compiling():
        return a + turned(b) + c
    # In two passes. Compilers make one of the other form, and none of complex numbers.
    a, b, c = (torch.view_as_complex(pairs) for pairs in (a, b, c))
    return torch.view_as_real(torch.add(a, b, alpha=1j).add_(c))


def channel_modes(pairs: Float[Tensor, "b d f 2"], width: int) -> Float[Tensor, "b w f 2"]:
    """Give the `width` frequencies next to 0, of both signs, of the complex DFT of the channels."""
    ahead, behind = (width + 1) // 2, width // 2
    if routes.forced() == "matmul":
        cos, sin = _channel_waves(pairs.shape[1], width, pairs)
        by_cos, by_sin = _on_channels(cos, pairs), _on_channels(sin, pairs)
        return by_cos - turned(by_sin)
    z = torch.fft.fft(torch.view_as_complex(pairs.contiguous()), dim=1, norm="ortho")
    return torch.view_as_real(torch.cat([z[:, :ahead], z[:, z.shape[1] - behind :]], dim=1))


def channels(pairs: Float[Tensor, "b w f 2"], d: int) -> Float[Tensor, "b d f 2"]:
    """Give the `d` channels that have these frequencies next to 0 and no others."""
    width = pairs.shape[1]
    if routes.forced() == "matmul":
        cos, sin = _channel_waves(d, width, pairs)
        return _on_channels(cos.mT, pairs) + turned(_on_channels(sin.mT, pairs))
    z = torch.view_as_complex(pairs.contiguous())
    gap = z.new_zeros((z.shape[0], d - width, z.shape[2]))
    z = torch.cat([z[:, : (width + 1) // 2], gap, z[:, (width + 1) // 2 :]], dim=1)
    return torch.view_as_real(torch.fft.ifft(z, dim=1, norm="ortho"))


def _on_channels(matrix: Tensor, pairs: Tensor) -> Tensor:
    return (matrix @ pairs.flatten(2)).unflatten(2, (-1, 2))


def _channel_waves(d: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Give the waves of the frequencies 0, 1, ..., -2, -1."""
    cos, sin = waves(d, width // 2 + 1, like)
    ahead, behind = slice((width + 1) // 2), slice(1, width // 2 + 1)
    return (
        torch.cat([cos[ahead], cos[behind].flip(0)]),
        torch.cat([sin[ahead], -sin[behind].flip(0)]),
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
