"""Plain features of sequences, for linear models."""

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from spectrans.data.dataset import Examples
from spectrans.data.encoding import AnyEncoding, Vectors
from spectrans.errors import must
from spectrans.tasks.tokens import NO_LABEL

LONGEST_GRAM = 3
MOST_GRAMS = 4096
# Tokens on each side that a linear model of tokens looks at: bytes are smaller pieces than others.
AROUND = {"byte": 8}
NEIGHBOURS = 2


def features(
    encoding: AnyEncoding, train: Examples, *others: Examples
) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the features of each split, chosen and scaled by the training split alone.

    Pixels are standardised with the mean and deviation of the training split, as are the mean,
    deviation, ends and extremes of each channel of vectors. Other ids are counts of the 4,096
    commonest 1-, 2- and 3-grams of the training split, scaled to length one.

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
    if isinstance(encoding, Vectors):
        return _standardised([_statistics(split) for split in (train, *others)])
    return _grams(encoding.vocab_size, (train, *others))


def _pixels(splits: tuple[Examples, ...]) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the pixels of each split, standardised; a pixel that never changes becomes 0."""
    lengths = np.unique(np.concatenate([split.tokens.lengths for split in splits]))
    if len(lengths) > 1:
        raise ValueError(must("sequences of pixels", "have one length", lengths.tolist()))
    return _standardised([torch.tensor(np.stack(split.tokens)).double() for split in splits])


def _statistics(split: Examples) -> Float64[Tensor, "rows k"]:
    """Give six numbers for each channel of each row of vectors."""
    rows = (np.asarray(row, dtype=np.float64) for row in split.tokens)
    numbers = [np.concatenate([r.mean(0), r.std(0), r.min(0), r.max(0), r[0], r[-1]]) for r in rows]
    return torch.from_numpy(np.stack(numbers))


def _standardised(splits: list[Float64[Tensor, "_ k"]]) -> tuple[Float64[Tensor, "_ k"], ...]:
    train, *others = splits
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


def token_features(
    encoding: AnyEncoding, train: Examples, *others: Examples
) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the features of each token with a label: the token and its neighbours, in their places.

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
        One row per token with a label, in the order of rows and tokens.
    """
    splits = (train, *others)
    if isinstance(encoding, Vectors):
        return _standardised([_vector_windows(split) for split in splits])
    around = AROUND.get(encoding.kind, NEIGHBOURS)
    return tuple(_id_windows(split, encoding.vocab_size, around) for split in splits)


def _windows(row: np.ndarray, label: np.ndarray, around: int, empty: int) -> np.ndarray:
    """Give the neighbours of each token with a label; beyond the ends there is `empty`."""
    padding = [(around, around), *[(0, 0)] * (row.ndim - 1)]
    padded = np.pad(row, padding, constant_values=empty)
    places = np.flatnonzero(label != NO_LABEL)[:, None] + np.arange(2 * around + 1)
    return padded[places]


def _vector_windows(split: Examples) -> Float64[Tensor, "tokens k"]:
    rows = [
        _windows(row.astype(np.float64), split.label(number), NEIGHBOURS, 0)
        for number, row in enumerate(split.tokens)
    ]
    flat = np.concatenate(rows)
    return torch.from_numpy(flat.reshape(len(flat), -1))


def _id_windows(split: Examples, vocab_size: int, around: int) -> Float64[Tensor, "tokens k"]:
    """Give sparse rows with a 1 for the token at each place of a window."""
    rows = [
        _windows(row.astype(np.int64), split.label(number), around, vocab_size)
        for number, row in enumerate(split.tokens)
    ]
    found = np.concatenate(rows)
    columns = found + np.arange(found.shape[1]) * (vocab_size + 1)
    place = np.stack([np.repeat(np.arange(len(found)), found.shape[1]), columns.ravel()])
    return torch.sparse_coo_tensor(
        torch.from_numpy(place),
        torch.ones(place.shape[1], dtype=torch.float64),
        (len(found), found.shape[1] * (vocab_size + 1)),
        check_invariants=True,
    ).coalesce()
