"""Labelled sequences as the batches that a model takes."""

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor

from spectrans.data import Dataset, Examples
from spectrans.models import BaseModel
from spectrans.tasks import MaskedLM, Task
from spectrans.tasks.tokens import NO_LABEL
from spectrans.training.order import Draw


class Item(TypedDict):
    """One labelled sequence; a filler only stands in for one that its batch has not."""

    tokens: np.ndarray
    labels: Any
    filler: bool


class LabelledSequences(torch.utils.data.Dataset[Item]):
    """The examples of a split, one by one.

    Parameters
    ----------
    examples
        A split of a `spectrans.data.Dataset`.
    task
        What is asked of a row. Where chance has a part in it, a row is asked the same every time
        that it is called by its number, and differently in every epoch that draws it.
    """

    def __init__(self, examples: Examples, task: Task) -> None:
        self.examples = examples
        self.task = task

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int | Draw) -> Item:
        row = place.row if isinstance(place, Draw) else place
        tokens, label = self.examples.tokens[row], self.examples.label(row)
        if isinstance(self.task, MaskedLM):
            seed = [place.seed, place.epoch, row] if isinstance(place, Draw) else row
            tokens, label = self.task.ask(tokens, label, np.random.RandomState(seed))
        filler = isinstance(place, Draw) and place.filler
        return {"tokens": tokens, "labels": label, "filler": filler}


def padded(sequences: Sequence[np.ndarray]) -> dict[str, Tensor]:
    """Put sequences into one batch, with a mask only where their lengths differ.

    Parameters
    ----------
    sequences
        At least one; each of at least one token.

    Returns
    -------
    dict
        `inputs`, padded on the right with 0, and `attention_mask` if there is padding.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    first = sequences[0]
    kind = np.int64 if first.dtype.kind in "iu" else np.float32
    inputs = np.zeros((len(sequences), lengths.max(), *first.shape[1:]), dtype=kind)
    for row, sequence in enumerate(sequences):
        inputs[row, : len(sequence)] = sequence
    batch = {"inputs": torch.from_numpy(inputs)}
    if lengths.min() < lengths.max():
        real = np.arange(lengths.max()) < lengths[:, None]
        batch["attention_mask"] = torch.from_numpy(real.astype(np.int64))
    return batch


class Collator:
    """Makes the batch of some items, targets included.

    Parameters
    ----------
    dataset
        Says what tokens are, and what the labels are for.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.task = dataset.task
        self.encoding = dataset.encoding

    def __call__(self, items: list[Item]) -> dict[str, Any]:
        """Put items together; of fillers say so."""
        batch: dict[str, Any] = {**padded([self.encoding.present(i["tokens"]) for i in items])}
        labels = [item["labels"] for item in items]
        batch["labels"] = self.task.targets(labels, batch["inputs"].shape[1])
        if any(item["filler"] for item in items):
            batch["labels"].fill_(NO_LABEL)
            batch["filler"] = True
        return batch


def feed(model: BaseModel, inputs: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """Give a model a batch of ids or of vectors."""
    if inputs.is_floating_point():
        return model(inputs_embeds=inputs, attention_mask=attention_mask)
    return model(inputs, attention_mask=attention_mask)
