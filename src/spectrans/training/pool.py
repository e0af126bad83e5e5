"""Runs in worker processes, each with one thread, that are started once for many runs."""

import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from spectrans import processes
from spectrans.data import Dataset
from spectrans.disk import is_unwritable
from spectrans.training.evidence import examine, save_evidence
from spectrans.training.progress import Progress
from spectrans.training.record import RunRecord
from spectrans.training.run import train
from spectrans.training.signals import Stopped
from spectrans.training.spec import RunSpec


@dataclass(frozen=True)
class Job:
    """A run to do, and the folder that will hold it.

    Parameters
    ----------
    spec
        What to train.
    folder
        Where it keeps checkpoints, and is written at its end.
    tensorboard
        Whether it also writes curves there.
    floor
        Ranks that the best evaluation must have reached after these steps, or training ends.
    """

    spec: RunSpec
    folder: Path
    tensorboard: bool = False
    floor: Mapping[int, float] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Started:
    """A worker took a job."""

    job: Job


@dataclass(frozen=True)
class Progressed:
    """A job is under way."""

    job: Job
    progress: Progress


@dataclass(frozen=True)
class Finished:
    """A job is done and its folder written."""

    job: Job
    record: RunRecord


@dataclass(frozen=True)
class Failed:
    """A job ended without a result, for a reason in words."""

    job: Job
    reason: str


Event = Started | Progressed | Finished | Failed


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    place: int
    job: Job | None = None


def run_jobs(
    next_job: Callable[[], Job | None],
    dataset: Dataset,
    workers: int,
    watch: Callable[[Event], None],
) -> None:
    """Do jobs in worker processes until there are none left and none under way.

    Parameters
    ----------
    next_job
        Gives a job that may start now, or None; asked again whenever a job has ended.
    dataset
        What all jobs train on.
    workers
        Processes at most.
    watch
        Told of everything that happens, in this process.

    Notes
    -----
    A worker that dies takes its job with it, no other. An exception in this process, Ctrl-C
    included, ends all workers, and so does a disk that takes no more from one of them; finished
    runs are on disk by then.
    """
    idle: list[_Worker] = []
    busy: list[_Worker] = []
    try:
        while True:
            while len(busy) < workers and (job := next_job()) is not None:
                worker = idle.pop() if idle else _start(dataset, _free({w.place for w in busy}))
                worker.job = job
                worker.pipe.send(job)
                busy.append(worker)
                watch(Started(job))
            if not busy:
                return
            ready = wait([worker.pipe for worker in busy])
            for worker in [worker for worker in busy if worker.pipe in ready]:
                event = _receive(worker)
                if not isinstance(event, Progressed):
                    busy.remove(worker)
                    if worker.process.is_alive():
                        idle.append(worker)
                watch(event)
    finally:
        for worker in busy:
            worker.process.terminate()
        for worker in (*idle, *busy):
            # The end of its pipe is the end of an idle worker.
            worker.pipe.close()
            worker.process.join()


def cores() -> int:
    """Give the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def devices() -> tuple[str, ...]:
    """Give the names of the CUDA devices that this process may use."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    names = [name.strip() for name in seen.split(",")] if seen else list(map(str, range(count)))
    return tuple(names[:count])


def workers() -> int:
    """Give the number of runs that go at the same time: one per CUDA device, or else per core."""
    return len(devices()) or cores()


def device_of(place: int, names: tuple[str, ...]) -> str | None:
    """Give the device of a worker, in turns; None where there is none."""
    return names[place % len(names)] if names else None


def _free(taken: set[int]) -> int:
    """Give the first place that no worker has."""
    return next(place for place in itertools.count() if place not in taken)


def _start(dataset: Dataset, place: int) -> _Worker:
    # A forked child would inherit torch's threads in an unusable state.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_work, args=(theirs, dataset, device_of(place, devices())), daemon=True
    )
    with deaf_children():
        process.start()
    # Held open here, it would hide the death of the worker.
    theirs.close()
    return _Worker(process, ours, place)


@contextmanager
def deaf_children() -> Iterator[None]:
    """Let processes that start here ignore Ctrl-C, which reaches the whole group, from the start.

    Their parent decides what becomes of them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _receive(worker: _Worker) -> Event:
    """Take a worker's next message, or the news of its death."""
    assert worker.job is not None
    try:
        message: Any = worker.pipe.recv()
    except (EOFError, ConnectionResetError):
        worker.process.join()
        code = worker.process.exitcode
        ended = f"was killed by signal {-code}" if code and code < 0 else f"ended with code {code}"
        return Failed(worker.job, f"its process {ended}")
    if isinstance(message, Progress):
        return Progressed(worker.job, message)
    if isinstance(message, RunRecord):
        return Finished(worker.job, message)
    if isinstance(message, OSError):
        # No other run would be saved either.
        raise message
    return Failed(worker.job, message)


def _work(pipe: Connection, dataset: Dataset, device: str | None) -> None:
    """Do the jobs that come through a pipe: the body of a worker process."""
    if device is not None:
        # CUDA looks at this once, when it is first used.
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    torch.set_num_threads(1)
    processes.leave()
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        try:
            run = train(
                job.spec,
                dataset,
                pipe.send,
                job.folder,
                tensorboard=job.tensorboard,
                floor=job.floor,
            )
            save_evidence(examine(run.model, dataset), job.folder)
        except (BrokenPipeError, Stopped):
            # Nobody is left to work for.
            return
        # The edge of a process: whatever went wrong, the parent has to hear of it.
        except Exception as error:
            if is_unwritable(error):
                pipe.send(error)
                continue
            known = isinstance(error, (RuntimeError, ValueError, OSError)) and str(error)
            pipe.send(str(error) if known else f"{type(error).__name__}: {error}")
        else:
            pipe.send(run.record)
