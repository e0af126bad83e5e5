"""What a model refuses to take: ids, vectors and token types of a wrong kind, size or range."""

import torch
from torch import Tensor, nn

from spectrans.errors import must

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_ids(name: str, ids: Tensor, table: nn.Embedding) -> Tensor:
    """Give `(b, n)` ids ready for a look-up in `table`, or refuse them.

    Parameters
    ----------
    name
        The caller's argument that holds the ids, for the messages.
    ids
        Integers of any type.
    table
        Where they will be looked up.

    Returns
    -------
    Tensor
        The ids, of 32 or 64 bits.

    Raises
    ------
    ValueError
        Wrong shape, no integers, or an id outside the table.
    """
    if ids.dim() != 2 or ids.shape[1] == 0:
        raise ValueError(must(name, "have shape (b, n) with n >= 1", tuple(ids.shape)))
    if ids.dtype not in _INTEGERS:
        raise ValueError(must(name, "hold integers", ids.dtype))
    # On other devices, and inside a compiled graph, the look-up itself checks.
    if ids.device.type == "cpu" and not torch.compiler.is_compiling() and ids.numel():
        low, high = int(ids.min()), int(ids.max())
        if low < 0 or high >= table.num_embeddings:
            rule = f"lie in 0..{table.num_embeddings - 1}"
            raise ValueError(must(name, rule, low if low < 0 else high))
    return ids if ids.dtype in (torch.int64, torch.int32) else ids.long()


def check_embeds(x: Tensor, dim: int) -> Tensor:
    """Give `(b, n, dim)` vectors back, or refuse them."""
    if x.dim() != 3 or x.shape[2] != dim or x.shape[1] == 0:
        rule = f"have shape (b, n, {dim}) with n >= 1"
        raise ValueError(must("inputs_embeds", rule, tuple(x.shape)))
    if not x.is_floating_point():
        raise ValueError(must("inputs_embeds", "hold floating-point numbers", x.dtype))
    return x


def check_types(types: Tensor | None, x: Tensor, table: nn.Embedding | None) -> Tensor | None:
    """Give the token types of the batch `x`, or refuse them; None stays None."""
    if types is None:
        return None
    if table is None:
        raise ValueError("token_type_ids must not be given to a model without type_vocab_size")
    if types.shape != x.shape[:2]:
        rule = f"have the shape of the batch, {tuple(x.shape[:2])}"
        raise ValueError(must("token_type_ids", rule, tuple(types.shape)))
    return check_ids("token_type_ids", types, table)
