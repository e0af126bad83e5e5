"""Answers of a trained model for new sequences."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Integer

from spectrans.models import BaseModel
from spectrans.training.batches import padded


def probabilities(
    model: BaseModel, sequences: Sequence[Integer[np.ndarray, " _"]], batch_size: int = 64
) -> Float[np.ndarray, "rows classes"]:
    """Give the probability of every class for each sequence.

    Parameters
    ----------
    model
        A trained model with a classification head.
    sequences
        Token ids; lengths may differ.
    batch_size
        Rows per forward pass.

    Returns
    -------
    ndarray
        Rows that sum to 1, in the order of `sequences`.
    """
    model.eval()
    # Neighbours in length share a batch, so that there is little padding.
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    found: list[np.ndarray] = []
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            batch = padded([sequences[row] for row in order[start : start + batch_size]])
            found.append(model(**batch).softmax(-1).numpy())
    rows = np.concatenate(found)
    answers = np.empty_like(rows)
    answers[order] = rows
    return answers
