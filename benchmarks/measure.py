"""One case measured: results compared first, then times in turns, then peak memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.case import Case
from benchmarks.clock import Spread, ratio, take_turns
from benchmarks.machine import Others
from benchmarks.process import Malloc, Process
from benchmarks.results import Row

CASES = "benchmarks.cases"


def measure(
    case: Case,
    threads: list[int],
    *,
    seconds: float,
    commit: str,
    malloc: Malloc = "kept",
    device: str = "cpu",
    memory: bool = False,
    source: str = CASES,
) -> Iterator[Row]:
    """Give one row per number of threads; our side is its own control in every one.

    Parameters
    ----------
    case
        What to measure.
    threads
        Numbers of threads, one after the other.
    seconds
        About how long to take times, for each number of threads.
    commit
        What the rows say about the library's version.
    malloc
        What freed memory does while times are taken.
    device
        Of all tensors.
    memory
        Whether to measure peak memory, each side in a process of its own.
    source
        Module whose CASES has the case.

    Yields
    ------
    Row
        Times, ratio, control.

    Raises
    ------
    RefusedError
        The results are unequal.
    BrokenError
        A side cannot be built or run.
    """
    opened = {"source": source, "name": case.name, "device": device}
    peaks = None
    with Process(malloc) as worker:
        worker.ask("open", arms=["ours", "peer"], threads=threads[0], **opened)
        for count in threads:
            worker.ask("threads", threads=count)
            error = worker.ask("check")
            run = {arm: partial(_time, worker, arm) for arm in ("ours", "peer")}
            others = Others(worker.child.pid)
            times = take_turns({**run, "again": run["ours"]}, seconds)
            busy = others.busy()
            if memory and peaks is None:
                peaks = _peak(opened, "ours"), _peak(opened, "peer")
            yield Row(
                case=case.name,
                family=case.family,
                against=case.against,
                sizes=case.sizes,
                threads=count,
                malloc=malloc,
                commit=commit,
                error=error,
                ours_ms=1e3 * median(times["ours"]),
                peer_ms=1e3 * median(times["peer"]),
                ratio=ratio(times["peer"], times["ours"]),
                control=ratio(times["again"], times["ours"]),
                rounds=len(times["ours"]),
                busy=busy,
                target=_target(case, count),
                memory_mib=peaks,
                memory_target=case.memory_target,
            )


def compare(
    case: Case, base: Path, threads: int, *, seconds: float, malloc: Malloc, source: str = CASES
) -> tuple[Spread, Spread]:
    """Give how many times slower ours is than in another checkout, and the control.

    Three processes take turns: the other checkout's library, this one's, and this one's again.
    """
    with ExitStack() as stack:
        arms = {}
        for name, library in (("base", base / "src"), ("head", None), ("again", None)):
            worker = stack.enter_context(Process(malloc, library))
            opened = {"source": source, "name": case.name, "device": "cpu"}
            worker.ask("open", arms=["ours"], threads=threads, **opened)
            arms[name] = partial(_time, worker, "ours")
        times = take_turns(arms, seconds)
    return ratio(times["head"], times["base"]), ratio(times["again"], times["head"])


def _target(case: Case, threads: int) -> float | None:
    """Give the least ratio: with more than one thread none may be slower than its peer."""
    if case.target is None or threads == 1:
        return case.target
    return min(case.target, 1.0)


def _time(worker: Process, arm: str, repeats: int) -> float:
    seconds: float = worker.ask("time", arm=arm, repeats=repeats)
    return seconds


def _peak(opened: dict[str, str], arm: str) -> float:
    """Give the peak memory of one side in MiB, on one thread."""
    with Process("returned") as worker:
        worker.ask("open", arms=[], threads=1, **opened)
        peak: int = worker.ask("peak", arm=arm)
    return peak / 2**20
