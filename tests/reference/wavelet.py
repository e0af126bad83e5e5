"""Wavelet mixing by analysis and synthesis matrices written down from the definition."""

import numpy as np
import pywt
from numpy.typing import NDArray

from spectrans.mixers import Attention, Dims, Wavelet
from tests.reference.attention import attention

Array = NDArray[np.float64]
Filters = tuple[Array, Array, Array, Array]


def source(place: int, n: int, boundary: str) -> int | None:
    """Which sample stands at a place inside or outside the row; None for a zero."""
    if boundary == "periodization":
        return min(place % (n + n % 2), n - 1)
    if boundary == "zero":
        return place if 0 <= place < n else None
    while not 0 <= place < n:
        if boundary == "symmetric":
            place = -1 - place if place < 0 else 2 * n - 1 - place
        else:
            place = -place if place < 0 else 2 * n - 2 - place
    return place


def analysis_matrix(taps: Array, n: int, boundary: str) -> Array:
    """c[k] = sum_m h[m] x[2k + 1 - m], or x[2k + L/2 - m] in periodization."""
    length = len(taps)
    wraps = boundary == "periodization"
    count = -(-n // 2) if wraps else (n + length - 1) // 2
    matrix = np.zeros((count, n))
    for k in range(count):
        for m in range(length):
            j = source(2 * k + (length // 2 if wraps else 1) - m, n, boundary)
            if j is not None:
                matrix[k, j] += taps[m]
    return matrix


def synthesis_matrix(taps: Array, n: int, boundary: str) -> Array:
    """x[p] = sum_k g[p - 2k + L - 2] c[k], or g[p - 2k + L/2 - 1], wrapped, in periodization."""
    length = len(taps)
    wraps = boundary == "periodization"
    count = -(-n // 2) if wraps else (n + length - 1) // 2
    matrix = np.zeros((n, count))
    for k in range(count):
        for m in range(length):
            p = m + 2 * k - (length // 2 - 1 if wraps else length - 2)
            if wraps:
                p %= 2 * count
            if 0 <= p < n:
                matrix[p, k] += taps[m]
    return matrix


def rotated(angles: Array) -> Filters:
    """The filters of a chain of rotations; before each, the high filter is delayed by two."""
    low = np.array([np.cos(angles[0]), np.sin(angles[0])])
    high = np.array([-np.sin(angles[0]), np.cos(angles[0])])
    for angle in angles[1:]:
        early, late = np.append(low, [0, 0]), np.append([0, 0], high)
        low = np.cos(angle) * early + np.sin(angle) * late
        high = np.cos(angle) * late - np.sin(angle) * early
    return low, high, low[::-1], high[::-1]


def num_levels(n: int, length: int, options: Wavelet) -> int:
    """As many as asked for; but no level splits one sample, and none but the first may lengthen."""
    level = 0
    while level < options.levels and n >= 2:
        if options.boundary == "periodization":
            n = -(-n // 2)
        elif level == 0 or n >= length:
            n = (n + length - 1) // 2
        else:
            break
        level += 1
    return level


def decompose(x: Array, bank: Filters, levels: int, boundary: str) -> list[Array]:
    """Of (b, n): the approximation, and the details from level 1, the finest, up."""
    details = []
    for _ in range(levels):
        low, high = (analysis_matrix(taps, x.shape[1], boundary) for taps in bank[:2])
        details.append(x @ high.T)
        x = x @ low.T
    return [x, *details]


def recompose(coefficients: list[Array], bank: Filters, lengths: list[int], boundary: str) -> Array:
    x = coefficients[0]
    for detail, n in reversed(list(zip(coefficients[1:], lengths, strict=True))):
        low, high = (synthesis_matrix(taps, n, boundary) for taps in bank[2:])
        x = x @ low.T + detail @ high.T
    return x


def carried(c: Array, level: int, to: int, lengths: list[int], ahead: int) -> Array:
    """Coefficients of one level at another: halves share a place, at root 1/2 per level."""
    while level < to:
        wider = np.zeros((c.shape[0], lengths[level + 1], c.shape[2]))
        for f in range(c.shape[1]):
            wider[:, (f + ahead) // 2] += c[:, f] / np.sqrt(2)
        c, level = wider, level + 1
    while level > to:
        places = [(f + ahead) // 2 for f in range(lengths[level - 1])]
        c, level = c[:, places] / np.sqrt(2), level - 1
    return c


def mix(
    coefficients: list[Array], state: dict[str, Array], options: Wavelet, dims: Dims, ahead: int
) -> list[Array]:
    """Coefficients as (b, k, d), in the order of the parameters' rows."""
    top = len(coefficients) - 1
    level = [top, *range(1, top + 1)]
    if options.mixing_mode == "pointwise":
        return [c * state["mixing.gain"][row] for row, c in enumerate(coefficients)]
    if options.mixing_mode == "channel":
        return [c @ state["mixing.weight"][row].T for row, c in enumerate(coefficients)]
    if options.mixing_mode == "level":
        lengths = [0, *(c.shape[1] for c in coefficients[1:])]
        return [
            sum(
                state["mixing.weight"][to, row] * carried(c, level[row], level[to], lengths, ahead)
                for row, c in enumerate(coefficients)
            )
            for to in range(top + 1)
        ]
    heads = Attention(num_heads=options.num_heads or dims.num_heads)
    mixed = []
    for row, c in enumerate(coefficients):
        prefix = f"mixing.heads.{row}."
        own = {k.replace(prefix, "heads."): v for k, v in state.items() if k.startswith(prefix)}
        mixed.append(attention(c, own, heads, dims))
    return mixed


def wavelet(x: Array, state: dict[str, Array], options: Wavelet, dims: Dims) -> Array:
    n, d = x.shape[1:]
    low, high, low_back, high_back = pywt.Wavelet(options.wavelet).filter_bank
    fixed = np.array(low), np.array(high), np.array(low_back), np.array(high_back)
    banks = [rotated(state["angles"][:, c]) if options.learnable else fixed for c in range(d)]
    length = len(fixed[0])
    levels = num_levels(n, length, options)
    channels = [decompose(x[:, :, c], banks[c], levels, options.boundary) for c in range(d)]
    coefficients = [np.stack(c, axis=-1) for c in zip(*channels, strict=True)]
    lengths = [n, *(c.shape[1] for c in coefficients[1:])][:levels]
    ahead = 0 if options.boundary == "periodization" else length // 2 - 1
    mixed = mix(coefficients, state, options, dims, ahead)
    rows = [
        recompose([m[:, :, c] for m in mixed], banks[c], lengths, options.boundary)
        for c in range(d)
    ]
    return np.stack(rows, axis=-1)
