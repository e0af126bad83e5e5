"""Linear maps whose derivatives are written out: nothing is kept, and the adjoint does the rest."""

from collections.abc import Callable
from typing import Any, no_type_check

import torch
from torch import Tensor
from torch.autograd import Function

from spectrans.transforms import routes

Map = Callable[..., Tensor]


def linear(compute: Map, adjoint: Map) -> Map:
    """Give a linear map that autograd, graph capture and the transforms of functions follow.

    Parameters
    ----------
    compute
        Gives the map of a tensor with one leading axis of independent rows, from the tensor and
        plain values; in place, or in a library, as it likes.
    adjoint
        Gives the adjoint, from a gradient and the same values, by differentiable maps.

    Returns
    -------
    Callable
        The map, with the arguments of `compute`.
    """

    # The shape checks of the test run wrap methods in a way that graph capture cannot follow.
    @no_type_check
    class Traced(Function):
        # The values in one tuple: graph capture tells this form from the one with a context by
        # counting the parameters.
        @staticmethod
        def forward(x: Tensor, how: tuple[Any, ...]) -> Tensor:
            return compute(x, *how)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            ctx.how = inputs[1]

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
            return adjoint(grads[0], *ctx.how), None

    @no_type_check
    class Eager(Traced):
        """With the rules that graph capture refuses to see."""

        @staticmethod
        def jvp(ctx: Any, *tangents: Any) -> Tensor:
            return call(tangents[0], *ctx.how)

        @staticmethod
        def vmap(info: Any, in_dims: Any, x: Tensor, how: tuple[Any, ...]) -> tuple[Tensor, int]:
            rows = x.movedim(in_dims[0], 0)
            return call(rows.flatten(0, 1), *how).unflatten(0, rows.shape[:2]), 0

    def call(x: Tensor, *how: Any) -> Tensor:
        if routes.is_plain(x) and not routes.needs_slope(x):
            return compute(x, *how)
        return (Traced if torch.compiler.is_compiling() else Eager).apply(x, how)

    return call
