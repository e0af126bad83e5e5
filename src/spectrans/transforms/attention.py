"""Softmax attention by torch's kernels, with slopes of any order.

torch's flash kernel for CPU has a first slope and no second one. Where a slope is to be
differentiated again, it is that of the same attention written as products and a softmax.
"""

import math
from typing import Any, no_type_check

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function

from spectrans.transforms import routes


def softmax_attention(
    q: Float[Tensor, "*b n c"],
    k: Float[Tensor, "*b l c"],
    v: Float[Tensor, "*b l c"],
    bias: Tensor | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "*b n c"]:
    """Average the values with weights softmax(q k^T / sqrt(c) + bias).

    Parameters
    ----------
    q
        Queries.
    k
        Keys.
    v
        Values, one per key.
    bias
        What is added to the logits, or booleans that are True where a key is seen.
    dropout
        Probability of dropping a weight.

    Returns
    -------
    Tensor
        One average per query.
    """
    if routes.flash_slopes(q, k, v, bias, dropout):
        return _Flash.apply(q, k, v, _added(bias, q.dtype))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)


def attention_of_rows(
    q: Float[Tensor, "t h c"],
    k: Float[Tensor, "t h c"],
    v: Float[Tensor, "t h c"],
    bounds: Int[Tensor, " bounds"],
    longest: int,
) -> Float[Tensor, "t h c"]:
    """Let every token attend to those of its row, all rows in one call of CUDA's flash kernel.

    Parameters
    ----------
    q
        Queries of packed rows, see `routes.flash_of_rows`.
    k
        Keys.
    v
        Values.
    bounds
        Where each row begins, and where the last one ends.
    longest
        Tokens of the longest row.

    Returns
    -------
    Tensor
        One average per query.
    """
    # Takes a tenth of a second to import.
    from torch.nn.attention.varlen import varlen_attn

    y = varlen_attn(q, k, v, bounds, bounds, longest, longest)
    assert isinstance(y, Tensor), "nothing beside it was asked for"
    return y


def _added(bias: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    if bias is None or bias.dtype != torch.bool:
        return bias
    return torch.zeros_like(bias, dtype=dtype).masked_fill(~bias, -math.inf)


@no_type_check
class _Flash(Function):
    """The flash kernel for CPU, with the slope of its slope."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        y, mass = attend(q, k, v, attn_mask=bias)
        ctx.save_for_backward(q, k, v, bias, y, mass)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, bias, y, mass = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *_slopes(q, k, v, bias, grad), None
        slopes = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
        return *slopes(grad, q, k, v, y, mass, 0.0, False, attn_mask=bias), None


def _slopes(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Give the slopes by queries, keys and values, from differentiable operations."""
    scale = 1 / math.sqrt(q.shape[-1])
    logits = q @ k.mT * scale
    weights = (logits if bias is None else logits + bias).softmax(-1)
    pull = grad @ v.mT
    by_logits = weights * (pull - (weights * pull).sum(-1, keepdim=True)) * scale
    return by_logits @ k, by_logits.mT @ q, weights.mT @ grad
