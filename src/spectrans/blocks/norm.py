"""Layer normalisation that stays sound in every precision."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectrans.transforms.precision import full_precision, widened
from spectrans.transforms.routes import is_plain


class Norm(nn.LayerNorm):
    """LayerNorm over the channels, computed in float32 or wider, giving the input's dtype back.

    The published epsilon of 1e-12 lies below the resolution of every type but float64. The epsilon
    in use is never below one unit in the last place of the input's type at 1, or of float32's: at
    power one that changes no bit. A token whose channels are all equal has no direction; its slope
    would be 1/sqrt(epsilon) in every norm it passes, and grow with the depth, so it is taken as 0.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    eps
        Added to the variance.
    exact
        Take the epsilon as given. For norms that stand once in a model and see vectors of any
        power, such as the small embedding tables of published weights.
    """

    def __init__(self, hidden_dim: int, *, eps: float = 1e-12, exact: bool = False) -> None:
        super().__init__(hidden_dim, eps=eps)
        self.exact = exact

    def forward(self, input: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Normalise each token's channels."""
        epsilon = max(self.eps, self._floor(input.dtype))
        with full_precision(input):
            wide = widened(input)
            weight, bias = self.weight.to(wide.dtype), self.bias.to(wide.dtype)
            shape = list(self.normalized_shape)
            y, _, root = torch.native_layer_norm(wide, shape, weight, bias, epsilon)
            # 1/sqrt(variance + epsilon) within a thousandth of its largest value: equal channels.
            # Asked this way round, a NaN stays one.
            flat = root >= 0.999 / math.sqrt(epsilon)
            # To look is cheaper than to choose for every channel, where looking does not wait.
            if not is_plain(flat) or bool(flat.any()):
                y = torch.where(flat, bias, y)
            return y.to(input.dtype)

    def _floor(self, dtype: torch.dtype) -> float:
        if self.exact:
            return torch.finfo(torch.float32).tiny
        return max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
