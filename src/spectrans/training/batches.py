"""Labelled sequences as the batches that a model takes."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from jaxtyping import Int, Integer
from torch import Tensor

from spectrans.data import Examples


class Item(TypedDict):
    """One labelled sequence; the names are those that transformers' samplers look for."""

    input_ids: Integer[np.ndarray, " _"]
    labels: int


class LabelledSequences(torch.utils.data.Dataset[Item]):
    """The examples of a split, one by one.

    Parameters
    ----------
    examples
        A split of a `spectrans.data.Dataset`.
    """

    def __init__(self, examples: Examples) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, row: int) -> Item:
        return {
            "input_ids": self.examples.tokens[row],
            "labels": int(self.examples.labels[row]),
        }


def padded(sequences: Sequence[Integer[np.ndarray, " _"]]) -> dict[str, Int[Tensor, "b n"]]:
    """Put sequences into one batch, with a mask only where their lengths differ.

    Parameters
    ----------
    sequences
        At least one; each of at least one token.

    Returns
    -------
    dict
        `input_ids`, padded on the right with 0, and `attention_mask` if there is padding.
    """
    lengths = np.array([len(sequence) for sequence in sequences])
    ids = np.zeros((len(sequences), lengths.max()), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
    batch = {"input_ids": torch.from_numpy(ids)}
    if lengths.min() < lengths.max():
        real = np.arange(lengths.max()) < lengths[:, None]
        batch["attention_mask"] = torch.from_numpy(real.astype(np.int64))
    return batch


def collate(items: list[Item]) -> dict[str, Tensor]:
    """Make the batch of some items, labels included."""
    labels = torch.tensor([item["labels"] for item in items])
    return {**padded([item["input_ids"] for item in items]), "labels": labels}
