"""Which of several equal computations is taken.

Every transform here can be computed by an FFT or by products with real matrices, and products by
more than one library. The values are the same up to rounding; the speed, and where the computation
can run, are not.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend
from torch.utils import _python_dispatch

from spectrans.errors import unknown

Route = Literal["fft", "matmul"]

# Numbers in a row from which folding it alone beats mirroring a batch.
_FOLDED_FROM = 280_000
# The same for a convolution, and for the network on all frequencies.
_ROWS_FROM = 120_000
# Threads up to which taking row by row was measured where threads share a row.
_MEASURED_THREADS = 2
# Numbers of input in one piece of work: temporary tensors stay below what malloc gives back.
_AT_ONCE = 1 << 22

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


def fourier(x: Tensor, part: str) -> Literal["matmul", "traced", "mirrored", "folded"]:
    """Choose how `fourier_mix` is computed, for `x` of (b, n, d)."""
    if _forced == "matmul":
        return "matmul"
    if torch.compiler.is_compiling():
        return "traced"
    large = x.shape[1] * x.shape[2] >= _FOLDED_FROM
    return "folded" if part == "real" and large and x.device.type == "cpu" else "mirrored"


def convolution(x: Tensor) -> Literal["plain", "short", "rows", "at once"]:
    """Choose how `convolve` is computed, for `x` of (b, n, d)."""
    if _forced == "matmul" or torch.compiler.is_compiling():
        return "plain"
    if short_rows(x, x.shape[1]):
        return "short"
    # One row is turned faster than an FFT across its channels reads it.
    large = x.shape[0] == 1 or x.shape[1] * x.shape[2] >= _ROWS_FROM
    return "rows" if large and _is_alone(x) else "at once"


def by_rows(*tensors: Tensor) -> bool:
    """Say whether to treat rows one after the other, so that all of one stays in the cache."""
    if not is_plain(*tensors) or needs_slope(*tensors):
        return False  # first of all: a graph for every length may not ask for the length
    return tensors[0].shape[1] * tensors[0].shape[2] >= _ROWS_FROM and _is_alone(tensors[0])


def by_pairs(x: Tensor) -> bool:
    """Say whether a cosine transform should take row by row, two channels at a time.

    On an AMD Zen 4 that took, with 1 and 2 threads, 0.4 to 1.0 times as long as all rows at once.
    """
    if not is_plain(x) or needs_slope(x):
        return False
    return x.shape[1] * x.shape[2] >= _ROWS_FROM and torch.get_num_threads() <= _MEASURED_THREADS


# On an AMD Zen 4, for 64 to 768 channels and 1 to 64 rows, a product with the matrix took 0.1 to 1
# times as long as an FFT up to 64 tokens, and 0.25 to 0.7 times up to 200 tokens where 19 or a
# larger prime is a factor.
SHORT, SHORT_ROUGH = 64, 200
_FFT_PRIMES = (2, 3, 5, 7, 11, 13, 17)


def short_rows(x: Tensor, n: int) -> bool:
    """Say whether rows of `n` tokens should be transformed by a matrix that is kept."""
    if forced() == "fft" or not is_plain(x):
        return False  # first of all: a graph for every length may not ask for the length
    return 0 < n <= SHORT or (0 < n <= SHORT_ROUGH and is_rough(n, _FFT_PRIMES))


def is_rough(n: int, primes: Sequence[int]) -> bool:
    """Say whether a length, 1 or more, has a factor that is made of none of these primes."""
    for prime in primes:
        while n % prime == 0:
            n //= prime
    return n > 1


def rows_at_once(numbers: int) -> int:
    """Give how many rows of so many numbers to transform in one piece."""
    return max(1, _AT_ONCE // numbers)


def _is_alone(x: Tensor) -> bool:
    """Say whether one CPU thread does all: with more, many small steps wait for each other."""
    return x.device.type == "cpu" and torch.get_num_threads() == 1


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
        or _is_transformed()
    ) and all(type(t) in (Tensor, nn.Parameter) and t.device.type == "cpu" for t in tensors)


def _is_transformed() -> bool:
    """Say whether torch hands operations to something else first; True where it does not say."""
    functorch = getattr(torch._C, "_are_functorch_transforms_active", None)
    modes = getattr(_python_dispatch, "is_in_torch_dispatch_mode", None)
    if functorch is None or modes is None:
        return True
    return functorch() or modes() or getattr(forward_ad, "_current_level", 0) >= 0


def flash_of_rows(qkv: Tensor, head_channels: int) -> bool:
    """Say whether CUDA's flash kernel can attend within rows of several lengths at once.

    It takes numbers of 16 bits and heads of up to 256 channels, from compute capability 8 on.
    """
    return (
        qkv.device.type == "cuda"
        and qkv.dtype in (torch.float16, torch.bfloat16)
        and head_channels % 8 == 0
        and head_channels <= 256
        and forced() is None
        and not torch.compiler.is_compiling()
        and not _is_transformed()
        and torch.cuda.get_device_capability(qkv.device) >= (8, 0)
    )


def needs_slope(*tensors: Tensor | None) -> bool:
    """Say whether autograd records what is done with these tensors."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def has_hooks(module: nn.Module) -> bool:
    """Say whether calling a module does more than its class's `forward`."""
    everywhere = nn.modules.module
    return "forward" in vars(module) or any(
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


def depthwise(x: Tensor) -> bool:
    """Say whether oneDNN's depthwise convolution can filter `x`, and keep its precision.

    On an AMD Zen 4 it was faster at every size measured, from 14 samples of 12 channels on.
    """
    if not is_plain(x) or x.dtype != torch.float32 or x.numel() == 0:
        return False
    conv = torch.backends.mkldnn.conv  # type: ignore[attr-defined]
    exact = getattr(conv, "fp32_precision", "") in ("none", "ieee")
    return exact and bool(torch.backends.mkldnn.enabled) and _has_wide_units()


@cache
def _has_wide_units() -> bool:
    """Say whether this is a CPU for which oneDNN writes its own code."""
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get("avx2")) and torch.backends.mkldnn.is_available()


