"""The arithmetic of one wavelet level, without autograd, in ways that give the same numbers.

As sums of shifted rows: for filters per channel, for CUDA, and for captured graphs, where compilers
fuse the sums into one loop and no size ties a graph to a parity. As products of short blocks with a
banded matrix: 2 to 2.5 times as fast on CPU, where matrix products are exact. And by convolutions
of oneDNN where they can be had, faster still: `spectrans.transforms.depthwise`.
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms import depthwise, routes
from spectrans.transforms.depthwise import Taps

Matrix = tuple[tuple[float, ...], ...]


def analyse(x: Tensor, low: Taps, high: Taps, wrap: bool, spare: int = 0) -> tuple[Tensor, Tensor]:
    """Compute `analysis` of the filter bank, with so many rows to spare at the end of each tensor.

    Spare rows hold nothing of use. A graph with one has no axis that may be of length one, which
    graphs treat apart, and so serves every length.
    """
    if not spare and routes.depthwise(x):
        return depthwise.analyse(x, low, high, wrap)
    if isinstance(low, tuple) and isinstance(high, tuple) and _is_for_blocks(x, spare):
        return _analyse_blocks(x, low, high, wrap)
    even, odd = phases(x, len(low), wrap, spare)
    return _correlate(even, odd, low), _correlate(even, odd, high)


def synthesise(a: Tensor, d: Tensor, low: Taps, high: Taps, wrap: bool, spare: int = 0) -> Tensor:
    """Compute `synthesis` of the filter bank; `spare` rows of coefficients give twice as many."""
    if not spare and routes.depthwise(a):
        return depthwise.synthesise(a, d, low, high, wrap)
    if isinstance(low, tuple) and isinstance(high, tuple) and _is_for_blocks(a, spare):
        return _synthesise_blocks(a, d, low, high, wrap)
    half, rows = len(low) // 2, a.shape[1]
    swap = _swap(half, wrap)
    count = rows if wrap else rows - (half - 1)
    if wrap:
        place = torch.arange(rows + half - 1 + swap, device=a.device) - half // 2
        place = place % (rows - spare)
        a, d = a.index_select(1, place), d.index_select(1, place)
    even, odd = (_spread(a, d, low, high, phase, count) for phase in (swap, swap + 1))
    return _interleaved(even, odd)


def ordered(taps: Taps, x: Tensor, backwards: bool) -> Taps:
    """Give taps, learned ones on the device and in the dtype of `x`, in the order asked for."""
    if isinstance(taps, Tensor):
        return taps.to(x).flip(0) if backwards else taps.to(x)
    return taps[::-1] if backwards else taps


def phases(x: Tensor, length: int, wrap: bool, spare: int = 0) -> tuple[Tensor, Tensor]:
    """Give every second sample that the coefficients look at, and the samples in between."""
    if not wrap:
        return x[:, 0::2], x[:, 1::2]
    n = x.shape[1] - spare
    pairs = (n + 1) // 2
    rows = pairs + length // 2 - 1 + spare
    first = 2 * torch.arange(rows, device=x.device) + (1 - length // 2)
    even, odd = ((place % (2 * pairs)).clamp(max=n - 1) for place in (first, first + 1))
    return x.index_select(1, even), x.index_select(1, odd)


def cropped(x: Float[Tensor, "b m d"], n: int) -> Float[Tensor, "b n d"]:
    """Give the first `n` samples."""
    if torch.compiler.is_compiling():
        # The bounds of a slice would tie a graph to the parity of n; those of an index do not.
        return x.index_select(1, torch.arange(n, device=x.device))
    return x[:, :n]


def tap_gradient(pair: tuple[Tensor, Tensor], grad: Tensor, taps: Tensor) -> Tensor:
    """Give the derivative by the taps, from `phases` and the derivative by the coefficients."""
    count = grad.shape[1]
    rows = [
        (phase[:, i : i + count] * grad).sum((0, 1))
        for i in range(len(taps) // 2)
        for phase in pair
    ]
    each = torch.stack(rows)  # (L, d)
    return each if taps.dim() == 2 else each.sum(1)


def _swap(half: int, wrap: bool) -> int:
    """Say whether samples and taps pair up crosswise: wrapped rows are read from L/2 - 1 early."""
    return (half - 1) % 2 if wrap else 0


def _correlate(even: Tensor, odd: Tensor, taps: Taps) -> Tensor:
    half = len(taps) // 2
    count = even.shape[1] - (half - 1)
    total = even[:, :count] * taps[0]
    for i in range(half):
        if i > 0:
            _add(total, even[:, i : i + count], taps[2 * i])
        _add(total, odd[:, i : i + count], taps[2 * i + 1])
    return total


def _spread(a: Tensor, d: Tensor, low: Taps, high: Taps, phase: int, count: int) -> Tensor:
    """Give every second sample: phase 0 or 1 of a pair, or 2 for phase 0 of the next pair."""
    half = len(low) // 2
    first = half - 1 + phase // 2
    total = a[:, first : first + count] * low[phase % 2]
    for i in range(half):
        tap = 2 * i + phase % 2
        window = slice(first - i, first - i + count)
        if i > 0:
            _add(total, a[:, window], low[tap])
        _add(total, d[:, window], high[tap])
    return total


def _add(total: Tensor, x: Tensor, tap: float | Tensor) -> None:
    """Add `tap * x` in place: the total is fresh memory of the caller."""
    if isinstance(tap, Tensor):
        total.addcmul_(x, tap)
    else:
        total.add_(x, alpha=tap)


def _interleaved(even: Tensor, odd: Tensor) -> Tensor:
    count = even.shape[1]
    if torch.compiler.is_compiling():
        # As in `cropped`: flattening two symbolic axes would tie the graph to their divisors.
        place = torch.arange(2 * count, device=even.device)
        return torch.cat((even, odd), 1).index_select(1, place // 2 + place % 2 * count)
    return torch.stack((even, odd), 2).flatten(1, 2)


def _is_for_blocks(x: Tensor, spare: int) -> bool:
    """Say whether matrix products beat the shifted sums and keep the precision of `x`."""
    if spare or torch.compiler.is_compiling() or x.device.type != "cpu":
        return False
    return x.dtype == torch.float64 or torch.get_float32_matmul_precision() == "highest"


def _block_length(length: int) -> int:
    """Balance what neighbouring windows share against the zeros in the matrix."""
    return min(max(length, 8), 32)


def _analyse_blocks(
    x: Tensor, low: tuple[float, ...], high: tuple[float, ...], wrap: bool
) -> tuple[Tensor, Tensor]:
    length, block, n = len(low), _block_length(len(low)), x.shape[1]
    count = (n + 1) // 2 if wrap else n // 2 - (length // 2 - 1)
    starts = torch.arange(0, 2 * count, 2 * block, device=x.device)
    place = starts[:, None] + torch.arange(2 * block + length - 2, device=x.device)
    if wrap:
        place = (place + (1 - length // 2)) % (2 * count)
    windows = _windows(x, place)
    a, d = (_product(_band_matrix(taps, block), windows, x.shape[0]) for taps in (low, high))
    return a[:, :count], d[:, :count]


def _synthesise_blocks(
    a: Tensor, d: Tensor, low: tuple[float, ...], high: tuple[float, ...], wrap: bool
) -> Tensor:
    half, block, k = len(low) // 2, _block_length(len(low)), a.shape[1]
    swap = _swap(half, wrap)
    count = k if wrap else k - (half - 1)
    starts = torch.arange(0, count, block, device=a.device)
    place = starts[:, None] + torch.arange(block + half - 1 + swap, device=a.device)
    if wrap:
        place = (place - half // 2) % k
    from_a, from_d = (
        _product(_spread_matrix(taps, block, swap), _windows(c, place), a.shape[0])
        for c, taps in ((a, low), (d, high))
    )
    return from_a.add_(from_d)[:, : 2 * count]


def _windows(x: Tensor, place: Tensor) -> Tensor:
    """Give the rows of each window; places past the end only reach what is cropped away."""
    rows = x.index_select(1, place.flatten().clamp(max=x.shape[1] - 1))
    return rows.view(-1, place.shape[1], x.shape[2])


def _product(matrix: Matrix, windows: Tensor, b: int) -> Tensor:
    weight = torch.tensor(matrix, dtype=windows.dtype, device=windows.device)
    return torch.matmul(weight, windows).view(b, -1, windows.shape[2])


@cache
def _band_matrix(taps: tuple[float, ...], block: int) -> Matrix:
    """Row k holds the taps from column 2k on."""
    width = 2 * block + len(taps) - 2
    padded = (0.0,) * width + taps + (0.0,) * width
    return tuple(padded[width - 2 * k : 2 * width - 2 * k] for k in range(block))


@cache
def _spread_matrix(taps: tuple[float, ...], block: int, swap: int) -> Matrix:
    """Row 2u + v holds, backwards up to column u, the taps of phase v."""
    half = len(taps) // 2
    rows = []
    for row in range(2 * block):
        phase = swap + row % 2
        first = row // 2 + half - 1 + phase // 2
        columns = [0.0] * (block + half - 1 + swap)
        for i in range(half):
            columns[first - i] = taps[2 * i + phase % 2]
        rows.append(tuple(columns))
    return tuple(rows)
