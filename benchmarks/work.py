"""The usual pieces of work, made from a module and its input."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.case import Result, Work


def forward(function: Callable[[Tensor], Tensor], x: Tensor) -> Work:
    """Give the work of one forward pass without gradients."""

    def work() -> Result:
        with torch.inference_mode():
            return (function(x),)

    return work


def forward_backward(function: Callable[[Tensor], Tensor], x: Tensor) -> Work:
    """Give the work of one forward and backward pass, to the input and every weight."""
    leaf = x.clone().requires_grad_()
    weights = list(function.parameters()) if isinstance(function, nn.Module) else []
    upstream = torch.randn_like(x)

    def work() -> Result:
        for tensor in (leaf, *weights):
            tensor.grad = None
        out = function(leaf)
        out.backward(upstream)
        assert leaf.grad is not None
        return out.detach(), leaf.grad

    return work


def autocast(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Give the function run in bfloat16 where autocast does."""

    def run(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return function(x)

    return run
