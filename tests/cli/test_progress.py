"""What is seen of training."""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from spectrans.cli.progress import ComparisonView, TrainView
from spectrans.tasks import Classification
from spectrans.training import Comparison, Outcomes, Progress
from spectrans.training.pool import Failed, Finished, Job, Progressed, Started
from tests.training.test_comparison import record

ASKED = Comparison(plans=("fourier", "lst"), seeds=(0, 1), learning_rates=(1e-3,))


def report(step: int, accuracy: float | None = 0.5) -> Progress:
    return Progress(step, 40, 1.234, Classification.metrics[0], accuracy, 12_345.0, 61.0)


def job(plan: str, seed: int = 0) -> Job:
    return Job(ASKED.spec(plan, seed=seed), Path("somewhere"))


@pytest.fixture(params=[True, False], ids=["terminal", "file"])
def console(request: pytest.FixtureRequest) -> Console:
    return Console(file=StringIO(), force_terminal=request.param, width=120, markup=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


@pytest.mark.parametrize(
    ("accuracy", "note"), [(None, "loss 1.23  12k"), (0.5, "loss 1.23  validation 50.0 %  12k")]
)
def test_a_run_shows_loss_accuracy_speed_and_time_left(
    console: Console, accuracy: float | None, note: str
) -> None:
    with TrainView(console) as view:
        view(report(36, accuracy))
    assert "36/40" in shown(console)
    assert f"{note} tok/s  1:01 left" in shown(console)


def test_without_a_terminal_a_run_writes_ten_lines() -> None:
    console = Console(file=StringIO(), width=120)
    with TrainView(console) as view:
        for step in range(1, 41):
            view(report(step))
    lines = shown(console).splitlines()
    assert [line.split()[1] for line in lines] == [f"{step}/40" for step in range(4, 41, 4)]


def test_a_comparison_shows_every_run_and_its_end(console: Console) -> None:
    spec = job("fourier", 1).spec
    outcomes = Outcomes(ASKED, {spec: record(spec, 0.9)})
    with ComparisonView(console, outcomes) as view:
        view(Started(job("lst")))
        view(Progressed(job("lst"), report(20)))
        view(Finished(job("lst"), record(job("lst").spec, validation=0.625)))
        view(Failed(job("fourier"), "its process was \x1b[2Jkilled"))
    text = shown(console)
    assert "1 of 4 runs were finished before" in text
    assert "[2/4] lst  seed 0  lr 0.001  validation 62.5 %  0:01" in text
    assert (
        "[3/4] fourier  seed 0  lr 0.001  failed: its process was \N{REPLACEMENT CHARACTER}" in text
    )


def test_the_time_left_of_a_comparison_follows_from_what_was_done_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    console = Console(file=StringIO(), width=120)
    first = job("fourier").spec
    with ComparisonView(console, Outcomes(ASKED, {first: record(first, 0.9)})) as view:
        # Half of one run and one whole one in 30 s: the other run and a half take 30 s.
        now = 130.0
        view(Progressed(job("lst"), report(20)))
        view(Finished(job("fourier", 1), record(job("fourier", 1).spec, 0.9)))
    assert shown(console).splitlines()[-1].endswith("0:01  0:30 left")


def test_quiet_shows_nothing() -> None:
    console = Console(file=StringIO(), force_terminal=True, quiet=True)
    with TrainView(console) as train, ComparisonView(console, Outcomes(ASKED)) as compare:
        train(report(40))
        compare(Progressed(job("lst"), report(20)))
        compare(Failed(job("lst"), "no"))
    assert shown(console) == ""
