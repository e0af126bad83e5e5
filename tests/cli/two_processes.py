"""Runs of `spectrans train` in two processes, for the tests of what happens to them."""

import json
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

from spectrans.training.checkpoint import survey
from tests.cli.command import COMMAND, ENVIRONMENT

# Batches of nine rows are not shared out evenly, and the last one of an epoch has six.
TRAIN = (
    "train", "--data", "colours.csv", "--plan", "attention", "--layers", "1", "--hidden-dim", "8",
    "--heads", "2", "--batch-size", "9", "--steps", "100", "--save-every", "5",
)  # fmt: skip
# Seconds that processes wait for each other, and seconds that are no reason to end.
WAIT, SOME = 20, 5
TWO = {**ENVIRONMENT, "SPECTRANS_TIMEOUT": str(WAIT)}


def history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def started(folder: Path, out: str, *more: str) -> tuple[subprocess.Popen[str], str]:
    """Start a run in two processes, and wait for its first checkpoint."""
    process = subprocess.Popen(
        [*COMMAND, *TRAIN, "--nproc", "2", "-o", out, *more],
        cwd=folder,
        env=TWO,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("step "):
            break
    while process.poll() is None and not survey(folder / out).step:
        time.sleep(0.02)
    return process, said
