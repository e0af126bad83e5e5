"""Which of several equal computations a transform takes.

Every transform here can be computed by an FFT or by products with real matrices. The values are the
same up to rounding; the speed, and where the computation can run, are not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

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
