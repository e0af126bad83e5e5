"""Runs that are asked to end, what their checkpoints hold, and all the stops of one.

Run: python -m tests.training.stops KIND FOLDER, also under torch.distributed.run
"""

import itertools
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from spectrans.data import Dataset, Examples
from spectrans.processes import is_main
from spectrans.sequences import Sequences
from spectrans.tasks import MaskedLM
from spectrans.training import Progress, Run, RunSpec, Stopped, checkpoint, state, train
from spectrans.training.group import from_main, join
from tests.training.made import order_task

ROWS, STEPS, MANY = 40, 12, 40
# Contents of a checkpoint by file.
Parts = dict[str, Any]
# What a run measures of its own time.
_CLOCKS = {"training", "elapsed"}


def spec(**settings: Any) -> RunSpec:
    sizes = {"num_layers": 1, "hidden_dim": 8, "num_heads": 2, "batch_size": 8, "dropout": 0.1}
    return RunSpec(**{"plan": "attention", "steps": STEPS, **sizes, **settings})


def hidden_tokens() -> Dataset:
    task = order_task(ROWS, shortest=5)
    train, rest = Examples(task.train.tokens, None), Examples(task.test.tokens, None)
    asked = MaskedLM(mask=0, vocab_size=10)
    return replace(task, task=asked, train=train, validation=rest, test=rest)


# Five steps an epoch.
SPECS = {
    "plain": (spec(), order_task(ROWS)),
    "ragged": (spec(accumulate=3, class_weights="balanced"), order_task(ROWS - 3, shortest=5)),
    "masked": (spec(), hidden_tokens()),
}


def stop_after(step: int, signum: int = signal.SIGTERM) -> Any:
    """Ask for the end as a user does, when a step is reported: the next one is the last."""

    def watch(report: Progress) -> None:
        if report.step == step:
            os.kill(os.getpid(), signum)

    return watch


class Asking(Sequences):
    """Rows that ask for the end when the first of them is read."""

    asked = False

    def __getitem__(self, index: Any) -> Any:
        # Checks of types look at rows as well, before the run begins.
        if not self.asked and signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
            self.asked = True
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__getitem__(index)


def asking(split: Examples) -> Examples:
    """Give the same rows, which ask for the end."""
    rows = split.tokens
    return Examples(Asking(rows.flat, rows.starts, rows.lengths), split.labels)


def stopped_at(asked: RunSpec, task: Dataset, folder: Path, step: int) -> None:
    """Go on until a step is done, in which the end is asked for, and saved."""
    join()
    calls, before = itertools.count(1), from_main(checkpoint.survey(folder).step)

    def ask(*call: object) -> None:
        if before + next(calls) == step:
            os.kill(os.getpid(), signal.SIGTERM)

    hook = register_optimizer_step_pre_hook(ask)
    with pytest.raises(Stopped, match=f"stopped after step {step} of "):
        train(asked, task, folder=folder)
    hook.remove()


def parts(folder: Path) -> Parts:
    """Give what the newest checkpoint of a run holds, but for the time that it took."""
    found = checkpoint.survey(folder)
    assert found.newest is not None
    assert found.faults == ()
    files: Parts = {path.name: path.read_bytes() for path in found.newest.iterdir()}
    progress, manifest = (json.loads(files[n]) for n in (state.PROGRESS, checkpoint.MANIFEST))
    watched = progress["watcher"]
    progress["watcher"] = {name: watched[name] for name in watched.keys() - _CLOCKS}
    assert {"optimizer.safetensors", "model.safetensors", "best.safetensors"} < files.keys()
    assert {"random", "loss"} == set(progress["processes"][0])
    del manifest["files"][state.PROGRESS]
    return {**files, state.PROGRESS: progress, checkpoint.MANIFEST: manifest}


def interrupted(asked: RunSpec, task: Dataset, folder: Path, step: int) -> tuple[Parts, Run]:
    """Stop a run after a step and behind its last; give its last checkpoint, and the run."""
    stopped_at(asked, task, folder, step)
    assert asked.steps is not None
    if step < asked.steps:
        torch.manual_seed(1)
        stopped_at(asked, task, folder, asked.steps)
    # The folder is gone when the run is done.
    found = parts(folder) if is_main() else {}
    torch.manual_seed(1)
    return found, train(asked, task, folder=folder)


def same(one: Run, other: Run) -> bool:
    """Whether two runs are equal to the last bit, but for the time that they took."""
    weights = zip(one.model.parameters(), other.model.parameters(), strict=True)
    figures = [
        run.record.metrics.model_dump(exclude={"seconds"}) | {"history": run.history}
        for run in (one, other)
    ]
    return figures[0] == figures[1] and all(torch.equal(a, b) for a, b in weights)


def main() -> None:
    """Stop after each step in turn, and say after which one all was as without a stop."""
    asked, task = SPECS[sys.argv[1]]
    asked = asked.model_copy(update={"steps": MANY})
    home = Path(sys.argv[2])
    wanted, uninterrupted = interrupted(asked, task, home / "whole", MANY)
    for step in range(1, MANY + 1):
        found, run = interrupted(asked, task, home / str(step), step)
        if is_main():
            assert found == wanted, step
            assert same(run, uninterrupted), step
            print(step, flush=True)  # noqa: T201 - what is read of it
            shutil.rmtree(home / str(step))


if __name__ == "__main__":
    main()
