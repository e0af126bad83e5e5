"""Cosine and sine transforms along the token axis, orthonormal, for any number of tokens.

Each is a real FFT of as many points as there are tokens (Makhoul 1980, IEEE Transactions on
Acoustics, Speech, and Signal Processing 28(1), section III); few tokens go through the matrix.
Orthonormal means that the inverse is the transpose and that power is kept.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from spectrans.transforms import routes
from spectrans.transforms.precision import full_precision, widened

# Up to here the matrix is faster forward and backward, for 256 and 768 channels on one CPU core: of
# lengths with small prime factors, and of others, of which an FFT is two to four times as slow.
_MATRIX_UP_TO = 192
_MATRIX_UP_TO_ROUGH = 320
_SMALL_PRIMES = (2, 3, 5, 7, 11, 13)


def dct(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Give the orthonormal DCT-II of each channel along the tokens.

    X[k] = s_k sum_j x[j] cos(pi (2j + 1) k / 2n), with s_0 = sqrt(1/n) and s_k = sqrt(2/n).

    Parameters
    ----------
    x
        Tokens on the axis before the last; n >= 1.

    Returns
    -------
    Tensor
        Index k has the frequency k / 2n cycles per token. Computed in float32 or wider.

    Notes
    -----
    Cost O(n d log n). One compiled or exported graph serves every n >= 2.
    """
    with full_precision(x):
        wide = widened(x)
        if _use_matrix(wide):
            return (_dct_matrix(wide) @ wide).to(x.dtype)
        return _dct_by_fft(wide).to(x.dtype)


