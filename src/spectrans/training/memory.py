"""Peak memory of a training step, each plan in a process of its own.

What is measured is by how much the resident set of a fresh process grows at its peak while it does
a training step, after a step on one row has loaded the libraries and made the optimiser's state. So
it counts activations, gradients and working space, and not Python, torch or the weights.
"""

import gc
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from spectrans.training.pool import cores
from spectrans.training.spec import RunSpec
from spectrans.training.stand import Shape, Stand

STEPS = 2
# glibc otherwise keeps freed tensors for later, and the resident set says little: with this, three
# plans measured within 1 % of the peak that torch's profiler counts; without, 30 to 60 % above.
_GLIBC = {"MALLOC_MMAP_THRESHOLD_": "65536"}


def peak_memory(cases: Sequence[tuple[RunSpec, Shape]]) -> list[int]:
    """Give the bytes that one training step takes at its peak, in each of some cases.

    Parameters
    ----------
    cases
        A run of a plan, and the rows that it is given.

    Returns
    -------
    list of int
        In the order of `cases`.
    """
    method = _start_method()
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__])
    workers = min(cores(), len(cases))
    with (
        _environment(_GLIBC),
        # One task per process: the peak of a process never falls again.
        ProcessPoolExecutor(workers, mp_context=context, max_tasks_per_child=1) as pool,
    ):
        return list(pool.map(_step_memory, *zip(*cases, strict=True)))


def _start_method() -> str:
    """Say how to start processes: children of a server that has torch loaded already do at once."""
    # Only Linux forks safely. It takes 107 bytes for the path of the socket of the server.
    longest = 107 - len("/pymp-abcdefgh/listener-abcdefgh")
    fits = len(os.fsencode(tempfile.gettempdir())) <= longest
    return "forkserver" if sys.platform == "linux" and fits else "spawn"


def _step_memory(spec: RunSpec, shape: Shape) -> int:
    """Measure one plan: the body of a fresh process."""
    torch.set_num_threads(1)
    stand = Stand(spec, shape)
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
