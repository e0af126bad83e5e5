"""The processes of a run talk to each other: DDP averages gradients, one of them writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from spectrans import processes
from spectrans.errors import must
from spectrans.training.progress import TrainingError

# Seconds that a process waits for another. Evaluations are shared, so nobody waits long.
VARIABLE, TIMEOUT = "SPECTRANS_TIMEOUT", 300.0
# A year: what is far more, torch cannot count.
LONGEST = 31_536_000
_LATE = ("timed out", "timeout")
_GONE = ("gloo", "connection closed", "connection reset", "nccl", "socket", "broken pipe")


class Lost(TrainingError):  # noqa: N818 - as in "the process is lost"
    """Another process of the run is gone."""


class Late(Lost):
    """Another process of the run is there, perhaps, and does not answer."""


def patience() -> float:
    """Give the seconds that a process waits for another, by `$SPECTRANS_TIMEOUT`.

    Returns
    -------
    float
        More than 0.

    Raises
    ------
    ValueError
        `SPECTRANS_TIMEOUT must be a number of seconds above 0 ...`.
    """
    text = os.environ.get(VARIABLE, str(TIMEOUT))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < LONGEST:
        rule = f"be a number of seconds above 0 and below {LONGEST:,}"
        raise ValueError(must(VARIABLE, rule, text))
    return seconds


def join() -> None:
    """Meet the other processes of the run, if there are any and it was not done."""
    if processes.count() == 1 or dist.is_initialized():
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    wait = timedelta(seconds=patience())
    dist.init_process_group("nccl" if cuda else "gloo", timeout=wait)


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
    Late
        It did not answer in time.
    """
    try:
        yield
    except TrainingError:
        raise
    except RuntimeError as error:
        broken = isinstance(error, dist.DistError) or any(w in str(error).lower() for w in _GONE)
        if processes.count() == 1 or not broken:
            raise
        if any(word in str(error).lower() for word in _LATE):
            waited = f"did not answer for {patience():g} seconds ({VARIABLE})"
            raise Late(f"another process of the run {waited}, and the run ends") from None
        raise Lost("another process of the run is gone, and the run ends with it") from None
