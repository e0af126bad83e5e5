"""Operators that torch's ONNX exporter translates not at all, or not in every form used here."""

from collections.abc import Callable
from typing import Any

import torch
from onnxscript import ir
from onnxscript.onnx_opset import opset18

# Its own annotations know no traced values.
op: Any = opset18


def remainder(self: ir.Value, other: Any) -> Any:
    """Translate `x % n` for a number or a size that is known only at run time."""
    assert self.dtype is not None
    divisor = op.CastLike(other, self)
    if self.dtype.is_integer():
        return op.Mod(self, divisor)
    return op.Sub(self, op.Mul(op.Floor(op.Div(self, divisor)), divisor))


def attention(
    query: ir.Value,
    key: ir.Value,
    value: ir.Value,
    attn_mask: ir.Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Translate softmax attention with any number of leading axes."""
    assert dropout_p == 0.0, "models are exported in evaluation mode"
    assert not is_causal, "no mixer hides later tokens"
    assert not enable_gqa, "no mixer shares keys among heads"
    assert query.shape is not None
    rank, channels = len(query.shape), query.shape[-1]
    assert isinstance(channels, int)
    # On both sides, as torch does, so that products of large logits do not overflow.
    root = op.CastLike(op.Constant(value_float=(scale or channels**-0.5) ** 0.5), query)
    turned = op.Transpose(key, perm=[*range(rank - 2), rank - 1, rank - 2])
    logits = op.MatMul(op.Mul(query, root), op.Mul(turned, root))
    if attn_mask is not None and attn_mask.dtype == ir.DataType.BOOL:
        nothing = op.CastLike(op.Constant(value_float=float("-inf")), query)
        logits = op.Where(attn_mask, logits, nothing)
    elif attn_mask is not None:
        logits = op.Add(logits, attn_mask)
    return op.MatMul(op.Softmax(logits, axis=-1), value)


TABLE: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.aten.remainder.Scalar: remainder,
    torch.ops.aten.scaled_dot_product_attention.default: attention,
}
