"""What no neural network is needed for: the scores every model has to be seen beside."""

from collections.abc import Iterable

import torch
from jaxtyping import Float64
from pydantic import NonNegativeInt
from torch import Tensor

from spectrans.data.dataset import Dataset, Examples
from spectrans.data.features import features
from spectrans.options import Options
from spectrans.tasks import Scores, Task

# Strongest first, each fit starting from the last: from all but constant to all but unregularised.
STRENGTHS = tuple(10.0**power for power in range(-1, -7, -1))
STEPS = 50
# Rows that a linear model is fitted on: more make it slower than the models, and hardly better.
MOST_ROWS = 20_000
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
        The best answer that looks at no input, then a linear model. The same on every run.
    """
    return constant(dataset), linear(dataset)


def constant(dataset: Dataset) -> Baseline:
    """Score the best answer that is the same for every row."""
    task = dataset.task
    name, outputs = task.constant(dataset.train.labels)
    batches = (outputs.expand(rows, *outputs.shape) for rows in _batch_sizes(dataset.test))
    scores = _scores(task, dataset.test, batches)
    return Baseline(name=name, scores=scores, fitted_on=len(dataset.train))


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
    train, validation, test = features(dataset.encoding, some, dataset.validation, dataset.test)
    targets = _targets(task, some)
    _, example = task.constant(dataset.train.labels)
    weights = torch.zeros(train.shape[1] + 1, example.numel(), dtype=torch.float64)
    best, chosen = float("-inf"), weights
    for strength in STRENGTHS:
        weights = _fit(task, train, targets, weights, strength)
        scores = _scores(task, dataset.validation, _outputs(validation, weights))
        rank = task.lead.rank(scores.values[task.lead.name])
        if rank > best:
            best, chosen = rank, weights
    scores = _scores(task, dataset.test, _outputs(test, chosen))
    return Baseline(name="linear", scores=scores, fitted_on=fitted)


def _outputs(
    matrix: Float64[Tensor, "rows k"], weights: Float64[Tensor, "k1 outputs"]
) -> Iterable[Float64[Tensor, "b outputs"]]:
    """Give what a linear model says, batch by batch; the last row of the weights is the bias."""
    return (matrix @ weights[:-1] + weights[-1]).split(BATCH)


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
    lengths = examples.tokens.lengths
    return task.targets([examples.label(row) for row in range(len(examples))], int(lengths.max()))


def _batch_sizes(examples: Examples) -> list[int]:
    return [min(BATCH, len(examples) - start) for start in range(0, len(examples), BATCH)]


def _scores(task: Task, examples: Examples, batches: Iterable[Tensor]) -> Scores:
    """Judge the outputs for a split, given batch by batch."""
    meter = task.meter()
    start = 0
    for outputs in batches:
        rows = range(start, start + len(outputs))
        longest = int(examples.tokens.lengths[rows.start : rows.stop].max())
        meter.add(outputs, task.targets([examples.label(row) for row in rows], longest))
        start = rows.stop
    return meter.scores()
