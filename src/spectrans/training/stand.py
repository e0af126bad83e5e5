"""A fresh model with made-up rows, to measure what a training step or an answer costs."""

import torch

from spectrans.data import Dataset
from spectrans.training.batches import feed
from spectrans.training.spec import RunSpec


class Stand:
    """A model on the test stand: no cost depends on what the weights or the tokens are.

    Parameters
    ----------
    spec
        Plan, sizes and rows per batch.
    dataset
        Tokens, classes and the length of a row, the longest.
    """

    def __init__(self, spec: RunSpec, dataset: Dataset) -> None:
        self.model = spec.build(dataset)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), fused=True)
        self.task = dataset.task
        self.inputs = dataset.encoding.stand_in(spec.batch_size, dataset.max_length)
        self.tokens = spec.batch_size * dataset.max_length

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
