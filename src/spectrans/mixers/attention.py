"""Softmax attention, global or in a local window."""

import math
from functools import partial
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field, PositiveInt
from torch import Tensor

from spectrans.mixers.base import Dims, Kind, Mixer, MixerOptions
from spectrans.mixers.projection import HeadProjection
from spectrans.mixers.response import AttentionResponse, attention_response
from spectrans.packing import Rows
from spectrans.positions import alibi_bias, rotary
from spectrans.transforms import routes
from spectrans.transforms.attention import attention_of_rows, softmax_attention
from spectrans.transforms.precision import full_precision, widened


class Attention(MixerOptions):
    """Options of `AttentionMixer`: softmax(q k^T / sqrt(c)) v in every head.

    Parameters
    ----------
    num_heads
        Number of heads; None takes the model's.
    window
        Tokens that each token sees on either side; None sees the whole row.
    qk_norm
        Give queries and keys a learned length per head, which bounds the logits.
    bias
        Whether the projections have a bias.
    dropout
        Probability of dropping an attention weight in training. The block around the mixer has
        its own dropout on the result, so this starts at 0.
    position
        "rotary" or "alibi" inside the attention, or "none"; None leaves it to the model.

    Notes
    -----
    Cost O(n^2 d), or O(n w d) with a window; 4 d^2 parameters.
    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.
    """

    name: ClassVar[str] = "attention"
    kind: ClassVar[Kind] = "spatial"

    num_heads: PositiveInt | None = None
    window: PositiveInt | None = None
    qk_norm: bool = False
    bias: bool = True
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    position: Literal["none", "rotary", "alibi"] | None = None

    def build(self, dims: Dims) -> "AttentionMixer":
        """Make the mixer with this option's heads, else the model's."""
        return AttentionMixer(dims.hidden_dim, self.num_heads or dims.num_heads, self)