def flash_features(*tensors: Tensor) -> bool:
    """Say whether attention through random features should be two calls of torch's flash kernel.

    With 256 features of 64 channels on an AMD Zen 4 these took 0.8 to 0.9 times as long as matrices
    of features, at 512 to 4,096 tokens, and less memory. The kernel does not give the slope of the
    sums over the keys.
    """
    if not is_plain(*tensors) or needs_slope(*tensors) or tensors[0].dim() != 4:
        return False
    return _flash_is_right()


def flash_slopes(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, dropout: float) -> bool:
    """Say whether attention is torch's flash kernel for CPU in need of a slope of its slope.

    Where torch would not choose that kernel, or a bias is learned, torch's own choice has slopes of
    any order.
    """
    if dropout or not is_plain(q, k, v) or not needs_slope(q, k, v) or needs_slope(bias):
        return False
    choice = getattr(torch, "_fused_sdp_choice", None)
    if choice is None or torch.is_autocast_enabled("cpu"):
        return False
    return choice(q, k, v, bias, 0.0, False) == SDPBackend.FLASH_ATTENTION.value


def onednn(rows: int, weight: Tensor, dtype: torch.dtype) -> bool:
    """Say whether oneDNN is the faster way to multiply so many rows by a weight on this CPU."""
    operations = 2 * rows * weight.numel()
    if operations < _ONEDNN_FROM or dtype not in (torch.float32, torch.bfloat16):
        return False
    if not (_onednn_suits() and torch.backends.mkldnn.enabled):
        return False
    # Where lower precision is allowed for float32 torch takes it, and knows best how.
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    if dtype == torch.float32 and getattr(matmul, "fp32_precision", "") not in ("none", "ieee"):
        return False
    return _onednn_is_right(dtype)


@cache
def _onednn_suits() -> bool:
    """Say whether this is a CPU on which oneDNN was measured: AMD's with AVX-512."""
    known: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(known.get("sse4a") and known.get("avx512_f"))


@cache
@torch.inference_mode()
def _onednn_is_right(dtype: torch.dtype) -> bool:
    """Try the operation, which torch does not document: products, biases and GELU.

    A float32 product with the identity keeps the last bit, as it does not in any shorter type.
    """
    multiply = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if multiply is None:
        return False
    # Without AVX-512 there are no products in 16 bits.
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    eps = torch.finfo(dtype).eps
    x, weight = torch.full((64, 64), 1 + eps, dtype=dtype), torch.eye(64, dtype=dtype)
    bias = torch.linspace(-4, 4, 64, dtype=dtype)
    curved = (x + bias).to(dtype)
    found = [multiply(x, weight, bias, "gelu", [], algorithm) for algorithm in ("none", "tanh")]
    wanted = [F.gelu(curved), F.gelu(curved, approximate="tanh")]
    return torch.equal(multiply(x, weight, None, "none", [], ""), x) and all(
        torch.allclose(a, b, rtol=8 * eps, atol=8 * eps) for a, b in zip(found, wanted, strict=True)
    )


@cache
@torch.inference_mode()
def _flash_is_right() -> bool:
    """Try the operation, which torch does not document: values and the logarithms of the sums."""
    attend = getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)
    if attend is None:
        return False
    x = torch.linspace(-1, 1, 30, dtype=torch.float64).view(1, 2, 5, 3).sin()
    bias = torch.linspace(-2, 1, 10, dtype=torch.float64).view(1, 2, 1, 5)
    logits = x[:, :, :4] @ x.mT + bias
    y, mass = attend(x[:, :, :4], x, x, attn_mask=bias, scale=1.0)
    return torch.allclose(y, logits.softmax(-1) @ x) and torch.allclose(mass, logits.logsumexp(-1))
