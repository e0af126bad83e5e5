"""The benchmark compares before it times, has a control, and flags what got slower."""

import dataclasses
from pathlib import Path

import pytest
import torch

from benchmarks import measure as measuring
from benchmarks.case import UnequalError, error
from benchmarks.cases import CASES
from benchmarks.clock import Spread, ratio, slower, take_turns
from benchmarks.machine import machine, versions
from benchmarks.measure import measure
from benchmarks.pages import PAGES, STORED, filled, tables
from benchmarks.process import MALLOC, ROOT, BrokenError, Process, RefusedError
from benchmarks.results import Results, Row
from benchmarks.run import checkout, chosen, thread_counts
from tests import benchmark_cases

SOURCE = benchmark_cases.__name__
OPENED = {"source": SOURCE, "device": "cpu"}

ROW = Row(
    case="a",
    family="f",
    against="b",
    sizes={"n": 2},
    threads=1,
    malloc="kept",
    commit="c",
    error=1e-7,
    ours_ms=1.0,
    peer_ms=2.0,
    ratio=Spread(2.0, 1.9, 2.1),
    control=Spread(1.0, 0.98, 1.02),
    rounds=5,
    memory_mib=(10.0, 20.0),
)


def rows(name: str, memory: bool = False) -> list[Row]:
    case = benchmark_cases.CASES[name]
    with Process("kept") as worker, Process("returned") as frugal:
        found = measure(
            case,
            [1],
            worker,
            seconds=0.01,
            commit="x",
            frugal=frugal if memory else None,
            source=SOURCE,
        )
        return list(found)


def test_a_row_has_both_times_their_ratio_and_a_control() -> None:
    (row,) = rows("equal")
    assert row.error == 0
    assert row.ours_ms > 0
    assert row.peer_ms > 0
    assert row.ratio.low <= row.ratio.median <= row.ratio.high
    assert row.control.low <= row.control.median <= row.control.high
    assert row.control != Spread(1.0, 1.0, 1.0)


@pytest.mark.parametrize("name", ["unequal", "unlike the truth", "worse"])
def test_a_case_with_wrong_results_is_refused_with_the_error(name: str) -> None:
    with pytest.raises(RefusedError, match=r"error \d\.\de-\d+ against .*, allowed"):
        rows(name)


def test_an_approximation_that_is_better_than_the_other_is_timed() -> None:
    (row,) = rows("better")
    assert row.error == pytest.approx(0.1, rel=0.5)


def test_a_side_that_cannot_be_built_says_why_and_the_next_case_is_measured() -> None:
    with Process("kept") as worker:
        with worker.fresh(), pytest.raises(BrokenError, match="KeyError: 'no such case'"):
            worker.ask("open", name="no such case", arms=["ours"], threads=1, **OPENED)
        with worker.fresh():
            worker.ask("open", name="equal", arms=["ours"], threads=1, **OPENED)
            assert worker.ask("time", arm="ours", repeats=1) > 0


def test_the_control_runs_our_side_twice_per_round() -> None:
    calls: list[str] = []

    def arm(name: str) -> float:
        calls.append(name)
        return 1.0

    arms = {name: lambda repeats, name=name: arm(name) for name in ("ours", "peer", "again")}
    times = take_turns(arms, seconds=0)
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys(arms, 5)
    rounds = [set(calls[start : start + 3]) for start in range(6, len(calls), 3)]
    assert rounds == [set(arms)] * 5


def test_slow_work_is_timed_twice_and_not_warmed_up() -> None:
    calls: list[int] = []

    def arm(repeats: int) -> float:
        calls.append(repeats)
        return 60.0

    assert take_turns({"ours": arm}, seconds=0, slow=True) == {"ours": [60.0, 60.0]}
    assert calls == [1, 1]


def test_peak_memory_is_what_the_work_holds_at_once() -> None:
    (row,) = rows("memory", memory=True)
    assert row.memory_mib == pytest.approx((80, 160), rel=0.05)