class AttentionMixer(Mixer):
    """Multi-head self-attention; equals `nn.MultiheadAttention` with the same weights.

    Parameters
    ----------
    hidden_dim
        Channels of a token, a multiple of `num_heads`.
    num_heads
        Number of heads.
    options
        Window, normalisation, dropout and positions.
    """

    def __init__(self, hidden_dim: int, num_heads: int, options: Attention) -> None:
        super().__init__()
        self.options = options
        self.heads = HeadProjection(
            hidden_dim, num_heads, bias=options.bias, qk_norm=options.qk_norm
        )

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Let every token attend to the tokens of its row, or of its window."""
        self.heads.check(x)
        return self.heads.around(self._mix, x)

    def forward_packed(self, x: Float[Tensor, "t d"], rows: Rows) -> Float[Tensor, "t d"]:
        """Do the same with packed rows, all of them projected at once."""
        return self.heads.around(partial(self._mix_packed, rows), x)

    def _mix_packed(self, rows: Rows, qkv: Float[Tensor, "t p"]) -> Float[Tensor, "t d"]:
        options = self.options
        plain = options.position in (None, "none") and options.window is None
        drops = self.training and options.dropout > 0
        several = len(rows.groups) > 1 and plain and not drops
        if not (several and routes.flash_of_rows(qkv, self.heads.head_dim)):
            return rows.each(self._mix, qkv)
        parts = self.heads.parts(qkv[None])
        q, k, v = (part[0].transpose(0, 1) for part in parts)
        return attention_of_rows(q, k, v, rows.bounds, rows.groups[-1][1]).flatten(1)

    def _mix(self, qkv: Float[Tensor, "b n p"]) -> Float[Tensor, "b n d"]:
        q, k, v = self.heads.parts(qkv)
        if self.options.position == "rotary":
            q, k = rotary(q, k)
        window = self.options.window
        if window is not None and torch.compiler.is_exporting():
            y = self._local_at_any_length(q, k, v, window)
        # Below three windows the blocks of the local form would cover the row anyway.
        elif window is not None and q.shape[2] > 3 * window:
            y = self._local(q, k, v, window)
        else:
            y = self._attend(q, k, v, self._bias(q, window))
        return self.heads.join(y)

    def with_weights(
        self, x: Float[Tensor, "b n d"]
    ) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b h n n"]]:
        """Mix as `forward` does, step by step, and give how much each token takes from each.

        The rows of the second result are the tokens that take. Its softmax is computed in float32
        or wider, and it is as it was before dropout.
        """
        self.heads.check(x)
        q, k, v = self.heads.split(x)
        if self.options.position == "rotary":
            q, k = rotary(q, k)
        with full_precision(x):
            logits = widened(q) @ widened(k).mT / math.sqrt(q.shape[-1])
            bias = self._bias(q, self.options.window)
            if bias is not None and bias.dtype == torch.bool:
                logits = logits.masked_fill(~bias, -torch.inf)
            elif bias is not None:
                logits = logits + bias
            weights = logits.softmax(-1).to(v.dtype)
        kept = F.dropout(weights, self.options.dropout, self.training)
        return self.heads.merge(kept @ v), weights

    def measured(self, x: Float[Tensor, "1 n d"]) -> AttentionResponse:
        """Give how much the weights spread."""
        return attention_response(self.with_weights(x)[1])

    def _attend(
        self,
        q: Float[Tensor, "*b n c"],
        k: Float[Tensor, "*b m c"],
        v: Float[Tensor, "*b m c"],
        bias: Tensor | None,
    ) -> Float[Tensor, "*b n c"]:
        dropout = self.options.dropout if self.training else 0.0
        return softmax_attention(q, k, v, bias, dropout)

    def _bias(self, q: Float[Tensor, "b h n c"], window: int | None) -> Tensor | None:
        """Give what is added to the logits of a whole row: ALiBi, the window, or nothing."""
        n = q.shape[2]
        bias = None
        if self.options.position == "alibi":
            bias = alibi_bias(q.shape[1], n, q.device, q.dtype)
        if window is None:
            return bias
        place = torch.arange(n, device=q.device)
        inside = (place[:, None] - place[None, :]).abs() <= window
        return inside if bias is None else bias.masked_fill(~inside, -torch.inf)

    def _local(
        self,
        q: Float[Tensor, "b h n c"],
        k: Float[Tensor, "b h n c"],
        v: Float[Tensor, "b h n c"],
        window: int,
    ) -> Float[Tensor, "b h n c"]:
        """Attend in blocks of `window` queries to the three blocks of keys around them."""
        n = q.shape[2]
        blocks = -(-n // window)
        short = blocks * window - n
        q = F.pad(q, (0, 0, 0, short)).unflatten(2, (blocks, window))  # (b, h, blocks, w, c)
        k, v = (_three_blocks(z, window, short) for z in (k, v))  # (b, h, blocks, 3w, c)
        bias = self._block_bias(q, n)
        return self._attend(q, k, v, bias).flatten(2, 3)[:, :, :n]

    def _local_at_any_length(
        self,
        q: Float[Tensor, "b h n c"],
        k: Float[Tensor, "b h n c"],
        v: Float[Tensor, "b h n c"],
        window: int,
    ) -> Float[Tensor, "b h n c"]:
        """Do the same in a graph for every length: what lies past the ends repeats a token."""
        n = q.shape[2]
        # Two blocks or more, since graphs treat one apart; what is past the row's end is cut off.
        first = torch.arange(n // window + 2, device=q.device)[:, None] * window
        query = first + torch.arange(window, device=q.device)
        key = first + torch.arange(-window, 2 * window, device=q.device)
        q, k, v = (_taken(z, place) for z, place in ((q, query), (k, key), (v, key)))
        y = self._attend(q, k, v, self._block_bias(q, n)).flatten(2, 3)
        return y.index_select(2, torch.arange(n, device=q.device))

    def _block_bias(self, q: Float[Tensor, "b h k w c"], n: int) -> Tensor:
        """Give the window, the row's ends and ALiBi for every block of queries."""
        heads, blocks, window = q.shape[1:4]
        inside, distance = _block_geometry(blocks, window, n, q.device)
        if self.options.position != "alibi":
            return inside
        bias = alibi_bias(heads, 2 * window + 1, q.device, q.dtype)[:, 0]  # by distance
        bias = bias[:, distance.clamp(max=2 * window)]
        return bias[:, None].masked_fill(~inside, -torch.inf)


def _three_blocks(x: Float[Tensor, "b h n c"], window: int, short: int) -> Tensor:
    """Give for each block of tokens the block before it, itself and the block after it."""
    padded = F.pad(x, (0, 0, window, window + short))
    return padded.unfold(2, 3 * window, window).transpose(-1, -2)


def _taken(x: Float[Tensor, "b h n c"], place: Int[Tensor, "k m"]) -> Float[Tensor, "b h k m c"]:
    """Take blocks of tokens; places before the first or after the last token give that token."""
    rows = place.clamp(min=0, max=x.shape[2] - 1)
    return x.index_select(2, rows.flatten()).unflatten(2, rows.shape)


def _block_geometry(
    blocks: int, window: int, n: int, device: torch.device
) -> tuple[Bool[Tensor, "k w m"], Tensor]:
    """Say which keys each query of each block sees, and at what distance each key is."""
    query = torch.arange(window, device=device)[:, None]
    key = torch.arange(-window, 2 * window, device=device)[None, :]
    distance = (query - key).abs()
    start = window * torch.arange(blocks, device=device)[:, None, None]
    exists = (key + start >= 0) & (key + start < n)
    # Queries past the end of the row have no key in reach: let them see themselves, never NaN.
    return (distance <= window) & (exists | (distance == 0)), distance
