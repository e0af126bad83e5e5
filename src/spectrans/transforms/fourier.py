"""Fourier mixing over tokens and channels, and its half-spectrum form for real input.

Normalisation "ortho" divides the two-dimensional DFT by sqrt(n d); "backward" does not scale.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms.dft import waves

Norm = Literal["ortho", "backward"]
Part = Literal["real", "hartley"]


def fourier_mix_full(
    x: Float[Tensor, "b n d"], norm: Norm = "ortho", part: Part = "real"
) -> Float[Tensor, "b n d"]:
    """Give Re(F_n x F_d), or Re - Im of it for the Hartley part, by a complex FFT."""
    spectrum = torch.fft.fft2(x, dim=(-2, -1), norm=norm)
    return spectrum.real if part == "real" else spectrum.real - spectrum.imag


def fourier_mix_half(
    x: Float[Tensor, "b n d"], norm: Norm = "ortho", part: Part = "real"
) -> Float[Tensor, "b n d"]:
    """Give the same as `fourier_mix_full` from half of the spectrum, at half the work.

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
