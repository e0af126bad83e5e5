"""What no neural network is needed for: the scores every model has to be seen beside."""

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy

from spectrans.data.dataset import Dataset, Examples
from spectrans.errors import must

# Strongest first, each fit starting from the last: from all but constant to all but unregularised.
STRENGTHS = tuple(10.0**power for power in range(-1, -7, -1))
STEPS = 50
LONGEST_GRAM = 3
MOST_GRAMS = 4096


def majority(dataset: Dataset) -> float:
    """Give the test accuracy of always answering the commonest class of the training split."""
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.label_names))
    return float(np.mean(dataset.test.labels == np.argmax(counts)))


def linear(dataset: Dataset) -> float:
    """Give the test accuracy of a multinomial logistic regression on plain features.

    Pixels are standardised with the mean and deviation of the training split. Texts are counts of
    the 4,096 commonest byte 1-, 2- and 3-grams of the training split, scaled to length one.

    Parameters
    ----------
    dataset
        Any data set; pixel sequences must all have the same length.

    Returns
    -------
    float
        Accuracy on the test split at the L2 strength that scored best on the validation split;
        of equals, the strongest. The same on every run.

    Raises
    ------
    ValueError
        `sequences of pixels must have one length, got <lengths>`.

    Notes
    -----
    Fitted in float64 by L-BFGS. A fit costs time and memory in proportion to the number of
    different n-grams of all texts, or of all pixels.
    """
    read = _pixels if dataset.token_kind == "pixel" else _grams
    train, validation, test = read(dataset)
    weights = torch.zeros(train.shape[1] + 1, len(dataset.label_names), dtype=torch.float64)
    best, chosen = -1.0, weights
    for strength in STRENGTHS:
        weights = _fit(train, torch.tensor(dataset.train.labels), weights, strength)
        score = _accuracy(validation, dataset.validation.labels, weights)
        if score > best:
            best, chosen = score, weights
    return _accuracy(test, dataset.test.labels, chosen)


def _logits(
    features: Float64[Tensor, "rows k"], weights: Float64[Tensor, "k1 classes"]
) -> Float64[Tensor, "rows classes"]:
    """Give the scores of the classes; the last row of the weights is the bias."""
    return features @ weights[:-1] + weights[-1]


def _fit(
    features: Float64[Tensor, "rows k"],
    labels: Int64[Tensor, " rows"],
    start: Float64[Tensor, "k1 classes"],
    strength: float,
) -> Float64[Tensor, "k1 classes"]:
    """Minimise mean cross entropy plus half the strength times the squares of the weights."""
    weights = start.clone().requires_grad_()
    search = torch.optim.LBFGS(
        [weights],
        max_iter=STEPS,
        history_size=10,
        tolerance_grad=1e-6,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        search.zero_grad()
        penalty = strength / 2 * weights[:-1].square().sum()
        value = cross_entropy(_logits(features, weights), labels) + penalty
        value.backward()
        return value

    search.step(loss)
    return weights.detach()


def _accuracy(
    features: Float64[Tensor, "rows k"],
    labels: Int64[np.ndarray, " rows"],
    weights: Float64[Tensor, "k1 classes"],
) -> float:
    """Give the share of rows whose highest score is that of their class."""
    return float(np.mean(_logits(features, weights).argmax(dim=1).numpy() == labels))


def _pixels(dataset: Dataset) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the pixels of each split, standardised; a pixel that never changes becomes 0."""
    splits = (dataset.train, dataset.validation, dataset.test)
    lengths = {len(sequence) for split in splits for sequence in split.tokens}
    if len(lengths) > 1:
        raise ValueError(must("sequences of pixels", "have one length", sorted(lengths)))
    train, *others = (torch.tensor(np.stack(split.tokens)).double() for split in splits)
    deviation, mean = torch.std_mean(train, dim=0, correction=0)
    scale = torch.where(deviation > 0, 1 / deviation, 0)
    return tuple((split - mean) * scale for split in (train, *others))


def _grams(dataset: Dataset) -> tuple[Float64[Tensor, "_ k"], ...]:
    """Give the counts of the commonest n-grams in each split, as sparse rows of length one."""
    counted = [_count(sequence) for sequence in dataset.train.tokens]
    grams, totals = np.unique(np.concatenate([ids for ids, _ in counted]), return_counts=True)
    # Stable: of equally common n-grams the same ones are kept on every run.
    kept = np.sort(grams[np.argsort(-totals, kind="stable")[:MOST_GRAMS]])
    splits = (dataset.train, dataset.validation, dataset.test)
    return tuple(_rows(split, kept) for split in splits)


def _count(
    sequence: np.ndarray,
) -> tuple[Int64[np.ndarray, " grams"], Int64[np.ndarray, " grams"]]:
    """Give the different n-grams of a sequence of bytes, as numbers, and how often each occurs."""
    ids = []
    gram = np.zeros(len(sequence) + 1, dtype=np.int64)
    for length in range(1, LONGEST_GRAM + 1):
        # One more byte than 256 values: a zero byte in front makes another n-gram.
        gram = gram[:-1] * 257 + sequence[length - 1 :] + 1
        ids.append(gram)
    found, counts = np.unique(np.concatenate(ids), return_counts=True)
    return found, counts.astype(np.int64)


def _rows(split: Examples, kept: Int64[np.ndarray, " k"]) -> Float64[Tensor, "rows k"]:
    """Give a sparse row of n-gram counts for each sequence, scaled to length one."""
    rows, columns, values = [], [], []
    for row, sequence in enumerate(split.tokens):
        ids, counts = _count(sequence)
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
