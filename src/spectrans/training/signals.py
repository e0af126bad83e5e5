"""Ctrl-C, SIGTERM or a closed terminal while a run trains: the step is saved.

A second signal ends the process at once.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# The last one, of a terminal that was closed, is not known to Windows.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Stopped(Exception):  # noqa: N818 - it is no error, but a wish that was granted
    """A run that was asked to end and can go on from its folder.

    Parameters
    ----------
    signum
        The signal that asked.
    step
        Optimiser steps that are saved.
    total_steps
        Steps there would have been.
    """

    def __init__(self, signum: int, step: int, total_steps: int) -> None:
        super().__init__(signum, step, total_steps)
        self.signum, self.step, self.total_steps = signum, step, total_steps

    def __str__(self) -> str:
        return f"stopped after step {self.step} of {self.total_steps}, which is saved"


class LeftOff(Exception):  # noqa: N818 - it is no error, but a wish that was granted
    """An evaluation that was not brought to its end."""


class Wish:
    """Whether somebody asked for the end; `signum` is 0 as long as nobody did."""

    signum: int = 0


@contextmanager
def listening() -> Iterator[Wish]:
    """Note the first signal, and end the process at the second.

    A signal that the process ignored before stays ignored, as Ctrl-C in a worker whose parent
    decides. Outside of the main thread nothing is changed.
    """
    wish = Wish()

    def hear(signum: int, frame: FrameType | None) -> None:
        if wish.signum:
            os._exit(128 + signum)
        wish.signum = signum

    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = [number for number in SIGNALS if before[number] != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, hear)
    try:
        yield wish
    finally:
        for number in heard:
            signal.signal(number, before[number])
