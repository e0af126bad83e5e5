"""Where low precision ends: transforms run in float32 or wider and give back the input's dtype.

Half-precision FFTs do not exist on CPU and exist on CUDA only for powers of two, and autocast hides
the first and causes the second, so every transform opens its own full-precision region.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def widened(x: Tensor) -> Tensor:
    """Give `x` in float32, or unchanged where it is wider already."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Open a region on the device of `x` in which autocast does nothing."""
    if torch.amp.is_autocast_available(x.device.type):
        return torch.autocast(x.device.type, enabled=False)
    return nullcontext()
