"""Where low precision ends: transforms run in float32 or wider and give back the input's dtype.

Half-precision FFTs do not exist on CPU and exist on CUDA only for powers of two, and autocast hides
the first and causes the second, so every transform opens its own full-precision region.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

_regions = True


def widened(x: Tensor) -> Tensor:
    """Give `x` in float32, or unchanged where it is wider already."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Open a region on the device of `x` in which autocast does nothing."""
    if _regions and torch.amp.is_autocast_available(x.device.type):
        return torch.autocast(x.device.type, enabled=False)
    return nullcontext()


@contextmanager
def without_regions() -> Iterator[None]:
    """Open no region inside the block: for graphs that as a whole run where autocast does nothing.

    A traced region is a graph of its own, slow to run, and cannot always be written to a file.
    """
    global _regions
    before, _regions = _regions, False
    try:
        yield
    finally:
        _regions = before
