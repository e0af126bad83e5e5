"""Padding, and how it is removed once at the model's edge: the only file that knows of it.

A transform of a padded row is another transform, so zeroing padded positions is not enough. Real
tokens are packed into one `(t, d)` tensor, rows of equal length side by side; every mixer is then
called on dense batches of one length, and what treats each token alone on real tokens only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from itertools import accumulate
from typing import Any, ParamSpec, TypeVar

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from spectrans.errors import must
from spectrans.tensors import check_tensor, is_mapped
from spectrans.transforms.routes import has_hooks

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def outside_graphs(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Have a function run between compiled graphs, as `torch.compiler.disable` does.

    That would import the compiler here, which takes as long as torch itself. Row lengths are data:
    compiled, every new set of them would be a new graph.
    """

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        if torch.compiler.is_compiling():
            return torch.compiler.disable(function)(*args, **kwargs)
        return function(*args, **kwargs)

    return call


@dataclass(frozen=True)
class Rows:
    """The rows of one padded batch after packing: shortest rows first, tokens in order.

    Parameters
    ----------
    groups
        `(rows, length)` of each run of rows of equal length, in packed order.
    index
        `(t,)` place of every packed token in the flattened padded batch.
    row
        `(t,)` row of the padded batch that every packed token belongs to.
    positions
        `(t,)` number of real tokens before each packed token in its row.
    batch_shape
        `(b, n)` of the padded batch.
    """

    groups: tuple[tuple[int, int], ...]
    index: Int[Tensor, " t"]
    row: Int[Tensor, " t"]
    positions: Int[Tensor, " t"]
    batch_shape: tuple[int, int]

    @cached_property
    def bounds(self) -> Int[Tensor, " bounds"]:
        """Where each row begins among the packed tokens, and where the last one ends."""
        lengths = [length for rows, length in self.groups for _ in range(rows)]
        ends = list(accumulate(lengths, initial=0))
        return torch.tensor(ends, dtype=torch.int32, device=self.index.device)

    def pack(self, x: Float[Tensor, "b n d"] | Integer[Tensor, "b n"]) -> Tensor:
        """Take the real tokens out of a padded batch, `(b, n, ...)` to `(t, ...)`."""
        return x.flatten(0, 1).index_select(0, self.index)

    def unpack(self, x: Float[Tensor, "t c"]) -> Float[Tensor, "b n c"]:
        """Put packed tokens back in their places, with zeros at padded ones."""
        b, n = self.batch_shape
        padded = x.new_zeros((b * n, x.shape[-1])).index_copy(0, self.index, x)
        return padded.view(b, n, x.shape[-1])

    def unpack_pairs(
        self, groups: Sequence[Tensor], like: Tensor, num_heads: int
    ) -> Float[Tensor, "b h n n"]:
        """Put what each token has to do with each of its row in place, with zeros at padding.

        Parameters
        ----------
        groups
            One tensor `(rows, h, length, length)` per run of rows of equal length, in packed order.
        like
            Says device and type of the result.
        num_heads
            Heads of every tensor.

        Returns
        -------
        Tensor
            One matrix per row of the padded batch and head.
        """
        b, n = self.batch_shape
        padded = like.new_zeros((b, n, n, num_heads))
        sizes = [rows * length for rows, length in self.groups]
        for group, part in zip(groups, self.index.split(sizes) if sizes else (), strict=True):
            place = part.view(group.shape[0], -1)
            row, column = place[:, :1, None] // n, place % n
            padded[row, column[:, :, None], column[:, None, :]] = group.permute(0, 2, 3, 1)
        return padded.permute(0, 3, 1, 2)

    def mix(self, mixer: nn.Module, x: Float[Tensor, "t d"]) -> Float[Tensor, "t d"]:
        """Let a mixer see each row: by its `forward_packed` if it has one, else once per length."""
        if not self.groups:  # nothing but padding
            return x
        # Hooks are called by calling the mixer.
        if has_hooks(mixer) or not _knows_packed(mixer):
            return self.each(mixer, x)
        packed: Any = mixer.forward_packed
        return packed(x, self)

    def each(
        self, function: Callable[[Tensor], Tensor], x: Float[Tensor, "t d"]
    ) -> Float[Tensor, "t e"]:
        """Call a function of dense batches once per distinct row length, and join what it gives."""
        mixed = [function(batch).flatten(0, 1) for batch in self.batches(x)]
        return torch.cat(mixed).to(x.dtype)

    def batches(self, x: Float[Tensor, "t d"]) -> list[Float[Tensor, "b n d"]]:
        """Give packed tokens as one dense batch per distinct row length, shortest first."""
        parts = x.split([rows * length for rows, length in self.groups])
        return [
            part.view(rows, length, -1)
            for part, (rows, length) in zip(parts, self.groups, strict=True)
        ]


def _knows_packed(mixer: nn.Module) -> bool:
    """Say whether a mixer has a `forward_packed` that is about the `forward` that it has."""
    homes = (
        next((home for home in type(mixer).__mro__ if name in vars(home)), None)
        for name in ("forward_packed", "forward")
    )
    packed, plain = homes
    return bool(packed and plain and issubclass(packed, plain))


@outside_graphs
def pack_rows(
    attention_mask: Tensor, batch_shape: Sequence[int], device: torch.device | None = None
) -> Rows | None:
    """Read an attention mask; give None where it hides nothing, so that the batch stays dense.

    Parameters
    ----------
    attention_mask
        `(b, n)` of any type, 1 or True at real tokens, 0 or False at padding, in any places.
    batch_shape
        `(b, n)` that the mask must have.
    device
        Where the mask must be; None says nothing of it.

    Returns
    -------
    Rows or None
        How to pack the batch.

    Raises
    ------
    TypeError
        No tensor.
    ValueError
        Another shape or device, values other than 0 and 1, or a mask that is mapped over or on the
        meta device: how long rows are must be known.
    """
    check_tensor("attention_mask", attention_mask)
    if tuple(attention_mask.shape) != tuple(batch_shape):
        rule = f"have the shape of the batch, {tuple(batch_shape)}"
        raise ValueError(must("attention_mask", rule, tuple(attention_mask.shape)))
    if device is not None and attention_mask.device != device:
        rule = f"be on {device}, where the batch is"
        raise ValueError(must("attention_mask", rule, str(attention_mask.device)))
    if attention_mask.is_meta:
        raise ValueError("attention_mask must hold numbers, got one on the meta device")
    if is_mapped(attention_mask):
        raise ValueError(
            "attention_mask must be the same for all samples of torch.func.vmap, got one that is "
            "mapped over"
        )
    real = attention_mask != 0
    if not torch.equal(real.to(attention_mask.dtype), attention_mask):
        strange = attention_mask[real & (attention_mask != 1)][0].item()
        raise ValueError(must("attention_mask", "be 1 at real tokens and 0 at padding", strange))
    if bool(real.all()):
        return None
    return _rows(real)


def _rows(real: Tensor) -> Rows:
    b, n = real.shape
    lengths = real.sum(1)
    order = lengths.argsort(stable=True)
    shuffled = real[order]  # rows from short to long, tokens still in order
    place, column = shuffled.nonzero(as_tuple=True)
    row = order[place]
    distinct, counts = torch.unique(lengths[lengths > 0], return_counts=True)
    return Rows(
        groups=tuple(zip(counts.tolist(), distinct.tolist(), strict=True)),
        index=row * n + column,
        row=row,
        positions=(shuffled.long().cumsum(1) - 1)[place, column],
        batch_shape=(b, n),
    )
