"""Layer normalisation that stays sound in every precision."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from spectrans.transforms.precision import full_precision, widened


class Norm(nn.LayerNorm):
    """LayerNorm over the channels, computed in float32 or wider, giving the input's dtype back.

    The published epsilon of 1e-12 lies below the resolution of every type but float64, and makes
    the slope at a zero row 1e6. The epsilon in use is therefore never below one unit in the last
    place of the input's type at 1, or of float32's: at power one that changes no bit.
    """

    def forward(self, input: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Normalise each token's channels."""
        floor = max(torch.finfo(input.dtype).eps, torch.finfo(torch.float32).eps)
        with full_precision(input):
            wide = widened(input)
            weight = self.weight.to(wide.dtype)
            bias = self.bias.to(wide.dtype)
            epsilon = max(self.eps, floor)
            return F.layer_norm(wide, self.normalized_shape, weight, bias, epsilon).to(input.dtype)
