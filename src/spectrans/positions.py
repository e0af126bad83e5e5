"""Where a token is: codes added to the input, and codes used inside attention.

Positions count real tokens from 0, so padding on either side changes nothing.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from spectrans.transforms.precision import full_precision, widened

_BASE = 10_000.0


def sinusoidal(
    positions: Int[Tensor, "*b n"], dim: int, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*b n d"]:
    """Give the sine code in the first half of the channels and the cosine code in the second.

    Parameters
    ----------
    positions
        Token positions, from 0; any length.
    dim
        Channels; with an odd number the sines get the extra one.
    dtype
        Type of the result; angles are computed in float32 or wider.

    Returns
    -------
    Tensor
        Mean square 1/2 per position. Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    wide = torch.promote_types(dtype, torch.float32)
    num_sines = (dim + 1) // 2
    rate = _rates(num_sines, positions.device, wide)
    angle = positions.to(wide)[..., None] * rate
    return torch.cat([angle.sin(), angle[..., : dim // 2].cos()], dim=-1).to(dtype)


def _rates(count: int, device: torch.device, dtype: torch.dtype) -> Float[Tensor, " r"]:
    """Give angles per token, from 1 down to 1 / 10,000, as constants of any graph.

    A runtime whose exponential rounds otherwise would be off by n times as much at token n.
    """
    step = -math.log(_BASE) / max(count, 1)
    return torch.tensor([math.exp(step * i) for i in range(count)], device=device, dtype=dtype)


class SinusoidalPositions(nn.Module):
    """Add the sine-cosine code; it has no weights and no longest length."""

    def forward(
        self, x: Float[Tensor, "*b n d"], positions: Int[Tensor, "*c n"]
    ) -> Float[Tensor, "*b n d"]:
        """Add to every token the code of its position; rows may share their positions."""
        return x + sinusoidal(positions, x.shape[-1], x.dtype)


class LearnedPositions(nn.Module):
    """Add one learned vector per position, up to a longest length.

    Parameters
    ----------
    max_sequence_length
        Number of positions that exist.
    hidden_dim
        Channels of a token.
    """

    def __init__(self, max_sequence_length: int, hidden_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(max_sequence_length, hidden_dim))
        # The mean square of the sine code, so that both schemes start equally loud.
        nn.init.normal_(self.weight, std=math.sqrt(0.5))

    def forward(
        self, x: Float[Tensor, "*b n d"], positions: Int[Tensor, "*c n"]
    ) -> Float[Tensor, "*b n d"]:
        """Add to every token the vector of its position; rows may share their positions."""
        return x + self.weight[positions].to(x.dtype)


def rotary(
    q: Float[Tensor, "b h n c"], k: Float[Tensor, "b h n c"]
) -> tuple[Float[Tensor, "b h n c"], Float[Tensor, "b h n c"]]:
    """Turn queries and keys by angles that grow with position, so that q.k depends on distance.

    Parameters
    ----------
    q
        Queries, tokens at positions 0 to n-1.
    k
        Keys, likewise.

    Returns
    -------
    tuple of Tensor
        Rotated queries and keys, lengths kept. With an odd number of channels the last one stays
        as it is. Source: Su et al. 2021, arXiv:2104.09864, equation 34, halves paired.
    """
    n, c = q.shape[-2:]
    half = c // 2
    with full_precision(q):
        wide = torch.promote_types(q.dtype, torch.float32)
        rate = _rates(half, q.device, wide)
        angle = torch.arange(n, device=q.device, dtype=wide)[:, None] * rate
        cos, sin = angle.cos(), angle.sin()
        return _turn(q, cos, sin), _turn(k, cos, sin)


def _turn(
    x: Float[Tensor, "b h n c"], cos: Float[Tensor, "n r"], sin: Float[Tensor, "n r"]
) -> Float[Tensor, "b h n c"]:
    half = cos.shape[-1]
    first, second, rest = widened(x).split([half, half, x.shape[-1] - 2 * half], dim=-1)
    turned = [first * cos - second * sin, first * sin + second * cos, rest]
    return torch.cat(turned, dim=-1).to(x.dtype)


def alibi_slopes(num_heads: int) -> list[float]:
    """Give each head's slope: 2^(-8 i / h), and for other than powers of two the published mix.

    Source: Press et al. 2022, arXiv:2108.12409, section 3 and the authors' interpolation, which
    takes the slopes of the power of two below and every second one of the power of two above.
    """
    below = 2 ** int(math.log2(num_heads))
    slopes = [2.0 ** (-8.0 * (i + 1) / below) for i in range(below)]
    above = [2.0 ** (-8.0 * (i + 1) / (2 * below)) for i in range(2 * below)]
    return slopes + above[::2][: num_heads - below]


def alibi_bias(
    num_heads: int, n: int, device: torch.device, dtype: torch.dtype
) -> Float[Tensor, "h n n"]:
    """Give the bias -slope * |i - j| of every head, the symmetric form for encoders."""
    slopes = torch.tensor(alibi_slopes(num_heads), device=device, dtype=dtype)
    place = torch.arange(n, device=device, dtype=dtype)
    distance = (place[:, None] - place[None, :]).abs()
    return -slopes[:, None, None] * distance
