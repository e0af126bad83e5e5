"""The experiments on quality: which runs there are, and what is made of them."""

import json
from pathlib import Path

import pytest
from scipy.stats import t

from benchmarks.quality import LINES, PRESETS, TABLE, Group, main
from benchmarks.scores import STUDENT, Line, interval, table
from spectrans.data.builtin import find
from spectrans.tasks import Classification

GROUPS = [(name, group) for name, groups in PRESETS.items() for group in groups]


@pytest.mark.parametrize(("name", "group"), GROUPS, ids=lambda value: getattr(value, "task", value))
def test_every_preset_names_tasks_and_plans_that_exist(name: str, group: Group) -> None:
    assert find(group.task) is not None
    comparison = group.comparison
    assert comparison.shared.data.source == group.task
    assert comparison.shared.steps == group.settings["steps"]


@pytest.mark.parametrize("name", ["cpu", "lra"])
def test_what_is_published_has_three_seeds(name: str) -> None:
    assert {group.seeds for group in PRESETS[name]} == {(0, 1, 2)}


@pytest.mark.parametrize("runs", STUDENT)
def test_intervals_are_those_of_student(runs: int) -> None:
    assert STUDENT[runs] == pytest.approx(t.ppf(0.975, runs - 1), abs=0.006)


def test_the_interval_of_a_mean_follows_its_definition() -> None:
    assert interval([0.5, 0.6, 0.7]) == pytest.approx(4.30 * 0.1 / 3**0.5)
    assert interval([0.5]) is None


def line(plan: str, score: float, seed: int, rate: float = 1e-3, chosen: bool = True) -> Line:
    (group, *_) = PRESETS["cpu"]
    spec = group.comparison.spec("attention", rate, seed)
    changed = type(spec)(**{**spec.model_dump(), "plan": plan})
    return Line(
        task="made",
        metric=Classification.metrics[0],
        score=score,
        chosen=chosen,
        baselines={"linear": 0.25},
        spec=changed,
        test={"accuracy": score},
        validation={"accuracy": score},
        best_step=1,
        seconds=2.0,
        parameters=1000,
        data="0",
        commit="0",
        machine={},
        versions={},
    )


def test_a_table_holds_means_with_intervals_of_the_runs_that_count() -> None:
    lines = [line("attention", score, seed) for seed, score in enumerate((0.5, 0.6, 0.7))]
    lines += [line("attention", 0.9, 0, rate=9e-3, chosen=False), line("gfnet", 0.4, 0)]
    found = table(lines).splitlines()
    assert found[0] == "## made, 4 layers of 64"
    assert found[4] == "| `attention` | 60.0 % ± 24.8 % | 3 | 0.001 | 2 | 1,000 |"
    assert found[5] == "| `gfnet` | 40.0 % | 1 | 0.001 | 2 | 1,000 |"
    assert found[6] == "| linear | 25.0 % | | | | |"


@pytest.mark.slow
@pytest.mark.usefixtures("without_shape_checks")
def test_the_small_preset_runs_goes_on_and_shows_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--preset", "smoke", "--filter", "recall", "--jobs", "1", "--out", str(tmp_path)]
    assert main(words) == 0
    folder = tmp_path / "quality-smoke"
    written = (folder / LINES).read_text()
    first = [json.loads(text) for text in written.splitlines()]
    assert [run["spec"]["plan"] for run in first] == ["attention", "gfnet,attention"]
    assert (folder / "scores.png").stat().st_size > 1000
    # Nothing is trained again: times would differ.
    assert main(words) == 0
    assert (folder / LINES).read_text() == written
    capsys.readouterr()
    assert main(["--show", str(folder / LINES)]) == 0
    assert capsys.readouterr().out.strip() == (folder / TABLE).read_text().strip()


def test_a_filter_that_matches_nothing_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--filter", "imdb"]) == 2
    assert "no task of smoke contains 'imdb'" in capsys.readouterr().out
