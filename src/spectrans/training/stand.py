"""A fresh model with made-up rows, to measure what a training step or an answer costs."""

import torch
from torch.nn.functional import cross_entropy

from spectrans.data import Dataset
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
        shape = (spec.batch_size, dataset.max_length)
        self.ids = torch.randint(dataset.vocab_size, shape)
        self.labels = torch.randint(len(dataset.label_names), shape[:1])

    @property
    def tokens(self) -> int:
        """Tokens of a batch."""
        return self.ids.numel()

    def train(self, rows: int | None = None) -> None:
        """Do a whole training step, on all rows or the first few."""
        self.model.train()
        cross_entropy(self.model(self.ids[:rows]), self.labels[:rows]).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()

    def infer(self) -> None:
        """Answer for all rows."""
        self.model.eval()
        with torch.inference_mode():
            self.model(self.ids)
