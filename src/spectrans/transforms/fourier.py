"""Fourier mixing over tokens and channels, and its half-spectrum form for real input.

Normalisation "ortho" divides the two-dimensional DFT by sqrt(n d); "backward" does not scale.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

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
