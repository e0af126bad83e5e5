"""One case measured: results compared first, then times in turns, then peak memory."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median

from benchmarks.case import Case
from benchmarks.clock import Spread, ratio, take_turns
from benchmarks.machine import Others
from benchmarks.process import Process
from benchmarks.results import Row

CASES = "benchmarks.cases"


def measure(
    case: Case,
    threads: list[int],
    worker: Process,
    *,
    seconds: float,
    commit: str,
    device: str = "cpu",
    frugal: Process | None = None,
    source: str = CASES,
) -> Iterator[Row]:
    """Give one row per number of threads; our side is its own control in every one.

    Parameters
    ----------
    case
        What to measure.
    threads
        Numbers of threads, one after the other.
    worker
        Where times are taken.
    seconds
        About how long to take times, for each number of threads.
    commit
        What the rows say about the library's version.
    device
        Of all tensors.
    frugal
        Where peak memory is measured, each side in a fresh process; None measures none.
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
    if frugal is not None:
        peaks = _peak(frugal, opened, "ours"), _peak(frugal, opened, "peer")
    with worker.fresh() as process:
        worker.ask("open", arms=["ours", "peer"], threads=threads[0], **opened)
        for count in threads:
            worker.ask("threads", threads=count)
            error = worker.ask("check")
            run = {arm: partial(_time, worker, arm) for arm in ("ours", "peer")}
            others = Others(process)
            times = take_turns({**run, "again": run["ours"]}, seconds, case.slow)
            busy = others.busy()
            yield Row(
                case=case.name,
                family=case.family,
                against=case.against,
                sizes=case.sizes,
                threads=count,
                malloc=worker.malloc,
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
    case: Case, workers: dict[str, Process], threads: int, *, seconds: float, source: str = CASES
) -> tuple[Spread, Spread]:
    """Give how many times slower ours is than in another checkout, and the control.

    Three processes take turns: the other checkout's library in "base", this one's in "head", and
    this one's again in "again".
    """
    with ExitStack() as stack:
        arms = {}
        for name, worker in workers.items():
            stack.enter_context(worker.fresh())
            opened = {"source": source, "name": case.name, "device": "cpu"}
            worker.ask("open", arms=["ours"], threads=threads, **opened)
            arms[name] = partial(_time, worker, "ours")
        times = take_turns(arms, seconds, case.slow)
    return ratio(times["head"], times["base"]), ratio(times["again"], times["head"])


def _target(case: Case, threads: int) -> float | None:
    """Give the least ratio: with more than one thread none may be slower than its peer."""
    if case.target is None or threads == 1:
        return case.target
    return min(case.target, 1.0)


def _time(worker: Process, arm: str, repeats: int) -> float:
    seconds: float = worker.ask("time", arm=arm, repeats=repeats)
    return seconds


def _peak(worker: Process, opened: dict[str, str], arm: str) -> float:
    """Give the peak memory of one side in MiB, on one thread."""
    with worker.fresh():
        worker.ask("open", arms=[], threads=1, **opened)
        peak: int = worker.ask("peak", arm=arm)
    return peak / 2**20
