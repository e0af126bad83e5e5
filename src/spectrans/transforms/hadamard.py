"""The Hadamard transform along the token axis, for any number of tokens.

The Hadamard matrix of 2^a is the Fourier matrix of the group of `a` binary digits. For n = 2^a m
with m odd, the transform here is the real Fourier (Hartley) matrix of that group times the cyclic
group of m: the Kronecker product H_(2^a) x C_m, C_m[j, k] = cos(2 pi jk / m) + sin(2 pi jk / m).
It is the Hadamard matrix in natural order for powers of two, the Hartley matrix for odd n, and for
every n symmetric, orthonormal, its own inverse and without a zero, so each output sees each token.
Padding to a power of two and cropping, the usual way out, is neither orthogonal nor invertible.
"""

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms import routes
from spectrans.transforms.precision import full_precision, widened

# Above this an odd factor goes through the FFT; below, its matrix is faster.
_MATRIX_UP_TO = 128
# Up to here one product with the whole matrix beats two with its factors, which have to be built.
_WHOLE_UP_TO = 64


def hadamard(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Give the orthonormal Hadamard transform of each channel along the tokens: its own inverse.

    Parameters
    ----------
    x
        Tokens on the axis before the last; n >= 1.

    Returns
    -------
    Tensor
        Natural (Sylvester) order for powers of two. Computed in float32 or wider.

    Notes
    -----
    Cost O(n^1.5 d) as two small matrix products, O(n d log n) for a large odd n. A compiled graph
    serves every n. An exported one holds no Python that could factor n: it multiplies by the whole
    matrix, O(n^2 d), with the same values.

    Examples
    --------
    >>> hadamard(torch.tensor([[1.0], [0.0], [0.0], [0.0]])).flatten().tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    with full_precision(x):
        wide = widened(x)
        if torch.compiler.is_exporting() or routes.forced() == "matmul":
            return (_matrix(wide.shape[-2], wide) @ wide).to(x.dtype)
        if torch.compiler.is_compiling():
            return _opaque(wide).to(x.dtype)
        return _by_factors(wide).to(x.dtype)


def _by_factors(x: Float[Tensor, "*rest n d"]) -> Float[Tensor, "*rest n d"]:
    """Apply H_p x T_r, one factor after the other: p r = n, p a power of two near sqrt(n)."""
    n, d = x.shape[-2:]
    p = min(n & -n, 1 << round(math.log2(n) / 2)) if n > _WHOLE_UP_TO else 1
    r = n // p
    if x.dim() == 3 and p > 1 and r <= _MATRIX_UP_TO and routes.by_rows(x):
        return _row_by_row(x, p, r)
    rows = x.reshape(*x.shape[:-2], p, r * d)
    if p > 1:
        rows = _matrix(p, x) @ rows
    rows = rows.reshape(*x.shape[:-2], p, r, d)
    if r > _MATRIX_UP_TO and r % 2:
        rows = _hartley(rows)
    elif r > 1:
        rows = _matrix(r, x) @ rows
    return rows.reshape(x.shape)


def _row_by_row(x: Float[Tensor, "b n d"], p: int, r: int) -> Float[Tensor, "b n d"]:
    """Apply both factors to one row after the other: what is between them stays in the cache."""
    d = x.shape[2]
    left, right = _kept_matrix(p, x.dtype), _kept_matrix(r, x.dtype)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    between = x.new_empty(p, r * d)
    for row, result in zip(x.unbind(0), out.unbind(0), strict=True):
        torch.mm(left, row.reshape(p, r * d), out=between)
        torch.matmul(right, between.view(p, r, d), out=result.view(p, r, d))
    return out


# Small, and the same for every layer and batch of one length.
@lru_cache(maxsize=8)
def _kept_matrix(n: int, dtype: torch.dtype) -> Float[Tensor, "n n"]:
    with torch.inference_mode(mode=False), torch.no_grad():
        return _matrix(n, torch.empty(0, dtype=dtype, device="cpu"))


def _matrix(n: int, like: Tensor) -> Float[Tensor, "n n"]:
    """Give the transform's matrix, in tensor operations only, so that a traced n stays free."""
    place = torch.arange(n, device=like.device)
    size = place[-1:] + 1
    odd = size // (size & -size)
    high, low = place // odd, place % odd
    digits = high[:, None] // (2 ** torch.arange(31, device=like.device)) % 2
    digits = digits.to(like.dtype)
    # -1 to the number of ones that the binary digits of row and column share.
    sign = 1 - 2 * (digits @ digits.mT % 2)
    angle = place.to(like.dtype) * (2 * math.pi) / odd.to(like.dtype)
    wave = (angle.cos() + angle.sin()) * size.to(like.dtype).rsqrt()
    return sign * wave[low[:, None] * low[None, :] % odd]


def _hartley(x: Float[Tensor, "*rest m d"]) -> Float[Tensor, "*rest m d"]:
    """Give the orthonormal Hartley transform Re - Im of the DFT, for odd m, from half of it."""
    half = torch.fft.rfft(x, dim=-2, norm="ortho")
    # The DFT at m - k is the conjugate of the DFT at k.
    above = (half.real + half.imag)[..., 1:, :].flip(-2)
    return torch.cat([half.real - half.imag, above], dim=-2)


@torch.library.custom_op("spectrans::hadamard", mutates_args=())
def _opaque(x: Tensor) -> Tensor:
    """Hide the factors of n from the compiler, which would make one graph per length."""
    out = _by_factors(x)
    # An operator may not return its input, which is what a single token gives.
    return out.clone() if out.data_ptr() == x.data_ptr() else out.contiguous()


@_opaque.register_fake
def _(x: Tensor) -> Tensor:
    return x.new_empty(x.shape)


def _backward(ctx: object, grad: Tensor) -> Tensor:
    """Give the gradient: the transform is symmetric."""
    return _opaque(grad)


_opaque.register_autograd(_backward)
