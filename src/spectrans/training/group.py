"""The processes of a run talk to each other: DDP averages gradients, one of them writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from spectrans import processes
from spectrans.training.progress import TrainingError

# Seconds that a process waits for another. Evaluations are shared, so nobody waits long.
TIMEOUT = 300.0
_GONE = ("gloo", "connection closed", "connection reset", "nccl", "socket", "broken pipe")


class Lost(TrainingError):  # noqa: N818 - as in "the process is lost"
    """Another process of the run is gone."""


def join() -> None:
    """Meet the other processes of the run, if there are any and it was not done."""
    if processes.count() == 1 or dist.is_initialized():
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    seconds = float(os.environ.get("SPECTRANS_TIMEOUT", TIMEOUT))
    dist.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(seconds=seconds))


def from_main(value: Any) -> Any:
    """Give every process what the main one has."""
    if not dist.is_initialized():
        return value
    shared = [value]
    dist.broadcast_object_list(shared, src=0)
    return shared[0]


@contextmanager
def losses_in_words() -> Iterator[None]:
    """Turn what the loss of another process breaks into one sentence.

    Raises
    ------
    Lost
        Another process is gone.
    """
    try:
        yield
    except TrainingError:
        raise
    except RuntimeError as error:
        broken = isinstance(error, dist.DistError) or any(w in str(error).lower() for w in _GONE)
        if processes.count() == 1 or not broken:
            raise
        raise Lost("another process of the run is gone, and the run ends with it") from None
