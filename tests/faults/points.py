"""Processes that die at a chosen change of a folder: every point at which a crash could come.

Python itself reports each opening, renaming and removal of a file before it is done, and the system
ends a process that writes a file beyond a limit, behind the last byte within it. So no line of the
library has to be known or replaced.
"""

import itertools
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

_CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
_WRITING = os.O_WRONLY | os.O_RDWR


def _is_change(event: str, arguments: tuple[Any, ...], folder: str) -> bool:
    """Whether an event changes something in a folder."""
    if event not in _CHANGES or (event == "open" and not arguments[2] & _WRITING):
        return False
    # Where whole folders are removed, names are relative to one that is open.
    relative = event in ("os.remove", "os.rmdir") and arguments[-1] != -1
    return relative or str(arguments[0]).startswith(folder)


def _run(body: Callable[[], Any], folder: str, number: int, written: int | None) -> None:
    """The body of a process that dies before its n-th change of a folder, or behind it."""
    changes = itertools.count(1)
    # Python ignores this signal, and the system would keep an image of the memory.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if written is not None and event != "open":
            return
        if _is_change(event, arguments, folder) and next(changes) == number:
            if written is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))

    sys.addaudithook(look)
    body()


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["spectrans.report.run", "spectrans.training.shipped"])
    return context


def dies(body: Callable[[], Any], folder: Path, number: int, written: int | None = None) -> bool:
    """Run something in a process that dies before its n-th change of a folder.

    With a number of bytes, it dies when it has written these of its n-th file and would write one
    more; if that file has no more, of the first one behind it that has.

    Returns
    -------
    bool
        False where there are fewer changes, or no file is as long, so that it came to its end.
    """
    context = _context()
    process = context.Process(target=_run, args=(body, str(folder), number, written))
    process.start()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL, -signal.SIGXFSZ)
    return process.exitcode != 0


def _tell(body: Callable[[], Any], begun: Connection) -> None:
    """The body of a process that says when it begins."""
    begun.send(None)
    body()


def takes(body: Callable[[], Any], at_most: float = 120) -> float:
    """Run something in a process that is killed after these seconds, and say how long it took."""
    context = _context()
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(body, there))
    process.start()
    here.recv()
    begun = time.perf_counter()
    process.join(at_most)
    took = time.perf_counter() - begun
    process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return took
