"""Queries, keys and values in heads, and the way back: what every attention-like mixer shares."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectrans.initialisation import init_unit_gain
from spectrans.linear import apply_linear
from spectrans.mixers.base import head_dim
from spectrans.tensors import check_vectors
from spectrans.transforms.precision import full_precision, widened


class HeadProjection(nn.Module):
    """One fused projection to queries, keys and values, and one projection back.

    Parameters
    ----------
    hidden_dim
        Channels of a token, a multiple of `num_heads`.
    num_heads
        Number of heads.
    bias
        Whether both projections have a bias.
    qk_norm
        Scale every query and key to a learned length per head, which bounds the logits.

    Raises
    ------
    ValueError
        `hidden_dim must be divisible by num_heads, got <value> and <value>`.
    """

    def __init__(
        self, hidden_dim: int, num_heads: int, *, bias: bool = True, qk_norm: bool = False
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = head_dim(hidden_dim, num_heads)
        self.qkv = nn.Linear(hidden_dim, 3 * hidden_dim, bias=bias)
        self.out = nn.Linear(hidden_dim, hidden_dim, bias=bias)
        self.qk_norm = QKNorm(num_heads, self.head_dim) if qk_norm else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights that keep the power of their input, and zero the biases."""
        for linear in (self.qkv, self.out):
            init_unit_gain(linear.weight, linear.in_features)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)

    def check(self, x: Float[Tensor, "b n d"]) -> None:
        """Refuse what is no batch of tokens for these weights."""
        qkv = self.qkv
        width = self.num_heads * self.head_dim
        # What has taken the place of the layer may have no such weight.
        check_vectors("x", x, width, getattr(qkv, "weight", None), qkv)

    def around(
        self, mix: Callable[[Tensor], Tensor], x: Float[Tensor, "*b d"]
    ) -> Float[Tensor, "*b d"]:
        """Project tokens, mix what `parts` takes apart into what `join` gives, and project back."""
        return apply_linear(self.out, mix(apply_linear(self.qkv, x)))

    def split(
        self, x: Float[Tensor, "b n d"]
    ) -> tuple[Float[Tensor, "b h n c"], Float[Tensor, "b h n c"], Float[Tensor, "b h n c"]]:
        """Give queries, keys and values of tokens, each with its heads in front of its tokens."""
        return self.parts(apply_linear(self.qkv, x))

    def parts(
        self, qkv: Float[Tensor, "b n p"]
    ) -> tuple[Float[Tensor, "b h n c"], Float[Tensor, "b h n c"], Float[Tensor, "b h n c"]]:
        """Give queries, keys and values of projected tokens."""
        b, n, _ = qkv.shape
        heads = qkv.view(b, n, 3, self.num_heads, self.head_dim)
        q, k, v = heads.permute(2, 0, 3, 1, 4).unbind(0)  # each (b, h, n, c)
        if self.qk_norm is not None:
            q, k = self.qk_norm(q, k)
        return q, k, v

    def merge(self, y: Float[Tensor, "b h n c"]) -> Float[Tensor, "b n d"]:
        """Join the heads of every token and project."""
        return apply_linear(self.out, self.join(y))

    def join(self, y: Float[Tensor, "b h n c"]) -> Float[Tensor, "b n d"]:
        """Join the heads of every token."""
        return y.transpose(1, 2).flatten(2)


class QKNorm(nn.Module):
    """Give queries and keys a learned length per head (Henry et al. 2020, arXiv:2010.04245).

    The length starts where the largest logit after the 1/sqrt(c) scale is 4: sharp enough to
    choose among tokens. Random features are no use there, so their mixer starts at 1.
    """

    def __init__(self, num_heads: int, head_channels: int) -> None:
        super().__init__()
        start = 2.0 * head_channels**0.25
        self.q_length = nn.Parameter(torch.full((num_heads, 1, 1), start))
        self.k_length = nn.Parameter(torch.full((num_heads, 1, 1), start))

    def forward(
        self, q: Float[Tensor, "b h n c"], k: Float[Tensor, "b h n c"]
    ) -> tuple[Float[Tensor, "b h n c"], Float[Tensor, "b h n c"]]:
        """Scale each query and key vector to its head's length; a zero vector stays zero."""
        return _to_length(q, self.q_length), _to_length(k, self.k_length)


def _to_length(x: Float[Tensor, "b h n c"], length: Tensor) -> Float[Tensor, "b h n c"]:
    with full_precision(x):
        wide = widened(x)
        power = wide.square().mean(-1, keepdim=True)
        # One unit in the last place of the input at power one: no NaN or huge slope at zero.
        floor = max(torch.finfo(x.dtype).eps, torch.finfo(torch.float32).eps)
        unit = wide * torch.rsqrt(power + floor) / math.sqrt(x.shape[-1])
        return (unit * widened(length)).to(x.dtype)
