"""What no neural network is needed for: the scores every model has to be seen beside."""

import numpy as np
import torch
from jaxtyping import Float64
from pydantic import NonNegativeInt
from torch import Tensor

from spectrans.data.dataset import Dataset, Examples
from spectrans.data.encoding import Vectors
from spectrans.data.features import features, token_features
from spectrans.data.neighbours import MOST_TOKENS, Neighbours
from spectrans.data.neighbours import STRENGTHS as MIXTURES
from spectrans.options import Options
from spectrans.tasks import MaskedLM, Scores, Task, masked
from spectrans.tasks.tokens import NO_LABEL

# Strongest first, each fit starting from the last: from all but constant to all but unregularised.
STRENGTHS = tuple(10.0**power for power in range(-1, -7, -1))
STEPS = 50
# Rows that a linear model is fitted on: more make it slower than the models, and hardly better.
MOST_ROWS = 20_000
# Tokens times classes, of a linear model of each token: it would be larger than the models.
MOST_PAIRS = 1_000_000
# Rows that are scored together.
BATCH = 1024


class Baseline(Options):
    """Answers without a neural network, and how good they are.

    Parameters
    ----------
    name
        As in tables.
    scores
        On the test split.
    fitted_on
        Rows of the training split that were used.
    """

    name: str
    scores: Scores
    fitted_on: NonNegativeInt

    def value(self, task: Task) -> float:
        """Give the figure that decides."""
        return self.scores.values[task.lead.name]


def baselines(dataset: Dataset) -> tuple[Baseline, ...]:
    """Score what needs no neural network on the test split.

    Parameters
    ----------
    dataset
        Any data set.

    Returns
    -------
    tuple of Baseline
        The best answer that looks at no input, then a linear model where one is fitted: not for a
        class of each token where tokens times classes are more than a million. For masked tokens,
        shares of tokens, and those between two neighbours where the vocabulary has at most
        2,500 tokens. The same on every run.
    """
    if isinstance(dataset.task, MaskedLM):
        size = dataset.encoding.inputs()["vocab_size"]
        counted = (shares_of_tokens(dataset),)
        return counted if size > MOST_TOKENS else (*counted, shares_between_neighbours(dataset))
    encoding, task = dataset.encoding, dataset.task
    ids = task.per_token and not isinstance(encoding, Vectors)
    if ids and len(task.labels) * encoding.inputs()["vocab_size"] > MOST_PAIRS:
        return (constant(dataset),)
    return constant(dataset), linear(dataset)


def constant(dataset: Dataset) -> Baseline:
    """Score the best answer that is the same for every row."""
    task = dataset.task
    name, outputs = task.constant(dataset.train.labels)
    targets = _targets(task, dataset.test)
    scores = _scores(task, dataset.test, targets, outputs.expand(len(targets), *outputs.shape))
    return Baseline(name=name, scores=scores, fitted_on=len(dataset.train))


def shares_of_tokens(dataset: Dataset) -> Baseline:
    """Score the share of each token among the training rows, on all tokens of the test split."""
    size = dataset.encoding.inputs()["vocab_size"]
    train, test = (
        sum((np.bincount(row, minlength=size) for row in split.tokens), np.zeros(size))
        for split in (dataset.train, dataset.test)
    )
    # A token that the training rows lack gets a small share, not a loss without bound.
    shares = np.maximum(train, 0.5) / np.maximum(train, 0.5).sum()
    loss = -(test @ np.log(shares)) / test.sum()
    found = masked.scores(float(loss), float(test[train.argmax()] / test.sum()))
    return Baseline(name="shares of tokens", scores=found, fitted_on=len(dataset.train))


