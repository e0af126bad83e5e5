"""The interface of a task: targets, loss, figures, answers."""

from typing import Annotated, Any, ClassVar

import numpy as np
from jaxtyping import Float, Int64
from pydantic import ConfigDict, NonNegativeInt, Strict
from torch import Tensor

from spectrans.errors import must
from spectrans.options import Options
from spectrans.sequences import Sequences

# One entry, or one array, per row of a split; None where rows label themselves.
Labels = np.ndarray | Sequences | None


class Metric(Options):
    """A figure by which answers are judged.

    Parameters
    ----------
    name
        Its key among the figures of a run.
    title
        As people write it.
    percent
        Whether it is a share, shown in percent.
    higher
        Whether a higher figure is better.
    """

    name: str
    title: str
    percent: bool = True
    higher: bool = True

    def show(self, value: float) -> str:
        """Write a value with its unit."""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.4g}"

    def rank(self, value: float) -> float:
        """Give a number that is higher for a better value."""
        return value if self.higher else -value


class ClassScore(Options):
    """How well one class is told from the others.

    Parameters
    ----------
    label
        The class.
    precision
        Share of the answers with this class that are right; 0 where there is none.
    recall
        Share of the class that is answered with it; 0 where the class has no row.
    f1
        Harmonic mean of the two.
    rows
        Rows (or tokens) of the class.
    """

    label: str
    precision: float
    recall: float
    f1: float
    rows: NonNegativeInt


class Scores(Options):
    """How good the answers to a split are; of a model that diverged, numbers that are none.

    Parameters
    ----------
    values
        The figures of the task under their names, and the mean `loss`.
    classes
        Each class by itself, where there are classes.
    """

    model_config = ConfigDict(allow_inf_nan=True)

    values: dict[str, float]
    classes: Annotated[tuple[ClassScore, ...], Strict(False)] = ()


class Meter:
    """Adds up answers batch by batch, in memory that does not grow with their number."""

    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Count a batch.

        Parameters
        ----------
        outputs
            Of a model.
        targets
            Of the same batch, as `Task.targets` gives them.
        """
        raise NotImplementedError

    def scores(self) -> Scores:
        """Judge all batches so far."""
        raise NotImplementedError


class Task(Options):
    """What a model has to answer.

    A task is a value: what it holds is known from the training data, and is saved with a run.

    Parameters
    ----------
    kind
        Name of the task.
    labels
        Names of the classes, or of the numbers, that are answered.
    """

    kind: str
    labels: Annotated[tuple[str, ...], Strict(False)] = ()
    # The first one decides which weights are kept, and is compared between plans.
    metrics: ClassVar[tuple[Metric, ...]]
    # Whether there is an answer for every token, not one for the row.
    per_token: ClassVar[bool] = False

    @property
    def lead(self) -> Metric:
        """The figure that decides."""
        return self.metrics[0]

    def describe(self) -> str:
        """Say what is answered, as in "in 3 classes"."""
        raise NotImplementedError

    def head(self) -> dict[str, Any]:
        """Give the settings of a model that answers this."""
        raise NotImplementedError

    def check(self, name: str, labels: Labels, lengths: Int64[np.ndarray, " rows"]) -> None:
        """Refuse labels that this task cannot have.

        Parameters
        ----------
        name
            Of the split, for the message.
        labels
            Of the split.
        lengths
            Tokens of each of its rows.

        Raises
        ------
        ValueError
            The label, the rule and the value.
        """
        raise NotImplementedError

    def targets(self, labels: list[Any], length: int) -> Tensor:
        """Make the targets of a batch.

        Parameters
        ----------
        labels
            One entry of a split's labels for each row.
        length
            Tokens of the longest row.

        Returns
        -------
        Tensor
            What `loss` compares outputs with.
        """
        raise NotImplementedError

    def loss(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        items: Tensor | None = None,
    ) -> Tensor:
        """Give the mean loss of a batch.

        Parameters
        ----------
        outputs
            Of a model.
        targets
            Of the same batch.
        weights
            What `balance` gives; None weighs all classes alike.
        items
            What to divide the sum by, where the batch is a part of a larger one; None is the number
            of targets.

        Returns
        -------
        Tensor
            A scalar. Weights do not change what the sum is divided by: their mean over the training
            rows is 1, and a batch that happens to hold one class must not undo them.
        """
        raise NotImplementedError

    def balance(self, labels: Labels) -> Tensor:
        """Give the weights of the loss with which all classes count alike.

        Parameters
        ----------
        labels
            Of the training split.

        Returns
        -------
        Tensor
            For `loss`.

        Raises
        ------
        ValueError
            There are no classes.
        """
        rule = f"be left out for {self.kind}, which has no classes to balance"
        raise ValueError(must("class_weights", rule, "balanced"))

    def meter(self) -> Meter:
        """Give a fresh meter."""
        raise NotImplementedError

    def constant(self, labels: Labels) -> tuple[str, Tensor]:
        """Give the best answer that looks at no input, and its name.

        Parameters
        ----------
        labels
            Of the training split.

        Returns
        -------
        tuple
            As in tables, and outputs of one row.
        """
        raise NotImplementedError

    def strata(self, labels: Labels) -> tuple[Int64[np.ndarray, " rows"], tuple[str, ...]]:
        """Say of which rows every split must have its share.

        Parameters
        ----------
        labels
            Of all rows.

        Returns
        -------
        tuple
            The stratum of each row, and the name of each stratum for messages; without names, a
            stratum that is too small for three splits is shared out at random.
        """
        raise NotImplementedError

    def answers(self, outputs: Tensor) -> Tensor:
        """Turn what a model puts out into what people read: probabilities, numbers with units."""
        raise NotImplementedError

    def answer(self, row: Float[np.ndarray, "..."], top: int) -> dict[str, Any]:
        """Give the answer for one row as plain data.

        Parameters
        ----------
        row
            What `answers` makes of the outputs for this row.
        top
            Classes or tokens to name, at most.

        Returns
        -------
        dict
            What `spectrans predict --json` prints of a row.
        """
        raise NotImplementedError

    def show(self, answer: dict[str, Any]) -> str:
        """Write an answer in one line."""
        raise NotImplementedError

    def truth(self, label: Any) -> Any:
        """Give the true answer for one row as plain data, from its label."""
        raise NotImplementedError

    def stand_in(self, outputs: Tensor) -> Tensor:
        """Make up targets for outputs, to measure what a training step costs."""
        raise NotImplementedError