@pytest.mark.parametrize(
    ("found", "control", "is_slower"),
    [
        (Spread(1.3, 1.2, 1.4), Spread(1.0, 0.95, 1.05), True),
        (Spread(1.1, 1.08, 1.12), Spread(1.0, 0.99, 1.01), False),
        (Spread(1.3, 1.2, 1.4), Spread(1.0, 0.95, 1.35), False),
        (Spread(1.3, 1.2, 1.4), Spread(1.0, 0.7, 1.05), False),
        (Spread(0.5, 0.4, 0.6), Spread(1.0, 0.95, 1.05), False),
    ],
    ids=["slower", "a little slower", "noisy control", "noisy control below", "faster"],
)
def test_slower_means_beyond_15_percent_and_beyond_the_control(
    found: Spread, control: Spread, is_slower: bool
) -> None:
    assert slower(found, control) is is_slower


def test_ratios_are_taken_within_rounds() -> None:
    assert ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0]) == Spread(2.0, 2.0, 2.0)


def test_the_base_is_imported_from_its_own_checkout_which_is_then_removed() -> None:
    with checkout("HEAD") as base, Process("kept", base / "src") as worker, worker.fresh():
        where = worker.ask("open", name="equal", arms=["ours"], threads=1, **OPENED)
        assert Path(where) == base / "src"
    assert not base.exists()


def test_without_a_base_the_library_is_this_checkouts() -> None:
    with Process("kept") as worker, worker.fresh():
        where = worker.ask("open", name="equal", arms=["ours"], threads=1, **OPENED)
    assert Path(where) == ROOT / "src"


def test_the_worker_gets_the_malloc_it_is_to_be_timed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    with Process("kept") as worker, worker.fresh():
        found = {k: v for k, v in worker.ask("environment").items() if k.startswith("MALLOC_")}
    assert found == MALLOC["kept"]


def test_the_error_of_a_nan_or_of_another_shape_is_never_small() -> None:
    one = torch.tensor([1.0, 2.0])
    assert error((torch.tensor([1.0, torch.nan]),), (one,)) > 1e6
    with pytest.raises(UnequalError, match="shape"):
        error((one[:1],), (one,))
    with pytest.raises(UnequalError, match="tensors"):
        error((one, one), (one,))


def test_results_come_back_as_stored_and_a_new_row_replaces_its_elder(tmp_path: Path) -> None:
    results = Results(dict(machine()), versions())
    results.add(ROW)
    results.add(dataclasses.replace(ROW, threads=2))
    results.add(dataclasses.replace(ROW, ours_ms=3.0))
    results.write(tmp_path / "x.json")
    read = Results.read(tmp_path / "x.json")
    assert read == results
    assert [(row.threads, row.ours_ms) for row in read.rows] == [(1, 3.0), (2, 1.0)]


def test_every_case_has_a_name_of_its_own_and_a_family() -> None:
    assert all(case.name == name and case.family for name, case in CASES.items())
    assert len(chosen("", full=True)) == len(CASES)
    assert 10 < len(chosen("", full=False)) < len(CASES)
    assert measuring.CASES == "benchmarks.cases"


def test_thread_counts_are_read_once_each() -> None:
    assert thread_counts("1,2,1") == [1, 2]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_say_what_is_stored(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text, tables(Results.read(STORED))) == text


@pytest.mark.parametrize(
    ("target", "cell"), [(2.5, "| 2.00 [1.90-2.10] |"), (1.5, "| **2.00** [1.90-2.10] |")]
)
def test_a_table_stands_in_its_place_with_what_was_reached_in_bold(
    target: float, cell: str
) -> None:
    row = dataclasses.replace(ROW, case="fourier forward n=512", target=target)
    found = tables(Results(dict(machine()), versions(), [row]))
    page = filled("a\n<!-- results -->\nold\n<!-- end -->\nb", found)
    assert page.startswith("a\n<!-- results -->\n| work |")
    assert page.endswith("|\n<!-- end -->\nb")
    assert cell in page


def test_the_control_of_a_row_stands_beside_its_memory_and_its_error() -> None:
    found = tables(Results(dict(machine()), versions(), [ROW]))
    page = filled("<!-- controls -->\nold\n<!-- end -->", found)
    assert "| a | 0.50 (10/20 MiB) | 1e-07 | 1.00 [0.98-1.02] |" in page
