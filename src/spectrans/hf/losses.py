"""What training minimises, one function per head; no head's loss depends on the name of its class.

A loss is the mean over the labels of a batch, computed in float32 or wider; the label -100 is no
label. `Trainer` instead divides by the number of labels that all processes have in all batches of
one optimiser step, and undoes its own averaging: it gives that number as `num_items_in_batch`.
"""

import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from spectrans.errors import must
from spectrans.hf.config import SpectransConfig
from spectrans.transforms.precision import widened

NO_LABEL = -100


def token_loss(
    logits: Float[Tensor, "*b k"],
    labels: Integer[Tensor, "*b"],
    config: SpectransConfig,
    num_items_in_batch: Tensor | int | None = None,
) -> Float[Tensor, ""]:
    """Give the mean cross entropy of one label per token, per row or per choice.

    Parameters
    ----------
    logits
        Scores of the classes.
    labels
        Right classes.
    config
        Not looked at: every loss is called alike.
    num_items_in_batch
        What to divide the sum by; None is the number of labels.

    Returns
    -------
    Tensor
        NaN where there is no label at all.
    """
    scores, labels = widened(logits).flatten(0, -2), labels.flatten().to(logits.device)
    total = F.cross_entropy(scores, labels.long(), ignore_index=NO_LABEL, reduction="sum")
    return _divided(total, labels != NO_LABEL, num_items_in_batch)


def row_loss(
    logits: Float[Tensor, "b k"],
    labels: Tensor,
    config: SpectransConfig,
    num_items_in_batch: Tensor | int | None = None,
) -> Float[Tensor, ""]:
    """Give the loss of a row's class, of several classes at once, or of numbers.

    Parameters
    ----------
    logits
        One score or number per class or target.
    labels
        `(b,)` classes; `(b, k)` zeros and ones for "multi_label_classification"; numbers of the
        shape of the logits, or `(b,)` for one, for "regression".
    config
        Its `problem_type` chooses. Where that is None it is set from the labels, as other models
        do: one output is regression, integers are classes, other numbers are several classes.
    num_items_in_batch
        What to divide the sum by; None is the number of labels.

    Returns
    -------
    Tensor
        Cross entropy, binary cross entropy, or squared error.

    Raises
    ------
    ValueError
        Labels whose shape does not fit the logits.
    """
    if config.problem_type is None:
        config.problem_type = _problem(logits, labels)
    if config.problem_type == "single_label_classification":
        return token_loss(logits, labels, config, num_items_in_batch)
    wanted = logits.shape[:1] if labels.dim() == 1 and logits.shape[1] == 1 else logits.shape
    if labels.shape != wanted:
        rule = f"have shape {tuple(logits.shape)} for {config.problem_type}"
        raise ValueError(must("labels", rule, tuple(labels.shape)))
    scores = widened(logits)
    labels = labels.reshape(logits.shape).to(scores)
    real = labels != NO_LABEL
    if config.problem_type == "regression":
        losses = F.mse_loss(scores, labels, reduction="none")
    else:
        losses = F.binary_cross_entropy_with_logits(scores, labels, reduction="none")
    return _divided((losses * real).sum(), real, num_items_in_batch)


def _problem(logits: Float[Tensor, "b k"], labels: Tensor) -> str:
    if logits.shape[1] == 1:
        return "regression"
    floating = labels.is_floating_point()
    return "multi_label_classification" if floating else "single_label_classification"


def span_loss(
    start_logits: Float[Tensor, "b n"],
    end_logits: Float[Tensor, "b n"],
    start_positions: Tensor,
    end_positions: Tensor,
) -> Float[Tensor, ""]:
    """Give the mean cross entropy of where an answer starts and where it ends.

    Parameters
    ----------
    start_logits
        Scores of the positions, lowest at padding.
    end_logits
        Likewise.
    start_positions
        `(b,)` tokens where answers start; those outside the row, of answers cut off, are no labels.
    end_positions
        Where they end.

    Returns
    -------
    Tensor
        The mean of both.
    """
    n = start_logits.shape[1]
    losses = [
        F.cross_entropy(
            widened(logits), place.flatten().to(logits.device).clamp(0, n), ignore_index=n
        )
        for logits, place in ((start_logits, start_positions), (end_logits, end_positions))
    ]
    return (losses[0] + losses[1]) / 2


def _divided(total: Tensor, real: Tensor, items: Tensor | int | None) -> Float[Tensor, ""]:
    if items is None:
        return total / real.sum()
    return total / (items.to(total.device) if isinstance(items, Tensor) else items)
