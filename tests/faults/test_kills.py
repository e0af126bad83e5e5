"""Runs that are killed at random moments, again and again, until they are done."""

import multiprocessing
import random
import signal
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from spectrans.training import Progress, RunSpec, load_run, train
from spectrans.training.checkpoint import FOLDER, survey
from tests.faults.tally import Tally
from tests.training.made import order_task

# So few steps that each is reported.
SPEC = RunSpec(
    plan="attention",
    epochs=39,
    num_layers=1,
    hidden_dim=8,
    num_heads=2,
    batch_size=8,
    dropout=0.1,
)
TASK = order_task(40)
# Seconds after its first checkpoint in which a process is killed.
LATEST = 0.15


def run(folder: Path, save_every: int, last: Any) -> None:
    """The body of a process that tells which step it has done."""

    def tell(report: Progress) -> None:
        last.value = report.step

    train(SPEC, TASK, tell, folder, save_every)


def reached(folder: Path) -> int:
    """The newest checkpoint by its name."""
    names = [path.name for path in (folder / FOLDER).glob("[0-9]*")]
    return int(max(names, default="0"))


class Story(NamedTuple):
    """How often a run was killed, what was found half written, and how far it had got.

    Steps are those of the checkpoints that were found, and those that were done by then.
    """

    kills: int
    half_written: int
    damaged: int
    steps: list[int]
    done: list[int]


def killed_until_done(folder: Path, save_every: int, most: int, chance: random.Random) -> Story:
    """Kill a run at random moments, at most so often, then let it end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["spectrans.training.engine", "tests.faults.test_kills"])
    kills, half, damaged = 0, 0, 0
    steps: list[int] = []
    done: list[int] = []
    while True:
        last = context.Value("l", reached(folder), lock=False)
        process: BaseProcess = context.Process(target=run, args=(folder, save_every, last))
        process.start()
        before = reached(folder)
        while kills < most and process.is_alive() and reached(folder) <= before:
            time.sleep(0.001)
        process.join(chance.uniform(0, LATEST) if kills < most else 300)
        process.kill()
        process.join()
        if process.exitcode == 0:
            return Story(kills, half, damaged, steps, done)
        assert process.exitcode == -signal.SIGKILL, "it must not end by itself"
        found = survey(folder)
        kills += 1
        half += sum("half written" in fault for fault in found.faults)
        damaged += sum("damaged" in fault for fault in found.faults)
        steps.append(found.step)
        done.append(last.value)


# Together 200.
@pytest.mark.parametrize(
    "kills", [5, pytest.param(195, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_numbers(
    kills: int, tmp_path: Path, tally: Tally
) -> None:
    alone, chance = train(SPEC, TASK), random.Random(kills)
    # A run may be done before it was killed as often: then the next one is.
    while tally.tried < kills:
        folder = tmp_path / f"run-{tally.tried}"
        save_every = chance.choice((1, 4))
        story = killed_until_done(folder, save_every, kills - tally.tried, chance)
        print(story)  # noqa: T201 - what was found half written is different each time
        assert story.kills >= 1
        tally.tried += story.kills
        assert story.damaged == 0
        assert story.steps == sorted(story.steps)
        lost = [done - found for done, found in zip(story.done, story.steps, strict=True)]
        assert max(lost) <= save_every
        found = load_run(folder)
        assert found.history == alone.history
        assert found.record.metrics.test == alone.record.metrics.test
        tally.held = tally.tried
    assert tally.tried == kills
