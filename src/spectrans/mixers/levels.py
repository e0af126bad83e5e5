"""What a wavelet mixer does to the coefficients: four ways to mix a list of levels.

A list holds the approximation, then the details from the coarsest to the finest. Row 0 of every
parameter belongs to the approximation and row j to the details of level j, 1 being the finest.
Short rows have fewer levels and use the first rows: what is coarsest in them is approximation.
The last `spare` coefficients of every entry, if any, hold nothing, and nothing may depend on them.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from spectrans.initialisation import init_unit_gain
from spectrans.mixers.projection import HeadProjection
from spectrans.transforms.attention import softmax_attention
from spectrans.transforms.precision import full_precision, widened

Coefficients = list[Float[Tensor, "b _ d"]]


class PointwiseMixing(nn.Module):
    """A gain per level and channel."""

    def __init__(self, rows: int, hidden_dim: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.empty(rows, hidden_dim))

    def reset_parameters(self) -> None:
        """Draw gains of either sign and power one."""
        nn.init.normal_(self.gain)

    def met(self) -> tuple[Tensor, nn.Module]:
        """Give the weight that coefficients meet, and the module that it is of."""
        return self.gain, self

    def gains(self) -> Float[Tensor, "levels d"]:
        """Give the size of the factor of every level and channel."""
        return widened(self.gain).abs()

    def forward(self, coefficients: Coefficients, spare: int = 0) -> Coefficients:
        """Scale every level."""
        gain = widened(self.gain)
        return [c * gain[row] for row, c in zip(_rows(coefficients), coefficients, strict=True)]


class ChannelMixing(nn.Module):
    """A d x d matrix per level, applied at every place."""

    def __init__(self, rows: int, hidden_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, hidden_dim, hidden_dim))  # (level, out, in)

    def reset_parameters(self) -> None:
        """Draw matrices that keep the power."""
        init_unit_gain(self.weight, self.weight.shape[2])

    def met(self) -> tuple[Tensor, nn.Module]:
        """Give the weight that coefficients meet, and the module that it is of."""
        return self.weight, self

    def gains(self) -> Float[Tensor, "levels d"]:
        """Give how strong a channel of every level comes out where all go in with power one."""
        return torch.linalg.vector_norm(widened(self.weight), dim=2)

    def forward(self, coefficients: Coefficients, spare: int = 0) -> Coefficients:
        """Mix the channels of every level."""
        weight = self.weight
        pairs = zip(_rows(coefficients), coefficients, strict=True)
        return [F.linear(c.to(weight.dtype), weight[row]) for row, c in pairs]


class LevelMixing(nn.Module):
    """For each channel, a matrix that adds every level to every level at the same place.

    A coefficient reaches finer levels by repetition and coarser ones by summing those it stands
    for, times root 1/2 per level, which makes the two maps adjoint and the first an isometry.

    Parameters
    ----------
    rows
        Levels and one.
    hidden_dim
        Channels.
    ahead
        Coefficients of a level before the start of the row: `f` stands at `(f + ahead) // 2` of
        the next coarser level.
    """

    def __init__(self, rows: int, hidden_dim: int, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead
        self.weight = nn.Parameter(torch.empty(rows, rows, hidden_dim))  # (to, from, channel)

    def reset_parameters(self) -> None:
        """Draw matrices of unit gain."""
        init_unit_gain(self.weight, self.weight.shape[1])

    def met(self) -> tuple[Tensor, nn.Module]:
        """Give the weight that coefficients meet, and the module that it is of."""
        return self.weight, self

    def gains(self) -> Float[Tensor, "levels d"]:
        """Give how strong every level comes out where all go in with power one."""
        rows = torch.arange(len(self.weight), device=self.weight.device)
        level = rows.where(rows > 0, len(rows) - 1)
        # To a finer level a coefficient goes twice, at root 1/2 of its size.
        finer = (level[None, :] - level[:, None]).clamp(min=0)
        power = widened(self.weight).square() * (0.5**finer)[..., None]
        return power.sum(1).sqrt()

    def forward(self, coefficients: Coefficients, spare: int = 0) -> Coefficients:
        """Add up what every level sends to every level."""
        rows, top = _rows(coefficients), len(coefficients) - 1
        level = {row: row or top for row in rows}  # the approximation is as long as detail `top`
        lengths = {level[row]: c.shape[1] for row, c in zip(rows, coefficients, strict=True)}
        sent = {
            row: self._at_every_level(c, level[row], lengths, spare)
            for row, c in zip(rows, coefficients, strict=True)
        }
        with full_precision(self.weight):
            weight = widened(self.weight)
            return [
                torch.stack([weight[to, row] * sent[row][level[to]] for row in rows]).sum(0)
                for to in rows
            ]

    def _at_every_level(
        self, c: Float[Tensor, "b k d"], level: int, lengths: dict[int, int], spare: int
    ) -> dict[int, Tensor]:
        """Carry the coefficients of one level to the length of every level."""
        found = {level: c}
        for finer in range(level - 1, 0, -1):
            found[finer] = self._refined(found[finer + 1], lengths[finer], spare)
        for coarser in range(level + 1, max(lengths) + 1):
            found[coarser] = self._coarsened(found[coarser - 1], lengths[coarser], spare)
        return found

    def _refined(self, c: Float[Tensor, "b k d"], rows: int, spare: int) -> Float[Tensor, "b m d"]:
        place = torch.arange(rows, device=c.device)
        return c.index_select(1, (place + self.ahead) // 2) * _step(rows - spare)

    def _coarsened(
        self, c: Float[Tensor, "b m d"], rows: int, spare: int
    ) -> Float[Tensor, "b k d"]:
        k = c.shape[1] - spare
        first = 2 * torch.arange(rows, device=c.device) - self.ahead
        padded = F.pad(c, (0, 0, 0, 1))  # the last row is zero, for places outside
        pair = [p.where((p >= 0) & (p < k), k + spare) for p in (first, first + 1)]
        return (padded.index_select(1, pair[0]) + padded.index_select(1, pair[1])) * _step(k)


class AttentionMixing(nn.Module):
    """Multi-head softmax attention among the coefficients of a level, with weights of its own."""

    def __init__(self, rows: int, hidden_dim: int, num_heads: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(HeadProjection(hidden_dim, num_heads) for _ in range(rows))

    def reset_parameters(self) -> None:
        """Draw projections that keep the power."""
        for heads in self.heads:
            cast(HeadProjection, heads).reset_parameters()

    def met(self) -> tuple[object, nn.Module]:
        """Give the weight that coefficients meet, if it has one, and the module that it is of."""
        qkv = cast(HeadProjection, self.heads[0]).qkv
        return getattr(qkv, "weight", None), qkv

    def gains(self) -> None:
        """Give nothing: how strong a level comes out depends on the tokens."""

    def forward(self, coefficients: Coefficients, spare: int = 0) -> Coefficients:
        """Let the coefficients of every level attend to each other."""
        pairs = zip(_rows(coefficients), coefficients, strict=True)
        return [_attend(cast(HeadProjection, self.heads[row]), c, spare) for row, c in pairs]


def _attend(heads: HeadProjection, c: Float[Tensor, "b k d"], spare: int) -> Float[Tensor, "b k d"]:
    q, k, v = heads.split(c.to(heads.qkv.weight.dtype))
    rows = c.shape[1]
    seen = torch.arange(rows, device=c.device)[None] < rows - spare if spare else None
    return heads.merge(softmax_attention(q, k, v, seen))


def _rows(coefficients: Coefficients) -> list[int]:
    """Give each entry's row of the parameters: approximation, coarsest detail ... finest detail."""
    return [0, *range(len(coefficients) - 1, 0, -1)]


def _step(fine_length: int) -> float:
    """Give root 1/2, or one where a single coefficient stays what it is: no branch, for export."""
    return 1.0 - (1.0 - math.sqrt(0.5)) * torch.sym_min(fine_length - 1, 1)
