"""One level of a wavelet transform and its adjoint: the two-channel filter bank, channels last.

Autograd would pad the gradient of every tap's slice to full size. Here each of the two maps is the
other's backward pass, and a fixed filter keeps no tensor for it.
"""

from typing import Any, NamedTuple, no_type_check

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from spectrans.transforms.depthwise import Taps
from spectrans.transforms.polyphase import analyse, cropped, phases, synthesise, tap_gradient


class FilterBank(NamedTuple):
    """The four filters of a two-channel bank, all of the same even length."""

    dec_lo: Taps
    dec_hi: Taps
    rec_lo: Taps
    rec_hi: Taps


def analysis(
    x: Float[Tensor, "b n d"], low: Taps, high: Taps, wrap: bool
) -> tuple[Float[Tensor, "b k d"], Float[Tensor, "b k d"]]:
    """Correlate with both filters and keep every second value.

    Parameters
    ----------
    x
        Signals along the middle axis; an even number of samples unless wrapped.
    low
        Taps of the low-pass filter, of even length L, in the order in which they meet the samples.
    high
        Taps of the high-pass filter, likewise.
    wrap
        Give `sum_i taps[i] x[2k + i + 1 - L/2]` for every pair of samples, with x periodic and the
        last sample of an odd row repeated. Else give `sum_i taps[i] x[2k + i]` where all exist.

    Returns
    -------
    tuple[Tensor, Tensor]
        The low and the high band.
    """
    return _Analysis.apply(x, low, high, wrap)


def synthesis(
    a: Float[Tensor, "b k d"], d: Float[Tensor, "b k d"], low: Taps, high: Taps, wrap: bool
) -> Float[Tensor, "b n d"]:
    """Give the samples that both bands spread to: the adjoint of `analysis` for even rows.

    Not wrapped, only the samples that L/2 coefficients of each band reach are given.
    """
    return _Synthesis.apply(a, d, low, high, wrap)


# The shape checks of the test run wrap methods in a way that graph capture cannot follow.
@no_type_check
class _Analysis(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, low: Taps, high: Taps, wrap: bool) -> tuple[Tensor, Tensor]:
        return analyse(x, low, high, wrap)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, low, high, ctx.wrap = inputs
        ctx.n = x.shape[1]
        _keep(ctx, low, high, x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        low, high, kept = _kept(ctx)
        reach = len(low) // 2 - 1
        a, d = grads if ctx.wrap else (F.pad(g, (0, 0, reach, reach)) for g in grads)
        grad = synthesis(a, d, low, high, ctx.wrap)
        if ctx.wrap:
            # The last sample of an odd row was read twice. No branch: one graph serves both.
            repeated = grad[:, -1:] * (ctx.n % 2)
            grad = cropped(grad, ctx.n)
            grad = torch.cat((grad[:, :-1], grad[:, -1:] + repeated), 1)
        if not kept:
            return grad, None, None, None
        pair = phases(kept[0], len(low), ctx.wrap)
        return grad, *(tap_gradient(pair, g, low) for g in grads), None


@no_type_check
class _Synthesis(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, d: Tensor, low: Taps, high: Taps, wrap: bool) -> Tensor:
        return synthesise(a, d, low, high, wrap)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        a, d, low, high, ctx.wrap = inputs
        _keep(ctx, low, high, a, d)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        low, high, kept = _kept(ctx)
        (grad,) = grads
        if not ctx.wrap:
            reach = len(low) - 2
            grad = F.pad(grad, (0, 0, reach, reach))
        a, d = analysis(grad, low, high, ctx.wrap)
        if not kept:
            return a, d, None, None, None
        pair = phases(grad, len(low), ctx.wrap)
        return a, d, *(tap_gradient(pair, c, low) for c in kept), None


def _keep(ctx: Any, low: Taps, high: Taps, *inputs: Tensor) -> None:
    """Keep what the backward pass needs: no input at all when the filters are fixed."""
    if isinstance(low, Tensor):
        ctx.save_for_backward(low, high, *inputs)
    else:
        ctx.taps = low, high


def _kept(ctx: Any) -> tuple[Any, Any, tuple[Tensor, ...]]:
    low, high, *inputs = ctx.saved_tensors or ctx.taps
    return low, high, tuple(inputs)
