"""Discrete wavelet transforms along tokens: any length, exact inverse, no loop over channels.

Conventions are those of PyWavelets. With taps h of even length L, extended samples x and out index
k, `c[k] = sum_m h[m] x[2k + 1 - m]`, or `x[2k + L/2 - m]` for `periodization`.
"""

from functools import cache
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from spectrans.errors import must, unknown
from spectrans.transforms.filterbank import FilterBank, analysis, synthesis
from spectrans.transforms.polyphase import cropped, ordered
from spectrans.transforms.precision import full_precision, widened

Boundary = Literal["periodization", "symmetric", "zero", "reflect"]


@cache
def filters(name: str) -> FilterBank:
    """Give the filters of a discrete wavelet, in float64.

    Parameters
    ----------
    name
        A name PyWavelets knows, such as `db4`, `sym6`, `coif2` or `bior2.2`.

    Returns
    -------
    FilterBank
        Filters scaled as PyWavelets scales them: the low-pass taps sum to the root of two.

    Raises
    ------
    ValueError
        `unknown wavelet <name>`, with the nearest match and the list.

    Examples
    --------
    >>> [round(tap, 4) for tap in filters("haar").dec_hi]
    [-0.7071, 0.7071]
    """
    import pywt

    known = pywt.wavelist(kind="discrete")
    if name not in known:
        raise ValueError(unknown("wavelet", name, known))
    return FilterBank(*(tuple(taps) for taps in pywt.Wavelet(name).filter_bank))


def coefficient_length(n: int, length: int, boundary: Boundary) -> int:
    """Give how many coefficients each band of one level has, for `n` samples and `length` taps."""
    half = (n + 1) // 2
    # Equal to floor((n + length - 1) / 2) for even `length`, but provably positive.
    return half if boundary == "periodization" else half + length // 2 - 1


def max_levels(n: int, length: int, boundary: Boundary, limit: int) -> int:
    """Give how many levels `n` samples allow, at most `limit`.

    A single sample allows none, and two or more always allow one, so that tokens mix. Another
    level is allowed while it makes the approximation shorter: from 2 samples on in
    `periodization`, ceil(log2 n) levels in all, and from `length` samples on otherwise, where
    shorter input would only breed boundary coefficients.

    Parameters
    ----------
    n
        Samples.
    length
        Taps of the filters.
    boundary
        What lies beyond the ends of a row.
    limit
        Most levels to give.

    Returns
    -------
    int
        Number of levels.

    Examples
    --------
    >>> [max_levels(n, 8, "periodization", 3) for n in (1, 2, 3, 4, 5, 100)]
    [0, 1, 2, 2, 3, 3]
    >>> [max_levels(n, 8, "symmetric", 3) for n in (1, 2, 7, 8, 10, 100)]
    [0, 1, 1, 1, 2, 3]
    """
    levels, least = 0, 2
    while levels < limit and n >= least:
        n = coefficient_length(n, length, boundary)
        levels += 1
        least = 2 if boundary == "periodization" else length
    return levels


def dwt(
    x: Float[Tensor, "b n d"], bank: FilterBank, boundary: Boundary = "periodization"
) -> tuple[Float[Tensor, "b k d"], Float[Tensor, "b k d"]]:
    """Split a signal once, into approximation and detail.

    Parameters
    ----------
    x
        Signals along the middle axis, of any length; at least 2 for `reflect`.
    bank
        The filters; taps with one column per channel filter each channel with its own.
    boundary
        What lies beyond the ends: `periodization` (wraps, with the last sample repeated when `n`
        is odd; no redundancy), `symmetric`, `reflect` or `zero` (all redundant).

    Returns
    -------
    tuple[Tensor, Tensor]
        Approximation and detail, each ceil(n / 2) long for `periodization` and
        floor((n + L - 1) / 2) otherwise, in the dtype of `x`.

    Notes
    -----
    Computed in float32 or wider. Orthogonal filters keep the energy in `periodization` when `n` is
    even. Cost: 2 L n d multiplications; the backward pass costs the same and, for fixed filters,
    keeps no tensor.
    """
    with full_precision(x):
        wide = widened(x)
        low, high = (ordered(taps, wide, backwards=True) for taps in bank[:2])
        wrap = boundary == "periodization"
        if not wrap:
            wide = _extended(wide, len(bank.dec_lo), boundary)
        approx, detail = analysis(wide, low, high, wrap)
        return approx.to(x.dtype), detail.to(x.dtype)


def idwt(
    approx: Float[Tensor, "b k d"],
    detail: Float[Tensor, "b k d"],
    bank: FilterBank,
    n: int,
    boundary: Boundary = "periodization",
) -> Float[Tensor, "b n d"]:
    """Join approximation and detail into the `n` samples they came from."""
    with full_precision(approx):
        a, d = widened(approx), widened(detail)
        low, high = (ordered(taps, a, backwards=False) for taps in bank[2:])
        y = synthesis(a, d, low, high, boundary == "periodization")
        return cropped(y, n).to(approx.dtype)


def wavedec(
    x: Float[Tensor, "b n d"], bank: FilterBank, levels: int, boundary: Boundary = "periodization"
) -> list[Float[Tensor, "b _ d"]]:
    """Split the approximation `levels` times.

    Parameters
    ----------
    x
        Signals along the middle axis.
    bank
        Filters.
    levels
        Times to split; `max_levels` says how often that makes sense.
    boundary
        What lies beyond the ends of a row.

    Returns
    -------
    list[Tensor]
        The approximation, then the details from the coarsest to the finest.
    """
    approx, details = widened(x), []
    for _ in range(levels):
        approx, detail = dwt(approx, bank, boundary)
        details.append(detail)
    return [c.to(x.dtype) for c in (approx, *reversed(details))]


def waverec(
    coefficients: list[Float[Tensor, "b _ d"]],
    bank: FilterBank,
    n: int,
    boundary: Boundary = "periodization",
) -> Float[Tensor, "b n d"]:
    """Join what `wavedec` split into the `n` samples it came from."""
    dtype = coefficients[0].dtype
    approx, details = widened(coefficients[0]), coefficients[1:]
    lengths = []
    for _ in details:
        lengths.append(n)
        n = coefficient_length(n, len(bank.rec_lo), boundary)
    for detail, length in zip(details, reversed(lengths), strict=True):
        approx = idwt(approx, widened(detail), bank, length, boundary)
    return approx.to(dtype)


def _extended(x: Tensor, length: int, boundary: Boundary) -> Tensor:
    """Give the samples at places 2 - L ... 2 (K - 1) + 1, which K coefficients look at."""
    n = x.shape[1]
    rows = 2 * (coefficient_length(n, length, boundary) + length // 2 - 1)
    place = torch.arange(rows, device=x.device) + (2 - length)
    if boundary == "zero":
        x = F.pad(x, (0, 0, 0, 1))
        return x.index_select(1, place.where((place >= 0) & (place < n), n))
    if boundary == "symmetric":
        period, turn = 2 * n, 2 * n - 1
    elif boundary == "reflect":
        if n < 2:
            raise ValueError(must("n", "be at least 2 for boundary 'reflect'", n))
        period = turn = 2 * (n - 1)
    else:
        raise ValueError(unknown("boundary", boundary, get_args(Boundary)))
    place = place % period
    return x.index_select(1, torch.minimum(place, turn - place))
