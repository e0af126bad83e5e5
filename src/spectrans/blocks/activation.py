"""The activations that stand between two linear layers, by name."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spectrans.linear import apply_fused, apply_linear

Activation = Literal["gelu", "gelu_tanh", "relu", "silu", "tanh"]

# "gelu" is exact, by the error function; "gelu_tanh" is the approximation of BERT's first code,
# which FNet and others published their weights with.
ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


def apply_activated(layer: nn.Module, x: Tensor, activation: Activation) -> Tensor:
    """Give the activation of a linear layer, in one pass over the tokens where that is faster."""
    if activation == "gelu" or activation == "gelu_tanh":
        fused = apply_fused(layer, x, activation)
        if fused is not None:
            return fused
    return ACTIVATIONS[activation](apply_linear(layer, x))