def shares_between_neighbours(dataset: Dataset) -> Baseline:
    """Score the share of each token between its two neighbours, on all tokens of the test split.

    Parameters
    ----------
    dataset
        Any data set of ids.

    Returns
    -------
    Baseline
        Counted in at most 20,000 rows, with the mixture that was best on the validation split. It
        sees neighbours that masking would sometimes hide, so it is no weaker than it has to be.
    """
    size = dataset.encoding.inputs()["vocab_size"]
    fitted = min(len(dataset.train), MOST_ROWS)
    counts = Neighbours(dataset.train.first(fitted), size)
    chosen = min(MIXTURES, key=lambda strength: counts.judge(dataset.validation, strength)[0])
    found = masked.scores(*counts.judge(dataset.test, chosen))
    return Baseline(name="shares between neighbours", scores=found, fitted_on=fitted)


def linear(dataset: Dataset) -> Baseline:
    """Score a linear model on plain features, fitted with the loss of the task.

    Parameters
    ----------
    dataset
        Any data set whose encoding has features, see `spectrans.data.features`.

    Returns
    -------
    Baseline
        At the L2 strength that scored best on the validation split; of equals, the strongest.

    Notes
    -----
    Fitted in float64 by L-BFGS on at most 20,000 rows. A fit costs time and memory in proportion to
    the number of features that are not zero.
    """
    task, fitted = dataset.task, min(len(dataset.train), MOST_ROWS)
    some = dataset.train.first(fitted)
    splits = (some, dataset.validation, dataset.test)
    train, validation, test = (
        token_features(dataset.encoding, *splits)
        if task.per_token
        else features(dataset.encoding, *splits)
    )
    targets, chosen_by, reported = (_targets(task, split) for split in splits)
    _, example = task.constant(dataset.train.labels)
    weights = torch.zeros(train.shape[1] + 1, example.numel(), dtype=torch.float64)
    best, chosen = float("-inf"), weights
    for strength in STRENGTHS:
        weights = _fit(task, train, targets, weights, strength)
        outputs = _outputs(validation, weights)
        scores = _scores(task, dataset.validation, chosen_by, outputs)
        rank = task.lead.rank(scores.values[task.lead.name])
        if rank > best:
            best, chosen = rank, weights
    scores = _scores(task, dataset.test, reported, _outputs(test, chosen))
    return Baseline(name="linear", scores=scores, fitted_on=fitted)


def _outputs(
    matrix: Float64[Tensor, "rows k"], weights: Float64[Tensor, "k1 outputs"]
) -> Float64[Tensor, "rows outputs"]:
    """Give what a linear model says; the last row of the weights is the bias."""
    return matrix @ weights[:-1] + weights[-1]


def _fit(
    task: Task,
    matrix: Float64[Tensor, "rows k"],
    targets: Tensor,
    start: Float64[Tensor, "k1 outputs"],
    strength: float,
) -> Float64[Tensor, "k1 outputs"]:
    """Minimise the mean loss plus half the strength times the squares of the weights."""
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
        value = task.loss(matrix @ weights[:-1] + weights[-1], targets) + penalty
        value.backward()
        return value

    search.step(loss)
    return weights.detach()


def _targets(task: Task, examples: Examples) -> Tensor:
    """Give the targets of a split, of tasks on tokens those of the tokens with a label."""
    labels = [examples.label(row) for row in range(len(examples))]
    if task.per_token:
        flat = np.concatenate(labels)
        return torch.from_numpy(flat[flat != NO_LABEL].astype(np.int64))
    return task.targets(labels, int(examples.tokens.lengths.max()))


def _scores(task: Task, split: Examples, targets: Tensor, outputs: Tensor) -> Scores:
    """Judge the outputs for a split, batch by batch; of tasks on tokens row by row."""
    meter = task.meter()
    if not task.per_token:
        for some, wanted in zip(outputs.split(BATCH), targets.split(BATCH), strict=True):
            meter.add(some, wanted)
        return meter.scores()
    sizes = [int((label != NO_LABEL).sum()) for label in split.labels]
    for some, wanted in zip(outputs.split(sizes), targets.split(sizes), strict=True):
        meter.add(some[None], wanted[None])
    return meter.scores()
