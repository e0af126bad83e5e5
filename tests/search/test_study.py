"""What is drawn, and what a study remembers."""

import os
from pathlib import Path

import pytest

from spectrans.search.space import Space
from spectrans.search.study import JOURNAL, Begun, Study
from spectrans.search.tried import Tried
from spectrans.tasks import Metric
from tests.search.made import asked, trial

SHARE = Metric(name="accuracy", title="accuracy")
SPACE = Space(asked(), 32)
# One mixer without options, and attention at the top or the bottom of two layers: four plans.
TINY = Space(asked(2, mixers="fourier", attention="attention"), 32)


def drawn(study: Study, count: int) -> list[str]:
    """Draw plans and give each a score."""
    plans = []
    for _ in range(count):
        begun = study.draw()
        if begun is None:
            break
        plans.append(begun.plan)
        score = (len(begun.plan) * 37 % 100) / 100
        study.tell(begun, trial(begun.place, score, 1.0, plan=begun.plan))
    return plans


def test_no_plan_is_drawn_twice(tmp_path: Path) -> None:
    plans = drawn(Study(tmp_path, SPACE, 0, SHARE), 40)
    assert len(set(plans)) == len(plans) == 40
    assert plans[:5] == ["attention", "fourier", "gfnet", "wavelet", "afno"]


def test_a_space_that_is_used_up_ends_the_search(tmp_path: Path) -> None:
    study = Study(tmp_path, TINY, 0, SHARE)
    assert set(drawn(study, 9)) == {
        "attention",
        "fourier",
        "fourier,attention",
        "attention,fourier",
    }
    assert study.repeated() > 0


def test_a_study_goes_on_with_the_plans_that_it_would_have_drawn(tmp_path: Path) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = drawn(Study(tmp_path / "whole", SPACE, 3, SHARE), 16)
    parts = [
        plan for _ in range(4) for plan in drawn(Study(tmp_path / "parts", SPACE, 3, SHARE), 4)
    ]
    assert parts == whole
    # Behind the first ones, which are always the same.
    (tmp_path / "other").mkdir()
    assert drawn(Study(tmp_path / "other", SPACE, 4, SHARE), 16)[5:] != whole[5:]


def test_a_trial_without_a_result_is_left_over_and_keeps_its_number(tmp_path: Path) -> None:
    study = Study(tmp_path, SPACE, 0, SHARE)
    drawn(study, 2)
    begun = study.draw()
    again = Study(tmp_path, SPACE, 0, SHARE)
    assert again.left_over() == [begun]
    assert begun == Begun(2, 3, "gfnet")
    again.tell(begun, trial(3, 0.5, 1.0, plan="gfnet"))
    assert Study(tmp_path, SPACE, 0, SHARE).left_over() == []
    assert [one.plan for one in again.tried()] == ["attention", "fourier", "gfnet"]


def test_a_result_that_was_kept_as_the_process_was_killed_is_not_done_again(tmp_path: Path) -> None:
    study = Study(tmp_path, SPACE, 0, SHARE)
    begun = study.draw()
    assert begun is not None
    study._end = lambda *arguments: None  # type: ignore[method-assign]
    study.tell(begun, trial(1, 0.5, 1.0, plan="attention"))
    again = Study(tmp_path, SPACE, 0, SHARE)
    assert again.left_over() == []
    assert [one.plan for one in again.tried()] == ["attention"]


def test_a_failure_is_kept_with_its_reason(tmp_path: Path) -> None:
    study = Study(tmp_path, SPACE, 0, SHARE)
    begun = study.draw()
    assert begun is not None
    failed = Tried(number=1, plan="attention", state="failed", latency=1.0, reason="no memory")
    study.tell(begun, failed)
    assert Study(tmp_path, SPACE, 0, SHARE).tried() == [failed]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links")
def test_what_a_killed_process_left_of_the_journal_does_no_harm(tmp_path: Path) -> None:
    study = Study(tmp_path, SPACE, 0, SHARE)
    before = drawn(study, 3)
    journal = tmp_path / JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code":5,"wor')
    (tmp_path / f"{JOURNAL}.lock").symlink_to(journal)
    again = Study(tmp_path, SPACE, 0, SHARE)
    assert [one.plan for one in again.tried()] == before
    assert drawn(again, 1) == ["wavelet"]


def test_a_first_plan_is_not_lost_with_a_process_that_dies_before_it_is_noted(
    tmp_path: Path,
) -> None:
    Study(tmp_path, SPACE, 0, SHARE)._ask(by_chance=False)
    again = Study(tmp_path, SPACE, 0, SHARE)
    assert again.left_over() == []
    assert set(drawn(again, 5)) == {"attention", "fourier", "gfnet", "wavelet", "afno"}
