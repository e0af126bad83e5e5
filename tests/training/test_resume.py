"""Runs that are stopped and go on."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from spectrans.data import Dataset, Examples
from spectrans.sequences import Sequences
from spectrans.tasks import MaskedLM
from spectrans.training import Progress, Run, RunSpec, Stopped, load_run, train
from tests.training.made import order_task

ROWS, STEPS = 40, 12


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


def same(one: Run, other: Run) -> bool:
    """Whether two runs are equal to the last bit, but for the time that they took."""
    weights = zip(one.model.parameters(), other.model.parameters(), strict=True)
    figures = [
        run.record.metrics.model_dump(exclude={"seconds"}) | {"history": run.history}
        for run in (one, other)
    ]
    return figures[0] == figures[1] and all(torch.equal(a, b) for a, b in weights)


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


class Telling(Sequences):
    """Rows that ask for the end when the first of them is read."""

    def __getitem__(self, index: Any) -> Any:
        # Checks of types look at rows as well, before the run begins.
        if index == 0 and signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__getitem__(index)


def test_a_run_that_was_stopped_while_it_was_tested_is_trained_no_more(
    whole: tuple[RunSpec, Dataset, Run], tmp_path: Path
) -> None:
    asked, task, uninterrupted = whole
    rows = task.test.tokens
    test = Examples(Telling(rows.flat, rows.starts, rows.lengths), task.test.labels)
    with pytest.raises(Stopped, match="stopped after step 12 of 12, which is saved"):
        train(asked, replace(task, test=test), folder=tmp_path)
    reports: list[Progress] = []
    assert same(train(asked, task, reports.append, tmp_path), uninterrupted)
    assert reports == []


def test_a_run_that_lost_its_patience_and_is_stopped_has_lost_it_for_good(tmp_path: Path) -> None:
    task = order_task(ROWS)
    asked = spec(patience=1, steps=30, learning_rate=1e-9)
    uninterrupted = train(asked, task)
    assert uninterrupted.record.metrics.steps < 30
    with pytest.raises(Stopped):
        train(asked, task, stop_after(uninterrupted.record.metrics.steps), tmp_path)
    assert same(train(asked, task, folder=tmp_path), uninterrupted)
