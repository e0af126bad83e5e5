"""A process that holds the sides of one case and runs them when told: JSON lines in, JSON out.

The process that asks never imports torch, so it can set the environment of each worker: what malloc
keeps, and which version of the library is imported. A worker only imports; for each case it makes a
copy of itself, which is as good as a fresh process and saves the seconds that imports take.
"""

import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO

import torch

from benchmarks.case import Case, UnequalError, Work


class Worker:
    """One case, opened with some of its sides."""

    def __init__(self) -> None:
        self.works: dict[str, Work] = {}
        self.case: Case

    def open(self, source: str, name: str, arms: list[str], threads: int, device: str) -> str:
        """Build the sides; give the folder that the library comes from."""
        import spectrans

        torch.set_num_threads(threads)
        torch.set_default_device(device)
        cases: dict[str, Case] = importlib.import_module(source).CASES
        self.case = cases[name]
        self.works = {arm: self.case.build(arm) for arm in arms}
        return str(Path(spectrans.__file__).parent.parent)

    def threads(self, threads: int) -> None:
        """Change the number of threads."""
        torch.set_num_threads(threads)

    def check(self) -> float | None:
        """Give the error of our result; both sides must be open."""
        return self.case.verify(self.works["ours"], self.works["peer"])

    def time(self, arm: str, repeats: int) -> float:
        """Give the mean seconds of some runs of one side.

        On one thread these are seconds of computing, which leave out the moments in which the
        machine did something else; on more, and on other devices, seconds of the clock on the wall.
        """
        work, alone = self.works[arm], torch.get_num_threads() == 1
        computes = alone and not self.case.elsewhere and torch.get_default_device().type == "cpu"
        clock = time.process_time if computes else time.perf_counter
        start = clock()
        for _ in range(repeats):
            work()
        _wait()
        return (clock() - start) / repeats

    def peak(self, arm: str) -> int:
        """Give by how many bytes the process grows at most while a fresh side runs."""
        # Loads libraries and makes their tables, without the memory of the real size.
        small = {key: min(size, SMALL.get(key, size)) for key, size in self.case.sizes.items()}
        self.case.build(arm, small)()
        work = self.case.build(arm)
        gc.collect()
        before = _start_of_peak()
        for _ in range(2):
            work()
        _wait()
        return _peak() - before


# Sizes of the warm-up before memory is measured: rows, tokens, layers.
SMALL = {"b": 1, "n": 64, "layers": 1}


def _wait() -> None:
    if torch.get_default_device().type == "cuda":
        torch.cuda.synchronize()


def _start_of_peak() -> int:
    """Forget the peak so far; give the bytes in use now."""
    if torch.get_default_device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    # proc(5): 5 resets the peak resident set size to what it is now.
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    if torch.get_default_device().type == "cuda":
        return torch.cuda.max_memory_allocated()
    return _status("VmHWM")


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields[key].split()[0]) * 1024


def main() -> None:
    """Make a copy per case, and wait for it to end."""
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        for module in json.loads(line)["imports"]:
            importlib.import_module(module)
        child = os.fork()
        if child == 0:
            _run_to_the_end(answers)
        print(json.dumps({"value": child}), file=answers, flush=True)
        _, status = os.waitpid(child, 0)
        answer = {"broken": status} if status else {"value": None}
        print(json.dumps(answer), file=answers, flush=True)


def _run_to_the_end(answers: TextIO) -> NoReturn:
    """Serve, and leave without what the interpreter does at its end: that is for the parent."""
    code = 1
    try:
        serve(answers)
        code = 0
    finally:
        if code:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


def serve(answers: TextIO) -> None:
    """Answer requests about one case until told to stop."""
    worker = Worker()
    commands: dict[str, Callable[..., Any]] = {
        "open": worker.open,
        "threads": worker.threads,
        "check": worker.check,
        "time": worker.time,
        "peak": worker.peak,
        "environment": lambda: dict(os.environ),
    }
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "stop":
            return
        try:
            answer = {"value": commands[request.pop("do")](**request)}
        except UnequalError as unequal:
            answer = {"unequal": str(unequal)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
