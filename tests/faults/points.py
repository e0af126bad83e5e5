"""Processes that die at a chosen change of a folder: every point at which a crash could come.

Python itself reports each opening, renaming and removal of a file before it is done, so no line of
the library has to be known or replaced.
"""

import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
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


def _run(body: Callable[[], Any], folder: str, number: int) -> None:
    """The body of a process that kills itself before its n-th change of a folder."""
    changes = itertools.count(1)

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if _is_change(event, arguments, folder) and next(changes) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    body()


def dies(body: Callable[[], Any], folder: Path, number: int) -> bool:
    """Run something in a process that dies before its n-th change of a folder.

    Returns
    -------
    bool
        False where there are fewer changes, so that it came to its end.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["spectrans.report.run", "spectrans.training.shipped"])
    process = context.Process(target=_run, args=(body, str(folder), number))
    process.start()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0
