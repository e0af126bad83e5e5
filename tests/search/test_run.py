"""Trials as they are trained, and the folder that keeps them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectrans.data import Dataset, Examples
from spectrans.search import Found, Search, Tried, search
from spectrans.search.folder import begin, without_test
from spectrans.search.median import FEWEST
from spectrans.search.run import Ended
from spectrans.search.space import Space
from spectrans.search.study import Study
from spectrans.search.tried import read
from spectrans.training import RunSpec
from spectrans.training.pool import Started
from tests.search.made import trial
from tests.training.made import order_task

DATA = order_task(rows=64, length=6)


def wanted(trials: int | None, **settings: Any) -> Search:
    """A search of plans with two layers, whose trials are eight steps with four evaluations."""
    shared = RunSpec(
        plan="attention", num_layers=2, hidden_dim=8, num_heads=2, batch_size=32, steps=8
    )
    return Search(**{"shared": shared, "trials": trials, "seconds": 0.0, **settings})


def told(asked: Search, folder: Path, latency: float) -> None:
    """Leave in a folder what a search of the first plans would have left, all with full marks."""
    begin(asked, folder, without_test(DATA))
    study = Study(folder, Space(asked, DATA.max_length), asked.seed, DATA.task.lead)
    curve = tuple((step, 1.0) for step in (2, 4, 6, 8))
    for _ in range(FEWEST):
        begun = study.draw()
        assert begun is not None
        study.tell(begun, trial(begun.place, 1.0, latency, plan=begun.plan, curve=curve))


@pytest.mark.parametrize(
    ("latency", "stop_early", "state", "steps"),
    [
        (1e-9, True, "stopped", 4),
        pytest.param(1e9, True, "done", 8, marks=pytest.mark.slow),
        pytest.param(1e-9, False, "done", 8, marks=pytest.mark.slow),
    ],
    ids=["earlier are faster", "earlier are slower", "no stopping"],
)
def test_a_trial_that_does_worse_than_faster_ones_is_stopped(
    latency: float, stop_early: bool, state: str, steps: int, tmp_path: Path
) -> None:
    asked = wanted(FEWEST + 1, stop_early=stop_early)
    told(asked, tmp_path / "out", latency)
    found = search(asked, tmp_path / "out", DATA, 1)
    last = found.tried[-1]
    assert (last.state, last.steps, last.number) == (state, steps, FEWEST + 1)
    assert len(found.tried) == FEWEST + 1
    assert last.curve[-1][0] == steps
    assert (last.plan in {one.plan for one in found.front}) == (state == "done" and latency > 1)


def other_test_rows() -> Dataset:
    """The same data with other rows to test, of as many tokens."""
    random = np.random.RandomState(1)
    rows = len(DATA.test)
    tokens = [random.randint(0, 10, 6).astype(np.uint8) for _ in range(rows)]
    test = Examples(tuple(tokens), np.zeros(rows, dtype=np.int64))
    return Dataset(
        **{name: getattr(DATA, name) for name in DATA.__dataclass_fields__ if name != "test"},
        test=test,
    )


def trained(found: Found) -> list[dict[str, Any]]:
    """All that follows from rows, and not from the clock."""
    clock = {"latency", "latency_low", "latency_high", "seconds"}
    return [one.model_dump(exclude=clock) for one in found.tried]


@pytest.mark.slow
def test_other_test_rows_change_nothing(tmp_path: Path) -> None:
    asked = wanted(6, stop_early=False)
    one = search(asked, tmp_path / "one", DATA, 1)
    other = search(asked, tmp_path / "other", other_test_rows(), 1)
    assert trained(one) == trained(other)
    assert one.data == other.data
    assert len({one.validation for one in one.tried}) > 1


@pytest.mark.slow
def test_what_was_found_is_kept_and_more_can_be_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    first = search(wanted(2), folder, DATA, 1)
    assert first == read(folder)
    assert first.ended == "2 plans were tried"
    assert {path.name for path in folder.iterdir()} == {"search.json", "study.journal"}
    events: list[Any] = []
    more = search(wanted(4), folder, DATA, 2, events.append)
    assert more.tried[:2] == first.tried
    assert len(more.tried) == 4
    assert sum(isinstance(event, Started) for event in events) == 2
    assert [event.tried.number for event in events if isinstance(event, Ended)] != [1, 2]
    assert more.seconds > first.seconds


def test_a_time_that_is_used_up_begins_no_trial(tmp_path: Path) -> None:
    found = search(wanted(None, minutes=1e-9), tmp_path / "out", DATA, 1)
    assert (found.tried, found.finalists) == ((), ())
    assert found.ended == "1e-09 minutes were used"


def test_a_plan_that_cannot_be_trained_is_kept_with_its_reason(tmp_path: Path) -> None:
    shared = wanted(1).shared.model_copy(update={"learning_rate": 1e30})
    found = search(wanted(2, shared=shared), tmp_path / "out", DATA, 1)
    assert [one.state for one in found.tried] == ["failed", "failed"]
    assert all("lower the learning rate" in str(one.reason) for one in found.tried)
    assert all(one.latency is not None for one in found.tried)
    assert found.finalists == ()


def test_another_search_is_refused_by_the_setting_that_differs(tmp_path: Path) -> None:
    begin(wanted(2), tmp_path / "out", without_test(DATA))
    with pytest.raises(
        ValueError, match=r"holds a search with mixers='fourier,gfnet,wavelet,afno'"
    ):
        search(wanted(2, mixers="fourier"), tmp_path / "out", DATA, 1)
    longer = wanted(2).shared.model_copy(update={"steps": 9})
    with pytest.raises(ValueError, match="holds a search with steps=8: give the same settings"):
        search(wanted(2, shared=longer), tmp_path / "out", DATA, 1)


def test_other_data_of_the_same_name_are_refused(tmp_path: Path) -> None:
    begin(wanted(2), tmp_path / "out", without_test(DATA))
    with pytest.raises(ValueError, match="holds a search on other data of the name 'order'"):
        search(wanted(2), tmp_path / "out", order_task(rows=66, length=6), 1)


@pytest.mark.slow
def test_trials_know_no_plan_twice(tmp_path: Path) -> None:
    asked = wanted(9, mixers="fourier", attention="attention")
    found = search(asked, tmp_path / "out", DATA, 1)
    plans = [one.plan for one in found.tried]
    assert sorted(plans) == ["attention", "attention,fourier", "fourier", "fourier,attention"]
    assert found.repeated > 0
    assert found.ended == "chance found no plan that had not been tried"


def test_jobs_must_be_some(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1, got 0"):
        search(wanted(1), tmp_path, DATA, 0)


def test_a_trial_says_what_it_is() -> None:
    with pytest.raises(ValueError, match="state must be 'done', 'stopped' or 'failed'"):
        Tried(number=1, plan="lst", state="gone")  # type: ignore[arg-type]
