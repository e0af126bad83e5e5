"""A fresh model with made-up rows, to measure what a training step or an answer costs."""

from dataclasses import dataclass

import torch

from spectrans.data.encoding import AnyEncoding
from spectrans.tasks import Task
from spectrans.training.batches import feed
from spectrans.training.spec import Described, RunSpec


@dataclass(frozen=True)
class Shape:
    """All that a cost depends on, and no rows.

    Parameters
    ----------
    task
        What is answered.
    encoding
        What a token is.
    max_length
        Tokens of a row.
    rows
        Rows of a batch; None takes those of the run.
    """

    task: Task
    encoding: AnyEncoding
    max_length: int
    rows: int | None = None

    @classmethod
    def of(cls, data: Described) -> "Shape":
        """Give the shape of the longest rows of a data set."""
        return cls(data.task, data.encoding, data.max_length)


class Stand:
    """A model on the test stand: no cost depends on what the weights or the tokens are.

    Parameters
    ----------
    spec
        Plan, sizes and rows per batch.
    shape
        Tokens, classes, and how long a row is.
    """

    def __init__(self, spec: RunSpec, shape: Shape) -> None:
        rows = shape.rows or spec.batch_size
        self.model = spec.build(shape)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), fused=True)
        self.task = shape.task
        self.inputs = shape.encoding.stand_in(rows, shape.max_length)
        self.rows = rows
        self.tokens = rows * shape.max_length

    def train(self, rows: int | None = None) -> None:
        """Do a whole training step, on all rows or the first few."""
        self.model.train()
        outputs = feed(self.model, self.inputs[:rows])
        self.task.loss(outputs, self.task.stand_in(outputs)).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()

    def infer(self) -> None:
        """Answer for all rows."""
        self.model.eval()
        with torch.inference_mode():
            feed(self.model, self.inputs)
