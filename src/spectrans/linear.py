"""Products with a weight matrix: by torch, or by oneDNN where that was measured faster.

Both give a float32 product of full precision. Layers stay `nn.Linear`: with hooks, adapters,
quantised weights, tracing or compiling they are called like any other module.
"""

from typing import Any, Literal, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spectrans.transforms import routes

Fused = Literal["none", "gelu", "gelu_tanh"]

# What oneDNN calls them: an operation and its algorithm.
_POST: dict[Fused, tuple[str, str]] = {
    "none": ("none", ""),
    "gelu": ("gelu", "none"),
    "gelu_tanh": ("gelu", "tanh"),
}


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Give `torch.nn.functional.linear(x, weight, bias)`, up to rounding."""
    if not _fits(x, weight, bias) or torch.is_autocast_enabled("cpu"):
        return F.linear(x, weight, bias)
    if not routes.onednn(x.numel() // x.shape[-1], weight, x.dtype):
        return F.linear(x, weight, bias)
    if routes.needs_slope(x, weight, bias):
        flat = _Product.apply(x.flatten(0, -2), weight, bias)
        return flat.unflatten(0, x.shape[:-1])
    return _product(x, weight, bias)


def apply_linear(layer: nn.Module, x: Tensor) -> Tensor:
    """Give `layer(x)`, up to rounding, of an `nn.Linear` or what has taken its place."""
    if _is_simple(layer) and _fits(x, layer.weight, layer.bias):
        return linear(x, layer.weight, layer.bias)
    return layer(x)


def apply_fused(layer: nn.Module, x: Tensor, activation: Fused) -> Tensor | None:
    """Give the activation of `layer(x)` in one pass, or None where that is not faster or possible.

    Parameters
    ----------
    layer
        An `nn.Linear`, or what has taken its place.
    x
        Tokens, channels last.
    activation
        GELU, exact or by tanh.

    Returns
    -------
    Tensor or None
        None in training: the gradient needs the value before the activation.
    """
    if not _is_simple(layer):
        return None
    weight, bias = layer.weight, layer.bias
    if not _fits(x, weight, bias) or routes.needs_slope(x, weight, bias):
        return None
    dtype = x.dtype
    if torch.is_autocast_enabled("cpu"):
        dtype = torch.get_autocast_dtype("cpu")
    if x.dtype == torch.float64 or not routes.onednn(x.numel() // x.shape[-1], weight, dtype):
        return None
    short = None if bias is None else bias.to(dtype)
    return _product(x.to(dtype), weight.to(dtype), short, activation)


def _is_simple(layer: nn.Module) -> TypeGuard[nn.Linear]:
    """Say whether a layer is its weight and bias, and nothing else."""
    return type(layer) is nn.Linear and not routes.has_hooks(layer)


def _fits(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Say whether oneDNN can take these at all."""
    tensors = (x, weight) if bias is None else (x, weight, bias)
    return (
        routes.is_plain(*tensors)
        and (len({t.dtype for t in tensors}) == 1 or torch.is_autocast_enabled("cpu"))
        and x.dim() > 1
        and x.numel() > 0
        and x.shape[-1] == weight.shape[-1]
        and weight.is_contiguous()
    )


def _product(x: Tensor, weight: Tensor, bias: Tensor | None, then: Fused = "none") -> Tensor:
    operation, algorithm = _POST[then]
    return torch.ops.mkldnn._linear_pointwise(
        x.contiguous(), weight, bias, operation, [], algorithm
    )


def _times(a: Tensor, b: Tensor) -> Tensor:
    """Give a b. oneDNN wants the transpose of b, laid out row by row: strided it is very slow."""
    if torch.is_grad_enabled():  # a second derivative is wanted
        return a @ b
    return _product(a, b.t().contiguous(), None)


class _Product(torch.autograd.Function):
    """x W^T + bias for `(t, d)` tokens, with all three products of a training step by oneDNN."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        for_x, for_weight, for_bias = ctx.needs_input_grad
        return (
            _times(gradient, weight) if for_x else None,
            _times(gradient.t(), x) if for_weight else None,
            gradient.sum(0) if for_bias else None,
        )
