"""The command line as a user meets it: a process with arguments, an exit code and two streams."""

import csv
import os
import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from spectrans.cli import main

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
COMMAND = [sys.executable, "-m", "spectrans"]


class Answer(NamedTuple):
    """What a finished command leaves."""

    code: int
    out: str
    err: str


def spectrans(*arguments: str | Path, folder: Path | None = None, stdin: str = "") -> Answer:
    """Run the command in a folder to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


# Seconds in which a process that is asked to end has saved its step and ended.
SOON = 10


def hurry(pid: int) -> None:
    """Have the system kill a process that computes for longer than `SOON` from now on.

    What it computes and not the clock, which goes on while others have the processor.
    """
    # Elsewhere nobody can say so of another process.
    if sys.platform == "linux":
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        until = sum(map(int, times)) // os.sysconf("SC_CLK_TCK") + SOON
        resource.prlimit(pid, resource.RLIMIT_CPU, (until, until))


def stopped_at(arguments: tuple[str, ...], folder: Path, mark: str, signum: int) -> Answer:
    """Run the command in a folder, and send it a signal once it said `mark` on standard error.

    SIGINT goes to its workers as well, as from a terminal.
    """
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What a shell starts with & ignores Ctrl-C, and so would what it starts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if mark in line:
            break
    if signum == signal.SIGINT:
        os.killpg(process.pid, signum)
    else:
        process.send_signal(signum)
    out, err = process.communicate(timeout=120)
    return Answer(process.returncode, out, said + err)


def write_table(path: Path, rows: int = 60) -> Path:
    """Write a table of texts whose class is the word that they hold."""
    random = np.random.RandomState(0)
    words = ("red", "green", "blue")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("text", "label"))
        for row in range(rows):
            noise = "".join(random.choice(list("abcxyz"), 6))
            table.writerow((f"{noise} {words[row % 3]}", words[row % 3]))
    return path


def inside(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str | Path
) -> Answer:
    """Run the entry point in this process: a new one would import torch for every case."""
    monkeypatch.setattr(sys, "argv", ["spectrans", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capfd.readouterr()
    assert isinstance(end.value.code, int)
    return Answer(end.value.code, out, err)
