"""Why a run cannot go on, in words: which module gave a number that is none, what memory lacked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from jaxtyping import Int64
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from spectrans.training import sharded
from spectrans.training.progress import TrainingError
from spectrans.training.spec import RunSpec

# What torch, oneDNN and the C library say.
_SHORT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory", "bad_alloc")


def first_non_finite(model: nn.Module, inputs: Mapping[str, Any]) -> str | None:
    """Name the first module whose output is infinite or no number.

    Parameters
    ----------
    model
        As it was when the loss was found to be no number.
    inputs
        The batch.

    Returns
    -------
    str or None
        Its name in the model, "the weight ..." where a weight itself is none, or None where all
        outputs are finite.
    """
    weight = first_bad_weight(model)
    if weight is not None:
        return weight
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(module: nn.Module, arguments: Any, output: Any) -> None:
            if isinstance(output, Tensor) and not output.isfinite().all():
                found.append(name)

        return hook

    handles: list[RemovableHandle] = [
        module.register_forward_hook(look(name)) for name, module in model.named_modules() if name
    ]
    try:
        with torch.no_grad():
            model(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


def first_bad_weight(model: nn.Module) -> str | None:
    """Name the first weight that is infinite or no number, in the part of it that is here."""
    for name, parameter in model.named_parameters():
        if not sharded.here(parameter.detach()).isfinite().all():
            return f"the weight {name}"
    return None


def first_bad_gradient(model: nn.Module) -> str | None:
    """Name the first weight whose gradient is infinite or no number.

    Parameters
    ----------
    model
        All processes of a run must ask together: each looks at what it holds.

    Returns
    -------
    str or None
        "the gradient of ...", or None where each number of all gradients is finite, as when only
        the sum of their squares is not.
    """
    named = list(model.named_parameters())
    bad = (
        place
        for place, (_, parameter) in enumerate(named)
        if parameter.grad is not None and not sharded.here(parameter.grad).isfinite().all()
    )
    # NCCL knows of no tensor on a CPU.
    first = torch.tensor(next(bad, len(named)), device=named[0][1].device)
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(first, dist.ReduceOp.MIN)
    return f"the gradient of {named[first][0]}" if first < len(named) else None


@contextmanager
def memory_in_words(spec: RunSpec, lengths: Int64[np.ndarray, " rows"]) -> Iterator[None]:
    """Turn a lack of memory into a sentence with what to lower.

    Parameters
    ----------
    spec
        Of the run.
    lengths
        Tokens of the rows that are trained on.

    Raises
    ------
    TrainingError
        Memory was too small.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        short = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not short and not any(words in str(error) for words in _SHORT_OF_MEMORY):
            raise
        rows = -(-min(spec.batch_size, len(lengths)) // spec.accumulate)
        way = (
            f"--accumulate {min(2 * spec.accumulate, spec.batch_size)} needs less for the same "
            "steps, or lower --batch-size, --max-length or the size of the model"
        )
        message = (
            f"out of memory with {rows} rows of up to {lengths.max():,} tokens at a time: {way}"
        )
        raise TrainingError(message) from None
