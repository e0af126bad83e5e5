"""From token states to answers: pooling over real tokens, and the output heads."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from spectrans.blocks.activation import ACTIVATIONS, Activation, apply_activated
from spectrans.blocks.norm import Norm
from spectrans.initialisation import init_linear, init_unit_gain
from spectrans.linear import apply_linear, linear
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


class Pooler(nn.Module):
    """Pool a row to one vector, and transform that where an activation is given.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    pooling
        Summary of the row.
    activation
        What follows a linear layer on the summary; None gives the summary itself.
    """

    def __init__(self, hidden_dim: int, pooling: Pooling, activation: Activation | None) -> None:
        super().__init__()
        self.pooling = pooling
        self.activation = activation
        self.dense = None if activation is None else nn.Linear(hidden_dim, hidden_dim)
        if self.dense is not None:
            init_unit_gain(self.dense.weight, hidden_dim)
            nn.init.zeros_(self.dense.bias)

    def forward(self, x: Tensor, rows: Rows | None) -> Float[Tensor, "b d"]:
        """Give one vector per row."""
        y = pool(x, rows, self.pooling)
        if self.dense is None or self.activation is None:
            return y
        return ACTIVATIONS[self.activation](self.dense(y))


class PooledHead(nn.Module):
    """Pool a row and map it to `num_outputs` numbers: class logits, or regression targets.

    Without `num_outputs` the pooled row itself is the answer; the pooler has the same name in both.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    num_outputs
        Numbers per row; None for the pooled row.
    pooling
        Summary of the row.
    pooler
        Activation of a linear layer between the two, see `Pooler`.
    dropout
        Probability of dropping a channel of the pooled row in training.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_outputs: int | None,
        pooling: Pooling,
        *,
        pooler: Activation | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.pooler = Pooler(hidden_dim, pooling, pooler)
        self.dropout = nn.Dropout(dropout)
        self.linear = None if num_outputs is None else nn.Linear(hidden_dim, num_outputs)
        if self.linear is not None:
            init_linear(self.linear)

    def forward(self, x: Tensor, rows: Rows | None) -> Float[Tensor, "b k"]:
        """Map every row."""
        pooled = self.pooler(x, rows)
        return pooled if self.linear is None else self.linear(self.dropout(pooled))


class LMTransform(nn.Module):
    """Linear layer, activation and norm before the scores of a masked language model.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    embedding_dim
        Width of the result.
    activation
        What follows the linear layer.
    norm_eps
        Epsilon of the norm, taken as given.
    """

    def __init__(
        self, hidden_dim: int, embedding_dim: int, activation: Activation, norm_eps: float
    ) -> None:
        super().__init__()
        self.activation = activation
        self.dense = nn.Linear(hidden_dim, embedding_dim)
        init_linear(self.dense)
        self.norm = Norm(embedding_dim, eps=norm_eps, exact=True)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b e"]:
        """Transform each token."""
        return self.norm(apply_activated(self.dense, x, self.activation))


class TokenHead(nn.Module):
    """Map every real token to `num_outputs` numbers; padded positions give zeros.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    num_outputs
        Numbers per token.
    dropout
        Probability of dropping a channel of a token in training.
    transform
        What acts on each token first.
    """

    def __init__(
        self,
        hidden_dim: int,
        num_outputs: int,
        *,
        dropout: float = 0.0,
        transform: LMTransform | None = None,
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.transform = transform
        self.linear = nn.Linear(hidden_dim, num_outputs)
        init_linear(self.linear)

    def forward(self, x: Tensor, rows: Rows | None) -> Float[Tensor, "b n k"]:
        """Map every token."""
        x = self.dropout(x if self.transform is None else self.transform(x))
        y = apply_linear(self.linear, x)
        return y if rows is None else rows.unpack(y)


class TiedLMHead(nn.Module):
    """Score every vocabulary entry for every real token with the token embedding itself.

    Embeddings start with power 1 per channel, to match the positions: without a scale of
    1/sqrt(embedding_dim) logits would start at sqrt(embedding_dim). The bias is the head's own.

    Parameters
    ----------
    embedding
        The model's token embedding; it stays the model's, the head registers no copy.
    scale
        Factor of the logits; None is 1/sqrt(embedding_dim).
    transform
        What acts on each token first.
    """

    def __init__(
        self,
        embedding: nn.Embedding,
        *,
        scale: float | None = None,
        transform: LMTransform | None = None,
    ) -> None:
        super().__init__()
        self.transform = transform
        # In a tuple: a registered module would be saved twice.
        self._embedding = (embedding,)
        self.scale = 1.0 / math.sqrt(embedding.embedding_dim) if scale is None else scale
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))

    def forward(self, x: Tensor, rows: Rows | None) -> Float[Tensor, "b n v"]:
        """Score every token."""
        if self.transform is not None:
            x = self.transform(x)
        y = linear(x * self.scale, self._embedding[0].weight, self.bias)
        return y if rows is None else rows.unpack(y)
