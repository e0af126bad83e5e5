"""How weights start: one rule for every matrix of the library."""

import math

import torch
from torch import Tensor, nn

# 0.02 at 768 inputs, the published BERT and FNet value, carried to other widths by fan-in: with a
# fixed 0.02 a 64-wide model starts with attention logits and FFN outputs near zero.
_STD_TIMES_ROOT_FAN_IN = 0.02 * math.sqrt(768)


def linear_std(fan_in: int) -> float:
    """Give the standard deviation of a weight that sums `fan_in` inputs."""
    return _STD_TIMES_ROOT_FAN_IN / math.sqrt(fan_in)


def init_linear(linear: nn.Linear, gain: float = 1.0) -> None:
    """Draw the weight from N(0, (gain * linear_std)^2) and set the bias to zero, in place."""
    nn.init.normal_(linear.weight, std=gain * linear_std(linear.in_features))
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)


def init_unit_gain(weight: Tensor, fan_in: int) -> None:
    """Draw a weight that keeps the power of its input, N(0, 1 / fan_in), in place."""
    with torch.no_grad():
        weight.normal_(std=1.0 / math.sqrt(fan_in))
