"""Attention by random features, in time linear in the tokens."""

import math
from functools import partial
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from spectrans.mixers.base import Dims, Kind, Mixer, MixerOptions
from spectrans.mixers.projection import HeadProjection
from spectrans.packing import Rows
from spectrans.positions import rotary
from spectrans.transforms.features import (
    exponential_attention,
    gaussian_projection,
    linear_attention,
    relu_features,
)
from spectrans.transforms.precision import full_precision, widened


class SpectralAttention(MixerOptions):
    """Options of `SpectralAttentionMixer`: attention through `num_features` random features.

    Parameters
    ----------
    num_features
        Random directions per head. The error falls with their square root, cost grows with them.
    kernel_type
        "softmax" estimates softmax attention (FAVOR+); "gaussian" weighs keys by
        exp(-|q - k|^2 / (2 sqrt(c))), the same thing when `qk_norm` makes all keys equally long;
        "relu" is a kernel of its own, cheaper and without a limit on the norms.
    use_orthogonal
        Draw orthogonal directions, which lowers the variance of the estimate.
    qk_norm
        Give queries and keys a learned length per head, at first c^(1/4), so that logits lie within
        -1 and 1. Exponential features need short vectors: at c = 64, 256 come within 11 % of
        softmax attention there, 36 % for logits up to 2, and at 4 miss it by more than its size.
    num_heads
        Number of heads; None takes the model's.
    bias
        Whether the projections have a bias.
    position
        "rotary" turns queries and keys, "none" does not; None leaves it to the model.
    seed
        Seed of the directions; None draws one from torch's global generator. Mixers built from the
        same seed and sizes share their directions.

    Notes
    -----
    Cost O(n m d) for m features, 4 d^2 parameters. Source: Choromanski et al. 2021,
    arXiv:2009.14794; queries and keys of bounded length: Henry et al. 2020, arXiv:2010.04245.
    """

    name: ClassVar[str] = "spectral_attention"
    kind: ClassVar[Kind] = "spatial"

    num_features: PositiveInt = 256
    kernel_type: Literal["softmax", "gaussian", "relu"] = "softmax"
    use_orthogonal: bool = True
    qk_norm: bool = True
    num_heads: PositiveInt | None = None
    bias: bool = True
    position: Literal["none", "rotary"] | None = None
    seed: int | None = Field(default=None, ge=0, lt=2**63)

    def build(self, dims: Dims) -> "SpectralAttentionMixer":
        """Make the mixer with this option's heads, else the model's."""
        return SpectralAttentionMixer(dims.hidden_dim, self.num_heads or dims.num_heads, self)


class SpectralAttentionMixer(Mixer):
    """Linear attention: phi(q) (phi(k)^T v) over its normaliser, in every head.

    The random directions are a buffer, saved with the weights and fixed until `redraw`.

    Parameters
    ----------
    hidden_dim
        Channels of a token, a multiple of `num_heads`.
    num_heads
        Number of heads, each with directions of its own.
    options
        Kernel, features, normalisation and positions.
    """

    projection: Tensor

    def __init__(self, hidden_dim: int, num_heads: int, options: SpectralAttention) -> None:
        super().__init__()
        self.options = options
        self.heads = HeadProjection(
            hidden_dim, num_heads, bias=options.bias, qk_norm=options.qk_norm
        )
        shape = (num_heads, options.num_features, self.heads.head_dim)
        self.register_buffer("projection", torch.empty(shape))
        self.reset_parameters()
        self.redraw(options.seed)

    def reset_parameters(self) -> None:
        """Draw the projections, and start queries and keys short enough for random features."""
        self.heads.reset_parameters()
        if self.heads.qk_norm is not None:
            for length in self.heads.qk_norm.parameters():
                nn.init.constant_(length, self.heads.head_dim**0.25)

    def redraw(self, seed: int | None = None) -> None:
        """Draw new random directions in place; None takes a seed from torch's global generator.

        Of a mixer on the meta device, which holds no numbers, nothing is drawn.
        """
        if self.projection.is_meta:
            return
        if seed is None:
            seed = int(torch.randint(2**62, (), device="cpu"))
        generator = torch.Generator().manual_seed(seed)
        h, m, c = self.projection.shape
        drawn = gaussian_projection(
            h, m, c, orthogonal=self.options.use_orthogonal, generator=generator
        )
        self.projection.copy_(drawn)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Let every token attend to all tokens of its row."""
        self.heads.check(x)
        return self.heads.around(self._mix, x)

    def forward_packed(self, x: Float[Tensor, "t d"], rows: Rows) -> Float[Tensor, "t d"]:
        """Do the same with packed rows, all of them projected at once."""
        return self.heads.around(partial(rows.each, self._mix), x)

    def _mix(self, qkv: Float[Tensor, "b n p"]) -> Float[Tensor, "b n d"]:
        q, k, v = self.heads.parts(qkv)
        if self.options.position == "rotary":
            q, k = rotary(q, k)
        with full_precision(qkv):
            y = self._attend(widened(q), widened(k), widened(v)).to(v.dtype)
        return self.heads.join(y)

    def _attend(
        self, q: Float[Tensor, "b h n c"], k: Float[Tensor, "b h n c"], v: Float[Tensor, "b h n c"]
    ) -> Float[Tensor, "b h n c"]:
        """Average the values by the kernel of queries and keys."""
        # Queries and keys are divided by c^(1/4): in the directions, that costs nothing.
        scale = self.heads.head_dim**-0.5
        directions = widened(self.projection) * math.sqrt(scale)
        if self.options.kernel_type == "relu":
            return linear_attention(relu_features(q, directions), relu_features(k, directions), v)
        share = 1.0 if self.options.kernel_type == "gaussian" else 0.5
        return exponential_attention(q, k, v, directions, share * scale)
