"""Runs that are stopped and go on."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from spectrans.data import Dataset
from spectrans.training import Progress, Run, RunSpec, Stopped, load_run, train
from tests.training.made import order_task
from tests.training.stops import (
    MANY,
    SPECS,
    asking,
    same,
    spec,
    stop_after,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=SPECS)
def whole(request: pytest.FixtureRequest) -> tuple[RunSpec, Dataset, Run]:
    asked, task = SPECS[request.param]
    return asked, task, train(asked, task)


# Steps 5, 10 and 12 are reported before the rows to choose by are scored, which is then left off.
@pytest.mark.parametrize(
    ("report", "step"),
    [
        (3, 4),
        (5, 5),
        (12, 12),
        *(
            pytest.param(report, step, marks=pytest.mark.slow)
            for report, step in ((1, 2), (4, 5), (6, 7), (10, 10), (11, 12))
        ),
    ],
)
def test_a_run_that_was_stopped_gives_the_numbers_of_one_that_was_not(
    whole: tuple[RunSpec, Dataset, Run], report: int, step: int, tmp_path: Path
) -> None:
    asked, task, uninterrupted = whole
    with pytest.raises(Stopped, match=f"stopped after step {step} of 12, which is saved"):
        train(asked, task, stop_after(report), tmp_path)
    torch.manual_seed(1)
    assert same(train(asked, task, folder=tmp_path), uninterrupted)
    assert same(load_run(tmp_path), uninterrupted)


def test_a_run_that_was_stopped_while_it_was_tested_is_trained_no_more(
    whole: tuple[RunSpec, Dataset, Run], tmp_path: Path
) -> None:
    asked, task, uninterrupted = whole
    with pytest.raises(Stopped, match="stopped after step 12 of 12, which is saved"):
        train(asked, replace(task, test=asking(task.test)), folder=tmp_path)
    reports: list[Progress] = []
    assert same(train(asked, task, reports.append, tmp_path), uninterrupted)
    assert reports == []


def test_a_run_that_lost_its_patience_and_is_stopped_has_lost_it_for_good(tmp_path: Path) -> None:
    task = order_task(40)
    asked = spec(patience=1, steps=30, learning_rate=1e-9)
    uninterrupted = train(asked, task)
    assert uninterrupted.record.metrics.steps < 30
    with pytest.raises(Stopped):
        train(asked, task, stop_after(uninterrupted.record.metrics.steps), tmp_path)
    assert same(train(asked, task, folder=tmp_path), uninterrupted)


# Where types are checked, the checks draw random numbers: here is a process without them.
ALONE = [sys.executable]
TOGETHER = [*ALONE, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "kind"),
    [*((ALONE, kind) for kind in SPECS), (TOGETHER, "ragged")],
    ids=[*SPECS, "two processes"],
)
def test_a_run_that_was_stopped_after_any_step_ends_with_the_same_bytes(
    start: list[str], kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    done = subprocess.run(
        [*start, "-m", "tests.training.stops", kind, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    held = done.stdout.split()
    request.node.user_properties += [("tried", MANY), ("held", len(held))]
    assert done.returncode == 0, done.stderr
    assert held == [str(step) for step in range(1, MANY + 1)]
