"""The report of a comparison, and what it says in words."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from spectrans.data import DataSpec
from spectrans.data.baselines import baselines
from spectrans.report import PlanResult, summarise, write, write_comparison_report
from spectrans.report.comparison import by_class, difference_table
from spectrans.report.curves import band
from spectrans.report.results import NOT_LEARNED
from spectrans.report.style import HATCHES, LINES, MARKERS, look, series
from spectrans.report.verdict import (
    STUDENT,
    Difference,
    Found,
    difference,
    resampled,
    student,
    verdict,
)
from spectrans.tasks import Classification, ClassScore
from spectrans.training import Comparison, LengthCost, Outcomes, RunSpec, compare
from spectrans.training.evidence import Evidence
from tests.browser import browsing
from tests.report.made import cost, made_results, plan_result
from tests.training.made import order_task
from tests.training.test_comparison import record

ASKED = Comparison(
    plans=("fourier", "attention"),
    seeds=(0, 1),
    shared=RunSpec(
        data=DataSpec(source="order"), plan="fourier", steps=2, num_layers=1, hidden_dim=8,
        num_heads=2, batch_size=8,
    ),
)  # fmt: skip
TASK = order_task(16)
LEAD = Classification(labels=("a", "b")).lead
LENGTHS = tuple(LengthCost(length=n, milliseconds=n / 10, memory=n * 1000) for n in (6, 12, 24, 48))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcomes, int]:
    """A comparison, and how many of its runs had evidence before there was a report."""
    home = tmp_path_factory.mktemp("comparison")
    outcomes = compare(ASKED, home, TASK, 1)
    return home, outcomes, len(list((home / "runs").glob("*/evidence.json")))


@pytest.fixture(scope="module")
def folder(trained: tuple[Path, Outcomes, int]) -> Path:
    home, outcomes, _ = trained
    costs = {plan: cost(1e4 * (2 + k)) for k, plan in enumerate(ASKED.plans)}
    lengths = dict.fromkeys(ASKED.plans, LENGTHS)
    write(summarise(outcomes, TASK, baselines(TASK), costs, lengths), home)
    write_comparison_report(home, TASK)
    return home


def test_a_page_shows_every_part_and_asks_for_nothing(folder: Path) -> None:
    page = (folder / "report.html").read_text("utf-8")
    assert re.findall("<h2>(.*?)</h2>", page) == [
        "Which plan to take", "Score and speed", "All numbers", "Learning curves", "Length",
        "Classes", "Plans", "Data", "Settings",
    ]  # fmt: skip
    assert re.findall(r"https?://|<script", page) == []
    names = {path.name for path in (folder / "figures").glob("*.png")}
    assert names == {f"{stem}.png" for stem in
                     ("accuracy-vs-speed", "learning-curves", "lengths", "classes", "plans")}  # fmt: skip


def test_a_browser_shows_all_pictures(folder: Path) -> None:
    with browsing() as browser:
        browser.open((folder / "report.html").as_uri())
        count = browser.evaluate(
            "[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().height > 50).length"
        )
        assert browser.complaints() == []
    assert count == 5


def test_workers_leave_evidence(trained: tuple[Path, Outcomes, int]) -> None:
    assert trained[2] == 4


def test_a_report_is_made_again_without_models_and_data(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(folder, again, ignore=shutil.ignore_patterns("*.safetensors", "report.html"))
    write_comparison_report(again)
    assert (again / "report.html").read_text("utf-8") == (folder / "report.html").read_text("utf-8")


def test_quantiles_are_those_of_students_t() -> None:
    expected = stats.t.ppf(0.975, np.arange(1, len(STUDENT) + 1))
    np.testing.assert_allclose(STUDENT, expected, atol=5e-4)


def test_the_interval_of_a_mean_is_that_of_a_t_test() -> None:
    values = [0.1, 0.3, 0.2, 0.25]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert student(values) == pytest.approx((expected.low, expected.high), abs=1e-4)
    assert student([0.5]) is None


def test_rows_drawn_again_give_the_interval_of_their_mean() -> None:
    values = np.repeat([-1.0, 0.0, 1.0], [30, 300, 70])
    half = 1.96 * values.std() / 20
    assert resampled(values) == pytest.approx((0.1 - half, 0.1 + half), abs=3e-3)


def runs(*accuracies: float, right: str = "") -> dict[int, Found]:
    spec = ASKED.spec("fourier")
    evidence = Evidence(right=right) if right else None
    return {
        seed: Found(record(spec, score, score), evidence) for seed, score in enumerate(accuracies)
    }


def test_seeds_are_paired_and_those_without_a_partner_left_out() -> None:
    found = difference("a", "b", {"a": runs(0.9, 0.8, 0.7), "b": runs(0.8, 0.6)}, LEAD)
    assert found is not None
    assert found.seeds == 2
    assert found.gain == pytest.approx(0.15)
    half = 12.706 * 0.05
    assert found.over_seeds == pytest.approx((0.15 - half, 0.15 + half))
    assert found.over_rows is None


@pytest.mark.parametrize(
    ("over_seeds", "over_rows", "shown"),
    [
        ((0.1, 0.3), (0.05, 0.3), True),
        ((0.1, 0.3), None, True),
        ((-0.3, -0.1), (-0.3, -0.2), True),
        ((0.1, 0.3), (-0.01, 0.3), False),
        ((-0.1, 0.3), (0.1, 0.3), False),
        (None, (0.1, 0.3), False),
    ],
)
def test_a_difference_is_shown_only_if_seeds_and_rows_agree(
    over_seeds: tuple[float, float] | None, over_rows: tuple[float, float] | None, shown: bool
) -> None:
    assert Difference("a", "b", 2, 0.2, over_seeds, over_rows).shown is shown


BEST = plan_result("gfnet", 0.9, 1e5)
FAST = plan_result("fourier", 0.8, 2e5)
LOST = plan_result("attention", 0.1, 3e5).model_copy(update={"notes": (NOT_LEARNED,)})
SURE = Difference("gfnet", "fourier", 3, 0.1, (0.05, 0.15), (0.02, 0.18))
UNSURE = Difference("gfnet", "fourier", 3, 0.1, (-0.05, 0.25), None)


def said(*plans: PlanResult, found: Difference, seeds: tuple[int, ...] = (0, 1, 2)) -> str:
    results = made_results(*plans)
    asked = results.comparison.model_copy(update={"seeds": seeds})
    return verdict(results.model_copy(update={"comparison": asked}), [found])


def test_the_verdict_names_plan_cost_and_sureness() -> None:
    text = said(BEST, FAST, LOST, found=SURE)
    assert text.startswith("Take gfnet: of 2 plans that learned it was best on validation")
    assert "fourier is 2.00 times as fast, with accuracy 80.0 %" in text
    assert "over 3 pairs of seeds it is better than fourier (by +10.0 points or more" in text
    assert "+5.0 points to +15.0 points" in text
    assert "attention did not learn in this budget" in text


def test_the_unit_of_differences_stands_in_the_head_alone() -> None:
    table = difference_table([SURE, UNSURE], made_results(BEST, FAST))
    heads = re.findall(r"<th\b[^>]*>(.*?)</th>", table)
    assert heads[:2] == ["gfnet against", "difference, points"]
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.splitlines()[2:]]
    assert cells[0] == ["fourier", "+10.0", "3", "+5.0 to +15.0", "+2.0 to +18.0", "yes"]
    assert cells[1] == ["fourier", "+10.0", "3", "-5.0 to +25.0", "-", "no"]


def test_what_is_not_sure_is_not_claimed() -> None:
    text = said(BEST, FAST, found=UNSURE)
    assert "not shown to be better or worse than fourier" in text
    assert "it is better" not in text


def test_of_one_seed_nothing_is_said() -> None:
    text = said(BEST, FAST, found=SURE, seeds=(0,))
    assert "with one seed nothing can be said" in text
    assert "better than" not in text


def test_where_nothing_learned_no_plan_is_recommended() -> None:
    assert said(LOST, found=SURE).startswith(
        "Take none of these plans: none is better than majority class"
    )


def test_a_band_has_the_steps_that_all_seeds_have() -> None:
    found = band([([1.0, 2.0, 3.0], [0.1, 0.2, 0.3]), ([1.0, 3.0], [0.3, 0.5])])
    assert found == ([1.0, 3.0], [0.2, 0.4], [0.1, 0.3], [0.3, 0.5])


def with_f1(*values: float) -> Found:
    (one,) = runs(0.5).values()
    scores = tuple(
        ClassScore(label="x", precision=0.0, recall=0.0, f1=value, rows=1) for value in values
    )
    metrics = one.record.metrics.model_copy(update={"classes": scores})
    return Found(one.record.model_copy(update={"metrics": metrics}), None)


def test_classes_are_averaged_over_seeds() -> None:
    found = by_class({"a": {0: with_f1(0.2, 0.6), 1: with_f1(0.4, 0.8)}, "b": runs(0.5)})
    assert found == {"a": [pytest.approx(0.3), pytest.approx(0.7)]}


def test_series_and_mixers_differ_without_colour() -> None:
    assert len({(series(k)["marker"], str(series(k)["linestyle"])) for k in range(10)}) == 10
    assert len(set(map(str, LINES))) == len(LINES)
    assert len(set(MARKERS)) == len(MARKERS)
    names = (
        "attention",
        "fourier",
        "gfnet",
        "wavelet",
        "afno",
        "spectral_attention",
        "lst",
        "mine",
    )
    assert len({look(name).letter for name in names}) == len(names)
    assert len({look(name).hatch for name in names}) == len(names)
    assert {look(name).hatch for name in names} <= set(HATCHES)
