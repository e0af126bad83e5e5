"""The block of every model: a mixer and a feed-forward network, each on a residual branch."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectrans.blocks.activation import Activation, apply_activated
from spectrans.blocks.norm import Norm
from spectrans.initialisation import init_unit_gain
from spectrans.linear import apply_linear
from spectrans.mixers.base import Mixer
from spectrans.packing import Rows, outside_graphs

NormPosition = Literal["pre", "post"]


class FeedForward(nn.Module):
    """Two linear layers with an activation between them, on each token alone.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    ffn_hidden_dim
        Width between the two layers.
    activation
        What acts between them.
    """

    def __init__(
        self, hidden_dim: int, ffn_hidden_dim: int, activation: Activation = "gelu"
    ) -> None:
        super().__init__()
        self.activation = activation
        self.up = nn.Linear(hidden_dim, ffn_hidden_dim)
        self.down = nn.Linear(ffn_hidden_dim, hidden_dim)
        for linear in (self.up, self.down):
            init_unit_gain(linear.weight, linear.in_features)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Transform each token."""
        return apply_linear(self.down, apply_activated(self.up, x, self.activation))


class HybridBlock(nn.Module):
    """Mix tokens, then transform each token; both on residual branches with one dropout each.

    Pre-norm: x + s mixer(norm1(x)), then x + s ffn(norm2(x)).
    Post-norm: norm1(x + s mixer(x)), then norm2(x + s ffn(x)).

    Parameters
    ----------
    mixer
        The token mixer of this layer.
    hidden_dim
        Channels of a token.
    ffn_hidden_dim
        Width of the feed-forward network.
    dropout
        Probability of dropping a channel of a branch's result in training.
    norm_eps
        Epsilon of both norms, see `Norm`.
    norm_position
        "pre" or "post".
    residual_scale
        The factor s. A constant over sqrt(L) in a pre-norm model of L blocks keeps the power of
        the residual stream independent of the depth, whatever the mixers.
    activation
        What acts inside the feed-forward network.
    mixing_dropout
        The dropout of the mixer's branch; None is `dropout`.
    """

    def __init__(
        self,
        mixer: Mixer,
        hidden_dim: int,
        ffn_hidden_dim: int,
        *,
        dropout: float = 0.0,
        norm_eps: float = 1e-12,
        norm_position: NormPosition = "pre",
        residual_scale: float = 1.0,
        activation: Activation = "gelu",
        mixing_dropout: float | None = None,
    ) -> None:
        super().__init__()
        self.norm_position = norm_position
        self.residual_scale = residual_scale
        self.norm1 = Norm(hidden_dim, eps=norm_eps)
        self.mixer = mixer
        self.norm2 = Norm(hidden_dim, eps=norm_eps)
        self.ffn = FeedForward(hidden_dim, ffn_hidden_dim, activation)
        self.dropout = nn.Dropout(dropout)
        self.mixing_dropout = nn.Dropout(dropout if mixing_dropout is None else mixing_dropout)
        if norm_position == "pre":
            self._decorrelate()

    def _decorrelate(self) -> None:
        """Start the gains of the mixer's norm at random signs instead of ones.

        A mixer without weights is the same operator in every layer, and Re(F) applied twice is
        nearly the identity: branches would add up in phase and the stream grow with the depth.
        For mixers with random weights signs change nothing.
        """
        with torch.no_grad():
            self.norm1.weight.copy_(torch.randint(0, 2, self.norm1.weight.shape) * 2.0 - 1.0)

    def forward(self, x: Tensor, rows: Rows | None = None) -> Tensor:
        """Transform a dense batch `(b, n, d)`, or packed tokens `(t, d)` with their `rows`."""
        if self.norm_position == "pre":
            x = self._add(x, self._mix(self.norm1(x), rows))
            return self._add(x, self._transform(self.norm2(x)))
        x = self.norm1(self._add(x, self._mix(x, rows)))
        return self.norm2(self._add(x, self._transform(x)))

    def _mix(self, x: Tensor, rows: Rows | None) -> Tensor:
        return self.mixing_dropout(self.mixer(x) if rows is None else self._mix_rows(x, rows))

    # Looked up in here, the mixer's class is no reason for another graph of the block.
    @outside_graphs
    def _mix_rows(self, x: Tensor, rows: Rows) -> Tensor:
        return rows.mix(self.mixer, x)

    def _transform(self, x: Tensor) -> Tensor:
        return self.dropout(self.ffn(x))

    def _add(self, x: Tensor, branch: Tensor) -> Tensor:
        return torch.add(x, branch, alpha=self.residual_scale)
