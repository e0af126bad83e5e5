"""The wavelet transform of rows of several lengths that lie one after the other, all at once.

For `periodization`. A level gathers the extended rows into one long row and filters that. What it
gives for places where two rows meet, L/2 - 1 coefficients, is left between the rows and never read.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from spectrans.transforms.filterbank import FilterBank, analysis, synthesis
from spectrans.transforms.polyphase import ordered
from spectrans.transforms.precision import full_precision


class Level(NamedTuple):
    """Where one level reads its rows: places in what the level before gave.

    Parameters
    ----------
    split
        Of the samples, extended beyond the ends of every row, an even number per row.
    join_approx
        Of the approximation, extended beyond the ends of every row.
    join_detail
        Of the details, likewise.
    """

    split: Int[Tensor, " m"]
    join_approx: Int[Tensor, " k"]
    join_detail: Int[Tensor, " k"]


class Layout(NamedTuple):
    """The levels, the finest first, and where the joined rows are in what the last join gave."""

    levels: tuple[Level, ...]
    joined: Int[Tensor, " t"]


def wavedec_of_rows(x: Float[Tensor, "t d"], bank: FilterBank, layout: Layout) -> list[Tensor]:
    """Split rows as `wavedec` does, in float32 or wider: `(1, k, d)` per entry, with gaps."""
    with full_precision(x):
        low, high = (ordered(taps, x, backwards=True) for taps in bank[:2])
        approx, details = x[None], []
        for level in layout.levels:
            approx, detail = analysis(_taken(approx, level.split), low, high, wrap=False)
            details.append(detail)
        return [approx, *reversed(details)]


def waverec_of_rows(
    coefficients: list[Tensor], bank: FilterBank, layout: Layout
) -> Float[Tensor, "t d"]:
    """Join what `wavedec_of_rows` split."""
    approx, *details = coefficients
    with full_precision(approx):
        low, high = (ordered(taps, approx, backwards=False) for taps in bank[2:])
        for detail, level in zip(details, reversed(layout.levels), strict=True):
            pair = _taken(approx, level.join_approx), _taken(detail, level.join_detail)
            approx = synthesis(*pair, low, high, wrap=False)
        return _taken(approx, layout.joined)[0]


def _taken(x: Float[Tensor, "1 n d"], place: Int[Tensor, " m"]) -> Float[Tensor, "1 m d"]:
    # Unlike that of index_select, the derivative of this is one loop over rows.
    return F.embedding(place, x[0])[None]


# The mixers of a model share the layout of a batch.
@lru_cache(maxsize=4)
def layout_of_rows(
    groups: tuple[tuple[int, int], ...], length: int, levels: int, device: torch.device
) -> Layout:
    """Find the places for `(rows, samples)` of each run of equal rows and `length` taps.

    Every row must allow as many levels.
    """
    half = length // 2
    late = half // 2
    swap = 1 - half % 2  # joined rows start one sample late, as they are read so much early
    with torch.inference_mode(mode=False):
        counts, samples = torch.tensor(groups, device=device).unbind(1)
        n = samples.repeat_interleave(counts)
        lies, splits, pairs, starts = _starts(n), [], [n], []
        for _ in range(levels):
            k = (n + 1) // 2
            row, place = _counted(2 * (k + half - 1))
            inside = (place + (1 - half)) % (2 * k)[row]
            splits.append(lies[row] + inside.minimum(n[row] - 1))
            n, lies = k, _starts(k + half - 1)
            pairs.append(k)
            starts.append(lies)
        joins = []
        for k, start in zip(reversed(pairs), reversed(starts), strict=False):
            reads = k + half - 1 + swap
            row, place = _counted(reads)
            inside = (place - late) % k[row]
            joins.append((lies[row] + inside, start[row] + inside))
            lies = 2 * _starts(reads) + swap
        row, place = _counted(pairs[0])
        found = zip(splits, reversed(joins), strict=True)
        return Layout(tuple(Level(split, *join) for split, join in found), lies[row] + place)


def _starts(lengths: Int[Tensor, " rows"]) -> Int[Tensor, " rows"]:
    """Give where each row starts, of rows of such lengths one after the other."""
    return lengths.cumsum(0) - lengths


def _counted(lengths: Int[Tensor, " rows"]) -> tuple[Int[Tensor, " m"], Int[Tensor, " m"]]:
    """Give the row and the place in it of everything in rows of such lengths."""
    row = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    return row, torch.arange(len(row), device=lengths.device) - _starts(lengths)[row]
