"""What a model refuses to take: ids, vectors and token types of a wrong kind, size or range."""

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from spectrans.blocks.hybrid import HybridBlock
from spectrans.errors import must
from spectrans.packing import Rows
from spectrans.positions import LearnedPositions, SinusoidalPositions
from spectrans.tensors import check_device, check_tensor, check_vectors, unmapped
from spectrans.transforms.routes import has_hooks

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_ids(name: str, ids: Tensor) -> Tensor:
    """Give `(b, n)` ids ready for a look-up, or refuse them; `in_range` checks the real ones.

    Parameters
    ----------
    name
        The caller's argument that holds the ids, for the messages.
    ids
        Integers of any type.

    Returns
    -------
    Tensor
        The ids, of 32 or 64 bits.

    Raises
    ------
    TypeError
        No tensor.
    ValueError
        Wrong shape, or no integers.
    """
    check_tensor(name, ids)
    if ids.dim() != 2 or 0 in ids.shape:
        raise ValueError(must(name, "have shape (b, n) with b, n >= 1", tuple(ids.shape)))
    if ids.dtype not in _INTEGERS:
        raise ValueError(must(name, "hold integers", ids.dtype))
    return ids if ids.dtype in (torch.int64, torch.int32) else ids.long()


def in_range(
    name: str, ids: Integer[Tensor, "*b n"], table: Float[Tensor, "v d"]
) -> Integer[Tensor, "*b n"]:
    """Give the ids of real tokens back, or refuse one that `table` has no row for."""
    # On other devices, and inside a compiled graph, the look-up itself checks.
    if ids.device.type == "cpu" and not torch.compiler.is_compiling() and ids.numel():
        known = unmapped(ids)
        low, high = int(known.min()), int(known.max())
        if low < 0 or high >= len(table):
            rule = f"lie in 0..{len(table) - 1}"
            raise ValueError(must(name, rule, low if low < 0 else high))
    return ids


def check_input(
    ids: Tensor | None,
    embeds: Tensor | None,
    dim: int,
    table: nn.Embedding | None,
    block: nn.Module,
) -> Tensor:
    """Give the one of ids and `(b, n, dim)` vectors that was given, if a model can take it.

    Parameters
    ----------
    ids
        Token ids.
    embeds
        Vectors of tokens. Whether they are numbers is not looked at, which would take a pass over
        them: what is none goes through.
    dim
        Channels of a vector.
    table
        What ids are looked up in; None where a model takes none.
    block
        The first one, whose weights say which type and device vectors must have.

    Returns
    -------
    Tensor
        Ids or vectors.

    Raises
    ------
    TypeError
        What was given is no tensor.
    ValueError
        Both or neither were given, or one that the model cannot take.
    """
    if (ids is None) == (embeds is None):
        got = "neither" if ids is None else "both"
        raise ValueError(must("forward", "get input_ids or inputs_embeds", got))
    if embeds is not None:
        check_vectors("inputs_embeds", embeds, dim, *_met(block))
        return embeds
    if table is None:
        raise ValueError("input_ids must not be given to a model without vocab_size")
    assert ids is not None
    found = check_ids("input_ids", ids)
    if table.weight.device != ids.device and not has_hooks(table):
        check_device("input_ids", ids, table.weight, "the weights are")
    return found


def _met(block: nn.Module) -> tuple[Tensor | None, nn.Module]:
    """Give a weight of a block, if it is one of ours and in its place, and the block."""
    if not isinstance(block, HybridBlock) or has_hooks(block.norm1):
        return None, block
    return block.norm1.weight, block


def places(
    position_ids: Tensor | None,
    x: Tensor,
    rows: Rows | None,
    positions: SinusoidalPositions | LearnedPositions | None,
) -> Int[Tensor, "*b n"]:
    """Give the position of every token of the batch `x`, or of every real one if there are `rows`.

    Parameters
    ----------
    position_ids
        Positions of the whole batch; None counts the real tokens of each row.
    x
        The batch before it is packed.
    rows
        How it will be packed, if it is.
    positions
        What they are for.

    Returns
    -------
    Tensor
        Positions, packed as the batch is.

    Raises
    ------
    ValueError
        Positions for a model that adds none, of another shape or type, or beyond learned ones.
    """
    table = positions.weight if isinstance(positions, LearnedPositions) else None
    if position_ids is not None:
        if positions is None:
            raise ValueError("position_ids must not be given to a model that adds no positions")
        _check_shape("position_ids", position_ids, x)
        place = check_ids("position_ids", position_ids)
        place = place if rows is None else rows.pack(place)
        return place if table is None else in_range("position_ids", place, table)
    place = torch.arange(x.shape[1], device=x.device) if rows is None else rows.positions
    # Inside a compiled graph of packed rows, whose lengths it must not know, the look-up checks.
    blind = torch.compiler.is_compiling() and rows is not None
    if table is not None and not blind and place.numel():
        longest = x.shape[1] if rows is None else int(place.max()) + 1
        if longest > len(table):
            rule = f"be at most max_sequence_length={len(table)}"
            raise ValueError(must("the length with learned positions", rule, longest))
    return place


def _check_shape(name: str, ids: Tensor, x: Tensor) -> None:
    check_tensor(name, ids)
    check_device(name, ids, x, "the batch is")
    if ids.shape != x.shape[:2]:
        rule = f"have the shape of the batch, {tuple(x.shape[:2])}"
        raise ValueError(must(name, rule, tuple(ids.shape)))


def check_types(types: Tensor | None, x: Tensor, table: nn.Embedding | None) -> Tensor | None:
    """Give the token types of the batch `x`, or refuse them; None stays None."""
    if types is None:
        return None
    if table is None:
        raise ValueError("token_type_ids must not be given to a model without type_vocab_size")
    _check_shape("token_type_ids", types, x)
    return check_ids("token_type_ids", types)
