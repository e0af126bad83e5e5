"""Plain features of sequences, for linear models."""

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from spectrans.data.dataset import Examples
from spectrans.data.encoding import AnyEncoding
from spectrans.errors import must

LONGEST_GRAM = 3
MOST_GRAMS = 4096


def features(
    encoding: AnyEncoding, train: Examples, *others: Examples
) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the features of each split, chosen and scaled by the training split alone.

    Pixels are standardised with the mean and deviation of the training split. Other ids are counts
    of the 4,096 commonest 1-, 2- and 3-grams of the training split, scaled to length one.

    Parameters
    ----------
    encoding
        What a token is.
    train
        Training split.
    *others
        Other splits.

    Returns
    -------
    tuple of Tensor
        One row per sequence, in the order of the splits.

    Raises
    ------
    ValueError
        `sequences of pixels must have one length, got <lengths>`.
    """
    if encoding.kind == "pixel":
        return _pixels((train, *others))
    return _grams(encoding.vocab_size, (train, *others))


def _pixels(splits: tuple[Examples, ...]) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the pixels of each split, standardised; a pixel that never changes becomes 0."""
    lengths = np.unique(np.concatenate([split.tokens.lengths for split in splits]))
    if len(lengths) > 1:
        raise ValueError(must("sequences of pixels", "have one length", lengths.tolist()))
    train, *others = (torch.tensor(np.stack(split.tokens)).double() for split in splits)
    deviation, mean = torch.std_mean(train, dim=0, correction=0)
    scale = torch.where(deviation > 0, 1 / deviation, 0)
    return tuple((split - mean) * scale for split in (train, *others))


def _grams(vocab_size: int, splits: tuple[Examples, ...]) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the counts of the commonest n-grams in each split, as sparse rows of length one."""
    counted = [_count(sequence, vocab_size) for sequence in splits[0].tokens]
    grams, totals = np.unique(np.concatenate([ids for ids, _ in counted]), return_counts=True)
    # Stable: of equally common n-grams the same ones are kept on every run.
    kept = np.sort(grams[np.argsort(-totals, kind="stable")[:MOST_GRAMS]])
    return tuple(_rows(split, kept, vocab_size) for split in splits)


def _count(
    sequence: np.ndarray, vocab_size: int
) -> tuple[Int64[np.ndarray, " grams"], Int64[np.ndarray, " grams"]]:
    """Give the different n-grams of a sequence, as numbers, and how often each occurs."""
    ids = []
    gram = np.zeros(len(sequence) + 1, dtype=np.int64)
    for length in range(1, LONGEST_GRAM + 1):
        # One more than the vocabulary: a zero in front makes another n-gram.
        gram = gram[:-1] * (vocab_size + 1) + sequence[length - 1 :] + 1
        ids.append(gram)
    found, counts = np.unique(np.concatenate(ids), return_counts=True)
    return found, counts.astype(np.int64)


def _rows(
    split: Examples, kept: Int64[np.ndarray, " k"], vocab_size: int
) -> Float64[Tensor, "rows k"]:
    """Give a sparse row of n-gram counts for each sequence, scaled to length one."""
    rows, columns, values = [], [], []
    for row, sequence in enumerate(split.tokens):
        ids, counts = _count(sequence, vocab_size)
        column = np.searchsorted(kept, ids).clip(max=len(kept) - 1)
        known = kept[column] == ids
        rows.append(np.full(known.sum(), row))
        columns.append(column[known])
        values.append(counts[known] / np.linalg.norm(counts[known]))
    place = torch.tensor(np.stack([np.concatenate(rows), np.concatenate(columns)]))
    return torch.sparse_coo_tensor(
        place,
        torch.tensor(np.concatenate(values)),
        (len(split), len(kept)),
        check_invariants=True,
    ).coalesce()
