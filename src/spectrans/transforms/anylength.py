"""The wavelet transform in a form whose graph serves every number of samples, for export.

How often a row can be split depends on its length, and graphs treat an axis of length one apart. So
here every row is split as often as asked for, a level leaves a single sample as it is, and every
tensor has one row to spare at its end.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms.filterbank import FilterBank
from spectrans.transforms.polyphase import analyse, ordered, synthesise
from spectrans.transforms.precision import full_precision, widened


def wavedec_at_any_length(
    x: Float[Tensor, "b n d"], bank: FilterBank, levels: int
) -> tuple[list[Float[Tensor, "b _ d"]], list[int]]:
    """Split the approximation `levels` times in `periodization`, as far as there is one to split.

    Parameters
    ----------
    x
        Signals along the middle axis.
    bank
        Filters.
    levels
        Times to split.

    Returns
    -------
    tuple[list[Tensor], list[int]]
        The approximation, then the details from the coarsest to the finest, each with a spare row
        and in float32 or wider; and the number of samples that each level split, the finest first.
        Levels that split a single sample have zero details.
    """
    with full_precision(x):
        wide = widened(x)
        low, high = (ordered(taps, wide, backwards=True) for taps in bank[:2])
        approx, details, lengths = _resized(wide, x.shape[1] + 1), [], [x.shape[1]]
        for _ in range(levels):
            split = _is_split(lengths[-1])
            a, d = analyse(approx, low, high, wrap=True, spare=1)
            details.append(d * split)
            approx = a * split + _resized(approx, a.shape[1]) * (1 - split)
            lengths.append(a.shape[1] - 1)
        return [approx, *reversed(details)], lengths[:-1]


def waverec_at_any_length(
    coefficients: list[Float[Tensor, "b _ d"]], bank: FilterBank, lengths: list[int]
) -> Float[Tensor, "b n d"]:
    """Join what `wavedec_at_any_length` split; details of a single sample are left out."""
    approx, *details = coefficients
    with full_precision(approx):
        low, high = (ordered(taps, approx, backwards=False) for taps in bank[2:])
        for detail, length in zip(details, reversed(lengths), strict=True):
            split = _is_split(length)
            joined = synthesise(approx, detail, low, high, wrap=True, spare=1)
            joined, single = _resized(joined, length + 1), _resized(approx, length + 1)
            approx = joined * split + single * (1 - split)
        return _resized(approx, lengths[0])


def _is_split(length: int) -> int:
    """Give 1 when there is more than one sample, else 0, in a form that graphs can hold."""
    return torch.sym_min(length - 1, 1)


def _resized(x: Float[Tensor, "b k d"], rows: int) -> Float[Tensor, "b m d"]:
    """Cut, or repeat the last row."""
    place = torch.arange(rows, device=x.device)
    return x.index_select(1, place.clamp(max=x.shape[1] - 1))
