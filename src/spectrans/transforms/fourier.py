"""Fourier mixing over tokens and channels, Re(F_n x F_d), and four ways to compute it.

Normalisation "ortho" divides the two-dimensional DFT by sqrt(n d); "backward" does not scale.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms import routes
from spectrans.transforms.adjoint import linear
from spectrans.transforms.dft import waves
from spectrans.transforms.precision import full_precision, widened

Norm = Literal["ortho", "backward"]
Part = Literal["real", "hartley"]


def fourier_mix(
    x: Float[Tensor, "b n d"], norm: Norm = "ortho", part: Part = "real"
) -> Float[Tensor, "b n d"]:
    """Give Re(F_n x F_d), or Re - Im of it for the Hartley part.

    Parameters
    ----------
    x
        Rows of tokens.
    norm
        "ortho" or "backward".
    part
        "real" or "hartley".

    Returns
    -------
    Tensor
        In the dtype of `x`, computed in float32 or wider.

    Notes
    -----
    The operator is real and symmetric, so its derivative is itself: no tensor is kept for the
    backward pass. `routes.fourier` chooses how it is computed.
    """
    with full_precision(x):
        return _fourier_mix(x, norm, part)


def _compute(x: Tensor, norm: Norm, part: Part) -> Tensor:
    route = routes.fourier(x, part)
    if route == "matmul":
        return fourier_mix_matmul(widened(x), norm, part).to(x.dtype)
    if route == "traced":
        return fourier_mix_half(widened(x), norm, part).to(x.dtype)
    return (_folded if route == "folded" else _mirrored)(x, norm, part)


_fourier_mix = linear(_compute, lambda grad, norm, part: fourier_mix(grad, norm, part))


def fourier_mix_full(
    x: Float[Tensor, "b n d"], norm: Norm = "ortho", part: Part = "real"
) -> Float[Tensor, "b n d"]:
    """Give the same as `fourier_mix` by a complex FFT: the definition."""
    spectrum = torch.fft.fft2(x, dim=(-2, -1), norm=norm)
    return spectrum.real if part == "real" else spectrum.real - spectrum.imag


def fourier_mix_half(
    x: Float[Tensor, "b n d"], norm: Norm = "ortho", part: Part = "real"
) -> Float[Tensor, "b n d"]:
    """Give the same as `fourier_mix` from half of the spectrum, in one graph for every size.

    For real input Y[k, d-l] is the conjugate of Y[-k, l], so channels above d/2 are mirrored rows
    of channels below it.
    """
    d = x.shape[-1]
    half = torch.fft.rfft2(x, dim=(-2, -1), norm=norm)  # (b, n, d // 2 + 1)
    # Row k of the missing half is row -k mod n of the known one: row 0 stays, the others turn.
    mirrored = half[..., 1 : (d + 1) // 2].flip((-2, -1)).roll(1, -2)
    if part == "real":
        return torch.cat([half.real, mirrored.real], dim=-1)
    return torch.cat([half.real - half.imag, mirrored.real + mirrored.imag], dim=-1)


def _mirrored(x: Tensor, norm: Norm, part: Part) -> Tensor:
    """Do as `fourier_mix_half`, a few rows at a time and with every number written once."""
    n, d = x.shape[1:]
    known, scale = d // 2 + 1, _scale(n, d, norm)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    size = routes.rows_at_once(n * d)
    for rows, result in zip(x.split(size), out.split(size), strict=True):
        half = torch.fft.rfft2(widened(rows))
        below, above = result[..., :known], result[..., known:]
        if part == "real":
            # Scaled on the way: a scale inside the FFT is one more pass over the spectrum.
            torch.mul(half.real, scale, out=below)
            turned = below[..., 1 : (d + 1) // 2]
        else:
            torch.sub(half.real, half.imag, out=below).mul_(scale)
            turned = (half.real + half.imag)[..., 1 : (d + 1) // 2].mul_(scale)
        turned = turned.flip((-2, -1))
        above[:, 1:] = turned[:, :-1]
        above[:, :1] = turned[:, -1:]
    return out


def _folded(x: Tensor, norm: Norm, part: Part) -> Tensor:
    """Give the real part from the even half of each row, in a quarter of the work.

    Only e[j, l] = (x[j, l] + x[-j, -l]) / 2 counts. It is real and even: half of its channels say
    all, their DFT along the tokens half of its rows, and that is half of the spectrum, Hermitian
    along the channels, of a real result that is even again.
    """
    n, d = x.shape[1:]
    known, rows = d // 2 + 1, n // 2 + 1
    scale = _scale(n, d, norm) / 2
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    # One row at a time: the FFT along tokens would copy a larger batch to bring rows together.
    for row, result in zip(x.unbind(0), out.unbind(0), strict=True):
        row = widened(row)
        even = row.new_empty(n, known)  # twice e
        behind = row[:, d - known + 1 :]
        torch.add(row[1:, 1:known], behind[1:].flip((0, 1)), out=even[1:, 1:])
        torch.add(row[:1, 1:known], behind[:1].flip(1), out=even[:1, 1:])
        # What is odd in channel 0 becomes an imaginary part that the inverse FFT ignores.
        torch.mul(row[:, 0], 2, out=even[:, 0])
        spectrum = torch.fft.rfft(even, dim=0)
        # The inverse FFT turns the other way and gives y[-k]: no conjugate has to be taken.
        y = torch.fft.irfft(spectrum, n=d, dim=1, norm="forward")
        torch.mul(y[:, 0], scale, out=result[:rows, 0])
        torch.mul(y[:, 1:].flip(1), scale, out=result[:rows, 1:])
        torch.mul(y[1 : n - rows + 1].flip(0), scale, out=result[rows:])
    return out


def _scale(n: int, d: int, norm: Norm) -> float:
    return 1.0 if norm == "backward" else float((n * d) ** -0.5)


def fourier_mix_matmul(
    x: Float[Tensor, "b n d"], norm: Norm = "ortho", part: Part = "real"
) -> Float[Tensor, "b n d"]:
    """Give the same as `fourier_mix_full` by products with real matrices, of half size where even.

    With C and S for cos and sin, C_n x C_d - S_n x S_d is the real part of the transform and
    -(S_n x C_d + C_n x S_d) the imaginary one. Channels j and d - j meet the same cosine, and sines
    of opposite sign; the same holds for channels k and d - k of the result.
    """
    n, d = x.shape[-2:]
    ends, half = d // 2 + 1, (d + 1) // 2
    cos, sin = waves(d, ends, x, places=ends)
    behind = x[..., ends:].flip(-1)
    even = torch.cat([x[..., :1], x[..., 1:half] + behind, x[..., half:ends]], dim=-1)
    by_cos = even @ cos.mT  # (b, n, d // 2 + 1)
    by_sin = (x[..., 1:half] - behind) @ sin[1:half, 1:half].mT  # (b, n, (d - 1) // 2)
    cos, sin = waves(n, n, x)
    if part == "hartley":
        cos, sin = cos + sin, sin - cos
    from_cos = cos @ by_cos
    # Sines vanish at channel 0, and at d / 2 where there is one.
    from_sin = F.pad(sin @ by_sin, (1, ends - half))
    y = torch.cat([from_cos - from_sin, (from_cos + from_sin)[..., 1:half].flip(-1)], dim=-1)
    return y if norm == "ortho" else y * (n * d) ** 0.5
