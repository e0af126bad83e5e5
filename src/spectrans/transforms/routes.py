"""Which of several equal computations is taken.

Every transform here can be computed by an FFT or by products with real matrices, and products by
more than one library. The values are the same up to rounding; the speed, and where the computation
can run, are not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from spectrans.errors import unknown

Route = Literal["fft", "matmul"]

_forced: Route | None = None


@contextmanager
def using(route: Route) -> Iterator[None]:
    """Make all transforms take one route inside the `with` block, whatever is faster.

    Parameters
    ----------
    route
        "matmul" computes Fourier, cosine, sine and Hadamard transforms by products with real
        matrices only, O(n^2 d): no complex number and no FFT, for runtimes that lack them. "fft"
        uses an FFT wherever there is one.

    Yields
    ------
    None
        Nothing; what is computed, compiled or exported inside the block takes the route.

    Raises
    ------
    ValueError
        `unknown route <route>`.

    Examples
    --------
    >>> with using("matmul"):
    ...     forced()
    'matmul'
    """
    global _forced
    if route not in get_args(Route):
        raise ValueError(unknown("route", route, get_args(Route)))
    before, _forced = _forced, route
    try:
        yield
    finally:
        _forced = before


def forced() -> Route | None:
    """Give the route of the innermost `using` block, None outside."""
    return _forced


# oneDNN against torch's own choice for x W^T, by operations (2 m k n). On an AMD Zen 4 with 1 and 2
# threads, float32: 0.5 to 1.1 times as fast below 2^26, 1.03 to 1.4 times from there on; bfloat16:
# 1.03 to 1.25. A shape met for the first time costs it 0.3 ms, which 2^27 operations earn in four
# calls. Zen 5, with its wider units: 1.9 to 2.3. Intel: torch chooses well by itself.
_ONEDNN_FROM = 2**27


def is_plain(*tensors: Tensor) -> bool:
    """Say whether nothing but numbers is asked for: eager, on CPU, no wrapper and no tracer.

    What torch transforms, captures or counts must be made of its documented operations.
    """
    return not (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()  # type: ignore[attr-defined]
        or is_in_torch_dispatch_mode()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
    ) and all(type(t) in (Tensor, nn.Parameter) and t.device.type == "cpu" for t in tensors)


def needs_slope(*tensors: Tensor | None) -> bool:
    """Say whether autograd records what is done with these tensors."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def has_hooks(module: nn.Module) -> bool:
    """Say whether somebody wants to know of a module's calls."""
    everywhere = nn.modules.module
    return any(
        (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
            everywhere._global_forward_hooks,
            everywhere._global_forward_pre_hooks,
            everywhere._global_backward_hooks,
            everywhere._global_backward_pre_hooks,
        )
    )


def flash_features(*tensors: Tensor) -> bool:
    """Say whether attention through random features should be two calls of torch's flash kernel.

    With 256 features of 64 channels on an AMD Zen 4 these took 0.8 to 0.9 times as long as matrices
    of features, at 512 to 4,096 tokens, and less memory. The kernel does not give the slope of the
    sums over the keys.
    """
    return is_plain(*tensors) and not needs_slope(*tensors) and tensors[0].dim() == 4


def onednn(rows: int, weight: Tensor, dtype: torch.dtype) -> bool:
    """Say whether oneDNN is the faster way to multiply so many rows by a weight on this CPU."""
    operations = 2 * rows * weight.numel()
    if operations < _ONEDNN_FROM or dtype not in (torch.float32, torch.bfloat16):
        return False
    if not (_onednn_suits() and torch.backends.mkldnn.enabled):
        return False
    # Where lower precision is allowed for float32 torch takes it, and knows best how.
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    exact = matmul.fp32_precision in ("none", "ieee")
    return dtype == torch.bfloat16 or (exact and _onednn_is_exact())


@cache
def _onednn_suits() -> bool:
    """Say whether this is a CPU on which oneDNN was measured: AMD's with AVX-512."""
    available = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(available and known.get("sse4a") and known.get("avx512_f"))


@cache
def _onednn_is_exact() -> bool:
    """Say whether a float32 product keeps the last bit, as it does not in any shorter type."""
    fine = torch.full((64, 64), 1 + torch.finfo(torch.float32).eps)
    product = torch.ops.mkldnn._linear_pointwise(fine, torch.eye(64), None, "none", [], "")
    return torch.equal(product, fine)
