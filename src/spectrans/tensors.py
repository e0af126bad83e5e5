"""What a tensor must be to be taken, or else one sentence: its kind, shape, type and device."""

import torch
from torch import Tensor, nn
from torch._C import _functorch

from spectrans.errors import must
from spectrans.transforms.routes import has_hooks

# Numbers of 8 bits are for storage: torch computes next to nothing with them.
_FLOATS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
_PLAIN = (Tensor, nn.Parameter)


def check_tensor(name: str, x: object) -> None:
    """Refuse what is no tensor, or one whose numbers do not lie in strides."""
    if not isinstance(x, Tensor):
        raise TypeError(must(name, "be a tensor", type(x).__name__))
    if x.layout is not torch.strided or x.is_nested:
        raise ValueError(must(name, "be a dense tensor", "nested" if x.is_nested else x.layout))


def check_vectors(
    name: str,
    x: object,
    width: int | None,
    weight: object = None,
    holder: nn.Module | None = None,
) -> None:
    """Refuse what is no batch of token vectors that a layer of this width and weight can take.

    Parameters
    ----------
    name
        The caller's argument, for the messages.
    x
        What should be a floating-point tensor `(b, n, width)` with at least one row and token.
    width
        Channels of a token; None takes any.
    weight
        A weight that tokens meet, whose type and device they must have; what is no plain tensor
        says nothing, and under autocast the type may be another.
    holder
        The module that the weight is of: hooks around it may move or cast both when it is called,
        and then type and device say nothing.

    Raises
    ------
    TypeError
        No tensor.
    ValueError
        Another rank, size, type or device.
    """
    check_tensor(name, x)
    assert isinstance(x, Tensor), "it was checked"
    shape = x.shape
    if len(shape) != 3 or 0 in shape or (width is not None and shape[2] != width):
        rule = f"have shape (b, n, {'d' if width is None else width}) with b, n >= 1"
        raise ValueError(must(name, rule, tuple(shape)))
    if x.dtype not in _FLOATS:
        raise ValueError(must(name, "hold floating-point numbers of 16 bits or more", x.dtype))
    if not isinstance(weight, Tensor) or (x.dtype == weight.dtype and x.device == weight.device):
        return
    if type(weight) in _PLAIN and not (holder is not None and has_hooks(holder)):
        check_device(name, x, weight, "the weights are")
        if weight.dtype in _FLOATS and not _cast(x):
            raise ValueError(must(name, f"be {weight.dtype} as the weights are", x.dtype))


def check_device(name: str, x: Tensor, other: Tensor, whose: str) -> None:
    """Refuse a tensor on another device than one which it meets, `whose` says in words."""
    if x.device != other.device:
        raise ValueError(must(name, f"be on {other.device}, where {whose}", str(x.device)))


def unmapped(x: Tensor) -> Tensor:
    """Give the numbers behind a tensor that `torch.func` transforms, of all samples at once."""
    while _functorch.is_functorch_wrapped_tensor(x):
        x = _functorch.get_unwrapped(x)
    return x


def is_mapped(x: Tensor) -> bool:
    """Say whether `torch.func.vmap` maps over a tensor, here or further out."""
    while _functorch.is_functorch_wrapped_tensor(x):
        if _functorch.is_batchedtensor(x):
            return True
        x = _functorch.get_unwrapped(x)
    return False


def _cast(x: Tensor) -> bool:
    """Say whether autocast gives tokens and weights one type; it leaves float64 alone."""
    kind = x.device.type
    return (
        x.dtype != torch.float64
        and torch.amp.is_autocast_available(kind)
        and torch.is_autocast_enabled(kind)
    )