def idct(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Give the inverse of `dct`: the orthonormal DCT-III along the tokens."""
    with full_precision(x):
        wide = widened(x)
        if _use_matrix(wide):
            return (_dct_matrix(wide).mT @ wide).to(x.dtype)
        return _idct_by_fft(wide).to(x.dtype)


def dst(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Give the orthonormal DST-II of each channel along the tokens.

    X[k] = s_k sum_j x[j] sin(pi (2j + 1) (k + 1) / 2n), with s_(n-1) = sqrt(1/n), else sqrt(2/n).
    It is the DCT-II of the input with alternating signs, read backwards.

    Parameters
    ----------
    x
        Tokens on the axis before the last; n >= 1.

    Returns
    -------
    Tensor
        Index k has the frequency (k + 1) / 2n cycles per token. Computed in float32 or wider.

    Notes
    -----
    Cost O(n d log n). One compiled or exported graph serves every n >= 2.
    """
    with full_precision(x):
        wide = widened(x)
        if _use_matrix(wide):
            return (_dst_matrix(wide) @ wide).to(x.dtype)
        return _dct_by_fft(wide * _alternating(wide)).flip(-2).to(x.dtype)


def idst(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Give the inverse of `dst`: the orthonormal DST-III along the tokens."""
    with full_precision(x):
        wide = widened(x)
        if _use_matrix(wide):
            return (_dst_matrix(wide).mT @ wide).to(x.dtype)
        return (_idct_by_fft(wide.flip(-2)) * _alternating(wide)).to(x.dtype)


def _use_matrix(x: Tensor) -> bool:
    """Say whether the matrix is the faster route; a traced graph must not depend on the length."""
    if routes.forced() is not None:
        return routes.forced() == "matmul"
    if torch.compiler.is_compiling():
        return False
    n = x.shape[-2]
    return n <= _MATRIX_UP_TO or (n <= _MATRIX_UP_TO_ROUGH and routes.is_rough(n, _SMALL_PRIMES))


def _dct_matrix(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "n n"]:
    # In this order: to compare a traced length would tie the graph to it.
    if routes.is_plain(x) and x.shape[-2] <= _MATRIX_UP_TO_ROUGH:
        return _kept_matrix(x.shape[-2], x.dtype)
    return _make_matrix(torch.arange(x.shape[-2], device=x.device), x.dtype)


# An inverse follows its transform, and one layer another: few lengths are in use at once.
@lru_cache(maxsize=4)
def _kept_matrix(n: int, dtype: torch.dtype) -> Float[Tensor, "n n"]:
    with torch.inference_mode(mode=False), torch.no_grad():  # for training later
        return _make_matrix(torch.arange(n, device="cpu"), dtype)


def _make_matrix(place: Int[Tensor, " n"], dtype: torch.dtype) -> Float[Tensor, "n n"]:
    size = place[-1:] + 1  # a tensor, so that a traced n stays free
    # The phase is reduced to one turn in whole numbers, or float32 would lose it for large n.
    quarters = ((2 * place + 1) * place[:, None] % (4 * size)).to(dtype) / size.to(dtype)
    scale = _but_first(place, 1.0, math.sqrt(2), dtype) * size.to(dtype).rsqrt()
    return torch.cos(quarters * (math.pi / 2)) * scale[:, None]


def _dst_matrix(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "n n"]:
    return _dct_matrix(x).flip(0) * _alternating(x).mT


def _but_first(k: Tensor, first: float, others: float, dtype: torch.dtype) -> Float[Tensor, " k"]:
    """Give `others` for every index but 0."""
    return torch.full_like(k, others, dtype=dtype).masked_fill(k == 0, first)


def _alternating(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "n 1"]:
    """Give +1, -1, +1, ... along the tokens."""
    return (1 - 2 * (torch.arange(x.shape[-2], device=x.device) % 2)).to(x.dtype)[:, None]


def _twiddle(x: Tensor, size: int) -> Complex[Tensor, "k 1"]:
    """Give sqrt(2) exp(-i pi k / 2n), and 1 for k = 0: what turns the DFT into the DCT."""
    k = torch.arange(size, device=x.device)
    angle = k.to(x.dtype) * (-math.pi / (2 * x.shape[-2]))
    return torch.polar(_but_first(k, 1.0, math.sqrt(2), x.dtype), angle)[:, None]


def _dct_by_fft(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    if _is_by_pairs(x):
        return _dct_by_pairs(x)
    n = x.shape[-2]
    spectrum = torch.fft.rfft(_evens_then_odds(x), dim=-2, norm="ortho")
    turned = spectrum * _twiddle(x, n // 2 + 1)  # (..., n // 2 + 1, d)
    # X[k] = Re Z[k], and by the symmetry of a real input X[n - k] = -Im Z[k].
    if torch.compiler.is_compiling():
        k = torch.arange(n, device=x.device)
        folded = turned.index_select(x.dim() - 2, torch.minimum(k, n - k))
        return torch.where((2 * k > n)[:, None], -folded.imag, folded.real)
    return torch.cat([turned.real, -turned.imag[..., 1 : (n + 1) // 2, :].flip(-2)], dim=-2)


def _idct_by_fft(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    if _is_by_pairs(x):
        return _idct_by_pairs(x)
    n = x.shape[-2]
    k = torch.arange(n // 2 + 1, device=x.device)
    # Z[k] = X[k] - i X[n - k] with X[n] = 0, halved where X[k] and X[n - k] are two numbers.
    # Picked by index and not sliced, so that an exported graph takes two tokens as well.
    token_axis = x.dim() - 2
    mirrored = x.index_select(token_axis, (n - k) % n) * (k != 0)[:, None]
    turned = torch.complex(x.index_select(token_axis, k), -mirrored)
    half = _but_first(k, 1.0, 0.5, x.dtype)[:, None]
    spectrum = turned * (_twiddle(x, n // 2 + 1).conj() * half)
    return _evens_and_odds_merged(torch.fft.irfft(spectrum, n=n, dim=-2, norm="ortho"))


def _is_by_pairs(x: Tensor) -> bool:
    """Say whether to take row by row, two channels at a time."""
    return x.dim() == 3 and x.shape[-1] % 2 == 0 and routes.by_pairs(x)


def _dct_by_pairs(x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
    """Take two channels as one of complex numbers: X[k] = u[k] + i u[n - k], u the turned DFT."""
    turn, places = _pair_twiddle(x), _evens_then_odds_places(x)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for row, result in zip(x.unbind(0), out.unbind(0), strict=True):
        z = torch.fft.fft(_as_complex(row.index_select(0, places)), dim=0)
        u = z.mul_(turn).contiguous()  # the FFT leaves it channel by channel
        y = _as_complex(result)
        y[0] = u[0]
        torch.add(u[1:], u[1:].flip(0), alpha=1j, out=y[1:])
    return out


def _idct_by_pairs(x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
    """Apply the transpose of `_dct_by_pairs`."""
    back, places = _pair_twiddle(x).conj_physical(), _merged_places(x)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for row, result in zip(x.unbind(0), out.unbind(0), strict=True):
        y = _as_complex(row.contiguous())
        u = torch.empty_like(y)
        u[0] = y[0]
        torch.sub(y[1:], y[1:].flip(0), alpha=1j, out=u[1:])
        z = torch.fft.ifft(u.mul_(back), dim=0, norm="forward").contiguous()
        # Picked as real numbers: complex ones take longer.
        torch.index_select(torch.view_as_real(z).flatten(1), 0, places, out=result)
    return out


def _as_complex(row: Float[Tensor, "n d"]) -> Complex[Tensor, "n pairs"]:
    return torch.view_as_complex(row.unflatten(1, (-1, 2)))


def _pair_twiddle(x: Float[Tensor, "b n d"]) -> Complex[Tensor, "n 1"]:
    """Give the twiddle of an unscaled DFT, halved where two terms are added."""
    n = x.shape[1]
    half = _but_first(torch.arange(n, device=x.device), 1.0, 0.5, x.dtype)[:, None]
    return _twiddle(x, n) * (half * n**-0.5)


def _evens_then_odds(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Reorder the tokens to 0, 2, 4, ..., 5, 3, 1."""
    if torch.compiler.is_compiling():
        # Slices would make the graph refuse rows of 2 or 3 tokens; outside they are 1.4x faster.
        return x.index_select(x.dim() - 2, _evens_then_odds_places(x))
    return torch.cat([x[..., ::2, :], x[..., 1::2, :].flip(-2)], dim=-2)


def _evens_then_odds_places(x: Float[Tensor, "*rest n d"]) -> Int[Tensor, " n"]:
    n = x.shape[-2]
    place = torch.arange(n, device=x.device)
    return torch.minimum(2 * place, 2 * (n - place) - 1)


def _evens_and_odds_merged(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Undo `_evens_then_odds`."""
    return x.index_select(x.dim() - 2, _merged_places(x))


def _merged_places(x: Float[Tensor, "*rest n d"]) -> Int[Tensor, " n"]:
    n = x.shape[-2]
    place = torch.arange(n, device=x.device)
    half = place // 2
    return torch.where(place % 2 == 0, half, n - 1 - half)
