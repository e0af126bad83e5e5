"""Answers of a trained model for new sequences."""

from collections.abc import Sequence

import numpy as np
import torch

from spectrans.data.encoding import AnyEncoding
from spectrans.models import BaseModel
from spectrans.tasks import Task
from spectrans.training.batches import feed, padded


def answers(
    model: BaseModel,
    task: Task,
    encoding: AnyEncoding,
    sequences: Sequence[np.ndarray],
    batch_size: int = 64,
) -> list[np.ndarray]:
    """Give what a model answers for each sequence, in the terms of its task.

    Parameters
    ----------
    model
        A trained model.
    task
        What it was trained for.
    encoding
        What its tokens are.
    sequences
        Token ids or vectors; lengths may differ.
    batch_size
        Rows per forward pass.

    Returns
    -------
    list of ndarray
        In the order of `sequences`; for classes, their probabilities.
    """
    model.eval()
    # Neighbours in length share a batch, so that there is little padding.
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    found: list[np.ndarray] = [np.empty(0)] * len(sequences)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = padded([encoding.present(sequences[row]) for row in rows])
            outputs = task.answers(feed(model, **batch))
            for row, output in zip(rows, outputs.numpy(), strict=True):
                found[row] = output[: len(sequences[row])] if task.per_token else output
    return found
