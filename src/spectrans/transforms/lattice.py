"""Learned orthogonal filter banks as rotations: whatever the angles, the inverse is exact.

Each stage rotates the low and the high filter into each other and delays the high one by two
samples. Every orthogonal pair of filters of length L is a chain of L/2 such stages.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from spectrans.errors import must
from spectrans.transforms.filterbank import FilterBank
from spectrans.transforms.precision import full_precision, widened
from spectrans.transforms.wavelet import filters


def orthogonal_bank(angles: Float[Tensor, "half ..."]) -> FilterBank:
    """Give the filters of length L that L/2 rotation angles describe.

    Parameters
    ----------
    angles
        In radians, any values: one column per channel, or a single one for all.

    Returns
    -------
    FilterBank
        Filters (L) or (L, d) in float32 or wider, differentiable by the angles, of length one and
        orthogonal to their own shifts by two: `idwt` inverts `dwt` exactly in `periodization`.

    Notes
    -----
    Source: Vaidyanathan and Hoang 1988, *Lattice structures for optimal design and robust
    implementation of two-channel perfect-reconstruction QMF banks*; learned per channel as in
    Zhuang et al. 2022, *WavSpA*, arXiv:2210.01989.
    """
    with full_precision(angles):
        cos, sin = widened(angles).cos(), widened(angles).sin()
        low, high = torch.stack((cos[0], sin[0])), torch.stack((-sin[0], cos[0]))
        for c, s in zip(cos[1:], sin[1:], strict=True):
            early, late = _delayed(low, 0, 2), _delayed(high, 2, 0)
            low, high = c * early + s * late, c * late - s * early
        return FilterBank(low, high, low.flip(0), high.flip(0))


def wavelet_angles(name: str) -> Float[Tensor, " half"]:
    """Give the float64 angles of a named orthogonal wavelet.

    Parameters
    ----------
    name
        A name PyWavelets knows.

    Returns
    -------
    Tensor
        L/2 angles in radians, from which `orthogonal_bank` makes the wavelet again.

    Raises
    ------
    ValueError
        `wavelet must be orthogonal, and rebuilt by its angles to 1e-10, to be learnable, got
        <name>`: biorthogonal wavelets, `dmey`, and orders above db13 or coif10, whose outer taps
        are too small to tell an angle.

    Examples
    --------
    >>> [round(float(angle), 4) for angle in wavelet_angles("db2") / torch.pi]
    [-0.3333, 0.5833]
    """
    bank = filters(name)
    low, high = list(bank.dec_lo), list(bank.dec_hi)
    angles = []
    while len(low) > 2:
        # Undo the last stage: the rotation that frees the low filter of its last two taps.
        tap = max((-1, -2), key=lambda i: math.hypot(low[i], high[i]))
        angles.append(math.atan2(low[tap], high[tap]))
        c, s = math.cos(angles[-1]), math.sin(angles[-1])
        pairs = list(zip(low, high, strict=True))
        low = [c * h - s * g for h, g in pairs[:-2]]
        high = [s * h + c * g for h, g in pairs[2:]]
    angles.append(math.atan2(low[1], low[0]))
    # Numbers are needed here even where a model is built without any, to count its weights.
    with torch.device("cpu"):
        found = torch.tensor(angles[::-1], dtype=torch.float64)
        rebuilt = orthogonal_bank(found)
        error = max(
            float((torch.as_tensor(a) - torch.tensor(b, dtype=torch.float64)).abs().max())
            for a, b in zip(rebuilt, bank, strict=True)
        )
    if error > 1e-10:
        rule = "be orthogonal, and rebuilt by its angles to 1e-10, to be learnable"
        raise ValueError(must("wavelet", rule, name))
    return found.to(torch.get_default_device())


def _delayed(taps: Tensor, before: int, after: int) -> Tensor:
    """Put zeros before and after the taps, along their first axis."""
    return F.pad(taps, (*(0, 0) * (taps.dim() - 1), before, after))
