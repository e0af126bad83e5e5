"""Comparisons in worker processes."""

import os
import signal
from multiprocessing import active_children
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from spectrans.data import DataSpec
from spectrans.training import Comparison, Outcomes, RunSpec, compare, load_run, train
from spectrans.training.compare import best_run, resume, run_folder, unfinished
from spectrans.training.pool import (
    Event,
    Failed,
    Finished,
    Progressed,
    Started,
    device_of,
    devices,
    workers,
)
from tests.training.made import order_task

TASK = order_task(16)
SHARED = RunSpec(
    data=DataSpec(source="order"),
    plan="fourier",
    steps=2,
    num_layers=1,
    hidden_dim=8,
    num_heads=2,
    batch_size=8,
)


def comparison(**settings: Any) -> Comparison:
    asked = {"plans": ("fourier", "attention"), "seeds": (0, 1), "learning_rates": (1e-3,)}
    return Comparison(**{**asked, "shared": SHARED, **settings})


SWEEP = comparison(learning_rates=(1e30, 1e-3))


class Done(NamedTuple):
    folder: Path
    outcomes: Outcomes
    events: list[Event]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A comparison in which one of two learning rates cannot work."""
    folder = tmp_path_factory.mktemp("compare")
    events: list[Event] = []
    return Done(folder, compare(SWEEP, folder, TASK, 2, events.append), events)


@pytest.fixture
def finished(done: Done) -> Path:
    return done.folder


def test_a_run_that_fails_says_why_and_the_others_go_on(done: Done) -> None:
    failed = {e.job.spec: e.reason for e in done.events if isinstance(e, Failed)}
    assert done.outcomes.failures == failed
    assert {(spec.plan, spec.learning_rate, spec.seed) for spec in failed} == {
        ("fourier", 1e30, 0),
        ("attention", 1e30, 0),
    }
    assert all("lower the learning rate of 1e+30" in reason for reason in failed.values())
    assert [done.outcomes.learning_rate(plan) for plan in SWEEP.plans] == [1e-3, 1e-3]
    assert len(done.outcomes.records) == 4


def test_what_finished_is_not_done_again_and_what_failed_is(done: Done) -> None:
    assert set(resume(SWEEP, done.folder, TASK).open()) == set(done.outcomes.failures)


def test_two_workers_work_at_the_same_time(done: Done) -> None:
    assert [type(event) for event in done.events[:2]] == [Started, Started]


def test_every_run_is_a_folder_of_its_own(finished: Path) -> None:
    outcomes = resume(comparison(), finished, TASK)
    specs = [spec for plan in ("fourier", "attention") for spec in outcomes.runs(plan)]
    assert [load_run(run_folder(finished, spec)).record.spec for spec in specs] == specs


def test_workers_give_the_numbers_of_a_plain_run(finished: Path) -> None:
    spec = comparison().spec("attention", seed=1)
    loaded = load_run(run_folder(finished, spec)).record.metrics
    alone = train(spec, TASK).record.metrics
    assert loaded.model_dump(exclude={"seconds"}) == alone.model_dump(exclude={"seconds"})


@pytest.mark.slow
def test_a_worker_that_dies_takes_only_its_own_run_along(tmp_path: Path) -> None:
    events: list[Event] = []

    def kill_the_first(event: Event) -> None:
        events.append(event)
        if isinstance(event, Progressed) and not any(isinstance(e, Failed) for e in events):
            (worker,) = active_children()
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)

    asked = comparison(seeds=(0,), shared=SHARED.model_copy(update={"steps": 50}))
    outcomes = compare(asked, tmp_path, TASK, 1, kill_the_first)
    (failure,) = outcomes.failures.items()
    assert (failure[0].plan, failure[1]) == ("fourier", "its process was killed by signal 9")
    assert [spec.plan for spec in outcomes.records] == ["attention"]
    assert not active_children()


def test_ctrl_c_ends_all_workers_and_keeps_what_is_finished(tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, Finished):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(comparison(), tmp_path, TASK, 1, interrupt)
    assert not active_children()
    assert resume(comparison(), tmp_path, TASK).done() == 1


def test_a_folder_takes_more_plans_but_no_other_budget(finished: Path) -> None:
    wider = comparison(plans=("fourier", "attention", "gfnet"), seeds=(0, 1, 2))
    assert resume(wider, finished, TASK).done() == 4
    longer = comparison(shared=SHARED.model_copy(update={"steps": 3}))
    with pytest.raises(ValueError, match="holds a comparison with steps=2: give the same settings"):
        resume(longer, finished, TASK)


def test_runs_on_other_data_are_not_reused(finished: Path) -> None:
    with pytest.raises(ValueError, match="was trained on other data of the name 'order'"):
        resume(comparison(), finished, order_task(18))


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="the folder must be empty or hold a comparison"):
        compare(comparison(), tmp_path, TASK)


def test_no_worker_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1, got 0"):
        compare(comparison(), tmp_path, TASK, jobs=0)


def test_an_unfinished_comparison_is_found_again(tmp_path: Path) -> None:
    folders = [tmp_path / f"order-00{number}" for number in (1, 2, 3)]
    resume(comparison(), folders[0], TASK)
    resume(comparison(), folders[1], TASK)
    resume(comparison(seeds=(7,)), folders[2], TASK)
    assert unfinished(comparison(), "order", tmp_path) == folders[1]
    (folders[1] / "results.json").touch()
    assert unfinished(comparison(), "order", tmp_path) == folders[0]
    assert unfinished(comparison(seeds=(8,)), "order", tmp_path) is None


def test_the_best_run_is_chosen_on_validation(finished: Path) -> None:
    records = resume(comparison(), finished, TASK).records.values()
    best = load_run(best_run(finished)).record.validation
    assert best == max(record.validation for record in records)
    assert best_run(best_run(finished)) == best_run(finished)


@pytest.mark.parametrize(("name", "rule"), [("nowhere", "exist"), ("", "hold run.json")])
def test_a_folder_without_any_run_is_refused(tmp_path: Path, name: str, rule: str) -> None:
    with pytest.raises(ValueError, match=f"the folder of a run must {rule}"):
        best_run(tmp_path / name)


def test_workers_share_out_devices_in_turns() -> None:
    assert [device_of(place, ("0", "1")) for place in range(4)] == ["0", "1", "0", "1"]
    assert device_of(3, ()) is None


def test_devices_are_those_that_may_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert devices() == ("3", "5")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert (devices(), workers()) == (("0", "1"), 2)
