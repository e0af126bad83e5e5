"""Sequences as batches."""

import numpy as np
import pytest
import torch

from spectrans.training.batches import Collator, LabelledSequences, padded
from tests.training.made import order_task


@pytest.mark.parametrize("lengths", [(3,), (4, 4), (1, 5, 3)], ids=str)
def test_a_batch_holds_every_token_and_nothing_else(lengths: tuple[int, ...]) -> None:
    sequences = [np.arange(1, n + 1) for n in lengths]
    batch = padded(sequences)
    mask = batch.get("attention_mask", torch.ones_like(batch["inputs"]))
    rows = [ids[real == 1] for ids, real in zip(batch["inputs"], mask, strict=True)]
    assert [row.tolist() for row in rows] == [row.tolist() for row in sequences]


def test_only_rows_of_different_lengths_have_a_mask() -> None:
    assert "attention_mask" in padded([np.ones(2, int), np.ones(3, int)])
    assert "attention_mask" not in padded([np.ones(3, int), np.ones(3, int)])


def test_labels_stay_with_their_rows() -> None:
    task = order_task(rows=6, shortest=4)
    examples = task.train
    items = LabelledSequences(examples, task.task)
    batch = Collator(task)([items[row] for row in (4, 1, 3)])
    assert batch["labels"].tolist() == examples.labels[[4, 1, 3]].tolist()
    assert batch["inputs"][1, : len(examples.tokens[1])].tolist() == examples.tokens[1].tolist()
