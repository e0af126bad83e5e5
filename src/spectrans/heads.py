"""From token states to answers: pooling over real tokens, and the output heads."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectrans.initialisation import init_linear
from spectrans.packing import Rows

Pooling = Literal["mean", "cls", "max"]


def pool(x: Tensor, rows: Rows | None, how: Pooling) -> Float[Tensor, "b d"]:
    """Give one vector per row: the mean, the first token (`cls`) or the maximum of its real tokens.

    Parameters
    ----------
    x
        `(b, n, d)`, or packed `(t, d)` with `rows`.
    rows
        How `x` was packed, if it was.
    how
        Which summary.

    Returns
    -------
    Tensor
        Rows without any real token give zeros.
    """
    if rows is not None:
        return _pool_packed(x, rows, how)
    if how == "mean":
        return x.mean(1)
    return x[:, 0] if how == "cls" else x.amax(1)


def _pool_packed(x: Float[Tensor, "t d"], rows: Rows, how: Pooling) -> Float[Tensor, "b d"]:
    empty = x.new_zeros((rows.batch_shape[0], x.shape[-1]))
    if how == "cls":
        first = rows.positions == 0
        return empty.index_copy(0, rows.row[first], x[first])
    if how == "mean":
        tokens = x.new_zeros(len(empty)).index_add(0, rows.row, x.new_ones(len(x)))
        # Divide first: a sum of many tokens would overflow float16.
        share = x / tokens.clamp(min=1)[rows.row, None]
        return empty.index_add(0, rows.row, share)
    index = rows.row[:, None].expand_as(x)
    return empty.scatter_reduce(0, index, x, "amax", include_self=False)


class PooledHead(nn.Module):
    """Pool a row and map it to `num_outputs` numbers: class logits, or regression targets.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    num_outputs
        Numbers per row.
    pooling
        Summary of the row.
    """

    def __init__(self, hidden_dim: int, num_outputs: int, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling
        self.linear = nn.Linear(hidden_dim, num_outputs)
        init_linear(self.linear)

    def forward(self, x: Tensor, rows: Rows | None) -> Float[Tensor, "b k"]:
        """Map every row."""
        return self.linear(pool(x, rows, self.pooling))


class TokenHead(nn.Module):
    """Map every real token to `num_outputs` numbers; padded positions give zeros.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    num_outputs
        Numbers per token.
    """

    def __init__(self, hidden_dim: int, num_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_dim, num_outputs)
        init_linear(self.linear)

    def forward(self, x: Tensor, rows: Rows | None) -> Float[Tensor, "b n k"]:
        """Map every token."""
        y = self.linear(x)
        return y if rows is None else rows.unpack(y)


class TiedLMHead(nn.Module):
    """Score every vocabulary entry for every real token with the token embedding itself.

    Logits are divided by sqrt(hidden_dim): embeddings have power 1 per channel, so that they match
    the positions, and would give logits of that size. The bias is the head's own.

    Parameters
    ----------
    embedding
        The model's token embedding; it stays the model's, the head registers no copy.
    """

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        # In a tuple: a registered module would be saved twice.
        self._embedding = (embedding,)
        self.scale = 1.0 / math.sqrt(embedding.embedding_dim)
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))

    def forward(self, x: Tensor, rows: Rows | None) -> Float[Tensor, "b n v"]:
        """Score every token."""
        y = nn.functional.linear(x * self.scale, self._embedding[0].weight, self.bias)
        return y if rows is None else rows.unpack(y)
