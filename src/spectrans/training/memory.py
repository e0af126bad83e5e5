"""Peak memory of a training step, each plan in a process of its own.

What is measured is by how much the resident set of a fresh process grows at its peak while it does
a training step, after a step on one row has loaded the libraries and made the optimiser's state. So
it counts activations, gradients and working space, and not Python, torch or the weights.
"""

import gc
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from spectrans.data import Dataset
from spectrans.training.pool import cores
from spectrans.training.spec import RunSpec
from spectrans.training.stand import Stand

STEPS = 2
# glibc otherwise keeps freed tensors for later, and the resident set says little: with this, three
# plans measured within 1 % of the peak that torch's profiler counts; without, 30 to 60 % above.
_GLIBC = {"MALLOC_MMAP_THRESHOLD_": "65536"}


def peak_memory(specs: Sequence[RunSpec], dataset: Dataset) -> list[int]:
    """Give the bytes that one training step of each plan takes at its peak.

    Parameters
    ----------
    specs
        One run of each plan.
    dataset
        Says how long rows are; steps are on the longest.

    Returns
    -------
    list of int
        In the order of `specs`.
    """
    context = multiprocessing.get_context("spawn")
    workers = min(cores(), len(specs))
    with (
        _environment(_GLIBC),
        # One task per process: the peak of a process never falls again.
        ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool,
    ):
        return list(pool.map(_step_memory, specs, [dataset] * len(specs)))


def _step_memory(spec: RunSpec, dataset: Dataset) -> int:
    """Measure one plan: the body of a fresh process."""
    torch.set_num_threads(1)
    stand = Stand(spec, dataset)
    stand.train(rows=1)
    gc.collect()
    before = _peak()
    for _ in range(STEPS):
        stand.train()
    return _peak() - before


def _peak() -> int:
    """Give the largest resident set that this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss starts from the parent's peak; this does not.
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    # Not on Windows, where the rest of the package still imports.
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Hand variables to child processes that start meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
