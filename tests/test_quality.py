"""The experiments on quality: which runs there are, and what is made of them."""

import json
import re
from pathlib import Path

import pytest
import torch
from scipy.stats import t

from benchmarks import defaults, evidence, quality
from benchmarks.pages import filled
from benchmarks.quality import FIGURE, LINES, TABLE, main, restore
from benchmarks.questions import CORE, CORES, LEARNABLE, PRESETS, VIEWS, WIDE, Group
from benchmarks.scores import (
    STUDENT,
    Line,
    Scores,
    columns,
    interval,
    read_lines,
    spread,
    table,
    write_lines,
)
from spectrans.data import DataSpec, load
from spectrans.data.builtin import find
from spectrans.layout import canonical
from spectrans.tasks import Metric
from spectrans.training import RunSpec
from spectrans.training.compare import run_folder
from tests.made_runs import made_run

GROUPS = [(name, group) for name, groups in PRESETS.items() for group in groups]


@pytest.mark.parametrize(("name", "group"), GROUPS, ids=lambda value: getattr(value, "name", value))
def test_every_preset_names_tasks_and_plans_that_exist(name: str, group: Group) -> None:
    assert find(group.data.source) is not None
    comparison = group.comparison
    assert comparison.shared.data == group.data
    assert comparison.shared.steps == group.settings.get("steps")


@pytest.mark.parametrize("groups", PRESETS.values(), ids=PRESETS)
def test_groups_of_a_preset_have_names_of_their_own(groups: tuple[Group, ...]) -> None:
    assert len({group.name for group in groups}) == len(groups)


@pytest.mark.parametrize("name", ["cpu", "defaults", "lra"])
def test_what_is_published_has_three_seeds(name: str) -> None:
    assert {group.seeds for group in PRESETS[name]} == {(0, 1, 2)}


def test_all_plans_of_a_question_are_trained_with_the_same_budget() -> None:
    for view in VIEWS.values():
        assert set(view.plans) <= set(CORE)
    for group in CORES:
        assert group.plans == CORE


@pytest.mark.parametrize(("plain", "wide"), list(zip(CORES, WIDE, strict=True)))
def test_wider_hybrids_have_the_parameters_of_attention(plain: Group, wide: Group) -> None:
    dataset = load("digits12")

    def parameters(group: Group, plan: str) -> int:
        return group.comparison.spec(plan).build(dataset).summary().parameters

    ratio = parameters(wide, "4xwavelet,2xattention") / parameters(plain, "attention")
    assert 0.995 < ratio < 1.005


@pytest.mark.parametrize("runs", STUDENT)
def test_intervals_are_those_of_student(runs: int) -> None:
    assert STUDENT[runs] == pytest.approx(t.ppf(0.975, runs - 1), abs=0.006)


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        ([20.0, 21.0, 22.0], "21.0 ± 2.5"),
        ([0.50, 0.51, 0.52], "0.510 ± 0.025"),
        ([100.0, 200.0, 300.0], "200 ± 248"),
        ([3.0, 3.0], "3 ± 0"),
        ([20.123456], "20.12"),
    ],
)
def test_a_spread_has_two_figures_of_what_is_uncertain(scores: list[float], shown: str) -> None:
    metric = Metric(name="loss", title="loss", percent=False, higher=False)
    assert spread(scores, metric) == shown


def test_the_interval_of_a_mean_follows_its_definition() -> None:
    assert interval([0.5, 0.6, 0.7]) == pytest.approx(4.30 * 0.1 / 3**0.5)
    assert interval([0.5]) is None


RECORD = made_run("digits12").record
ACCURACY = RECORD.data.task.lead
GROUP = Group(
    "made",
    DataSpec(source="digits12"),
    ("attention", "gfnet"),
    (1e-3, 9e-3),
    (0, 1, 2),
    {"steps": 5},
)


def line(plan: str, score: float, seed: int, rate: float = 1e-3, best: float = 0.5) -> Line:
    metrics = {**RECORD.metrics.model_dump(), "test": {"accuracy": score}}
    metrics = {**metrics, "validation": {"accuracy": best}, "seconds": 2.0, "parameters": 1000}
    spec = GROUP.comparison.spec(plan, rate, seed)
    record = {**RECORD.model_dump(), "spec": spec.model_dump(), "metrics": metrics}
    return Line(
        group="made",
        record=type(RECORD)(**record),
        baselines={"linear": 0.25},
        commit="0",
        machine={},
    )


LINES_MADE = [
    *(line("attention", score, seed) for seed, score in enumerate((0.5, 0.6, 0.7))),
    line("attention", 0.9, 0, rate=9e-3, best=0.4),
    line("gfnet", 0.1, 0, best=0.4),
    line("gfnet", 0.4, 0, rate=9e-3),
]


def test_a_table_holds_means_with_intervals_of_the_runs_that_count() -> None:
    found = table(Scores(GROUP, LINES_MADE)).splitlines()
    assert found[0] == "## made"
    assert found[2] == "`digits12`, 4 layers of 64, 5 steps of 16 rows, sinusoidal positions"
    assert found[6] == "| `attention` | 60.0 % ± 24.8 % | 3 | 0.001 | 1 | 1,000 |"
    assert found[7] == "| `gfnet` | 40.0 % | 1 | 0.009 | 1 | 1,000 |"
    assert found[8] == "| linear | 25.0 % | | | | |"


def test_groups_stand_beside_each_other_and_lines_of_others_are_left_out() -> None:
    other = GROUP._replace(name="other")
    rows = columns([Scores(GROUP, LINES_MADE), Scores(other, LINES_MADE)], ("gfnet", "attention"))
    assert rows.splitlines() == [
        "| plan | made, accuracy |",
        "| --- | ---: |",
        "| `gfnet` | 40.0 % |",
        "| `attention` | 60.0 % ± 24.8 % |",
        "| linear | 25.0 % |",
    ]


def test_two_groups_on_one_task_become_one_with_a_mark() -> None:
    other = Scores(
        GROUP._replace(name="wide"), [LINES_MADE[-1].model_copy(update={"group": "wide"})]
    )
    both = Scores(GROUP, LINES_MADE).beside(other, ", wide")
    assert both.of("gfnet, wide") == []  # its sweep is not whole
    whole = Scores(GROUP, LINES_MADE)
    assert whole.beside(whole, ", wide").of("gfnet, wide") == whole.of("gfnet") == [0.4]


def test_lines_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lines.jsonl"
    assert read_lines(path) == []
    write_lines(path, LINES_MADE)
    assert read_lines(path) == LINES_MADE


def test_runs_on_other_data_are_not_put_back(tmp_path: Path) -> None:
    place = run_folder(tmp_path, LINES_MADE[0].record.spec) / "run.json"
    restore(LINES_MADE, tmp_path, RECORD.data.model_copy(update={"fingerprint": "another"}))
    assert not place.exists()
    restore(LINES_MADE, tmp_path, RECORD.data)
    assert json.loads(place.read_text())["metrics"]["test"] == {"accuracy": 0.5}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole smoke preset."""
    folder = tmp_path_factory.mktemp("smoke")
    assert main(["--out", str(folder)]) == 0
    return folder / "quality-smoke"


@pytest.mark.slow
@pytest.mark.usefixtures("without_shape_checks")
def test_the_small_preset_goes_on_and_shows_what_it_wrote(
    smoke: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = (smoke / LINES).read_text()
    asked = [(group.name, canonical(p)) for group in PRESETS["smoke"] for p in group.plans]
    assert sorted((one.group, one.record.spec.plan) for one in read_lines(smoke / LINES)) == sorted(
        asked
    )
    assert (smoke / FIGURE).stat().st_size > 1000
    # Nothing is trained again, in another folder either: times would differ.
    lines = tmp_path / "kept.jsonl"
    lines.write_text(written)
    again = ["--out", str(smoke.parent)]
    elsewhere = ["--out", str(tmp_path / "other"), "--lines", str(lines)]
    for words in (again, elsewhere):
        assert main(words) == 0
        assert lines.read_text() == (smoke / LINES).read_text() == written
    capsys.readouterr()
    assert main(["--lines", str(lines), "--show"]) == 0
    assert capsys.readouterr().out.strip() == (smoke / TABLE).read_text().strip()


@pytest.mark.slow
@pytest.mark.usefixtures("without_shape_checks")
def test_every_mixer_learns_what_it_can_alone_and_in_turns_with_attention(smoke: Path) -> None:
    lines = [line for line in read_lines(smoke / LINES) if line.group == "languages"]
    scores = {line.record.spec.plan: line.record.test for line in lines}
    assert set(scores) == {canonical(plan) for plan in LEARNABLE}
    # Of 64 languages a guess gets 1.6 % right.
    assert {plan: score for plan, score in scores.items() if score < 0.3} == {}


def test_a_filter_that_matches_nothing_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--filter", "imdb"]) == 2
    assert "no group of smoke contains 'imdb'" in capsys.readouterr().out


def test_only_the_plans_that_are_named_are_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, tuple[str, ...]]] = []

    def note(group: Group, *rest: object) -> int:
        trained.append((group.name, group.plans))
        return 0

    monkeypatch.setattr(quality, "run", note)
    words = ["--out", str(tmp_path), "--plan", "lst", "--plan", "attention"]
    assert main(words) == 2  # since nothing is written
    assert trained[0] == ("listops", ("attention",))
    assert trained[-1] == ("languages", ("attention", "lst"))
    assert main(["--plan", "nope"]) == 2
    assert "no group of smoke contains '' with nope" in capsys.readouterr().out


def test_evidence_is_written_of_runs_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.jsonl"
    assert evidence.main([str(missing)]) == 2
    assert capsys.readouterr().out.startswith(f"{missing} must hold runs: ")


@pytest.mark.parametrize("page", evidence.PAGES, ids=lambda page: page.name)
def test_a_page_shows_the_scores_of_the_stored_runs(page: Path) -> None:
    text = page.read_text("utf-8")
    assert filled(text, evidence.tables(read_lines(evidence.STORED))) == text


def test_a_share_is_told_where_attention_is_better_with_every_seed() -> None:
    group = CORES[0]
    whole, without, some, *_ = VIEWS["recovery"].plans

    def told(scores: dict[str, list[float]], metric: Metric = ACCURACY) -> str:
        found = Scores(group, ())
        found.metric = metric
        records = {plan: [line(GROUP.plans[0], v, seed).record for seed, v in enumerate(values)]
                   for plan, values in scores.items()}  # fmt: skip
        found.runs = records
        return evidence.share([found], VIEWS["recovery"]).splitlines()[2]

    clear = {whole: [0.8, 0.9], without: [0.4, 0.6], some: [0.7, 0.8]}
    # Three quarters of the way with one seed and two thirds with the other.
    half = 12.71 * (1 / 12) / 2
    assert told(clear) == f"| `{some}` | 71 ± {100 * half:.0f} % |"
    assert told({**clear, some: [0.7]}) == f"| `{some}` | - |"
    assert told({**clear, without: [0.4, 0.8]}) == f"| `{some}` | - |"
    assert told({**clear, some: []}) == f"| `{some}` | - |"
    falling = Metric(name="perplexity", title="perplexity", percent=False, higher=False)
    assert told(clear, falling) == f"| `{some}` | - |"
    lower = {whole: [10.0, 12.0], without: [21.0, 21.0], some: [14.0, 16.0]}
    assert told(lower, falling) == f"| `{some}` | 60 ± 51 % |"
    assert told(lower) == f"| `{some}` | - |"


def test_every_table_stands_in_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in evidence.PAGES)
    assert [name for name in evidence.tables([]) if f"<!-- {name} -->" not in pages] == []


def test_no_stored_run_is_of_code_that_was_not_committed() -> None:
    lines = [line.commit for line in read_lines(evidence.STORED)]
    assert [commit for commit in [*lines, *(line["commit"] for line in defaults.read())]
            if not re.fullmatch("[0-9a-f]{12}", commit)] == []  # fmt: skip


@pytest.mark.parametrize("change", defaults.CHANGES, ids=lambda change: change.title)
def test_weights_are_scaled_as_their_title_says(change: defaults.Change) -> None:
    data = load("recall24?pairs=3&vocab=16&train=60&validation=20&test=20")
    spec = RunSpec(plan=defaults.PLAN, num_layers=6, hidden_dim=8, num_heads=2, steps=1)
    torch.manual_seed(0)
    plain = dict(spec.build(data).named_parameters())
    torch.manual_seed(0)
    with defaults.scaled(change):
        scaled = dict(spec.build(data).named_parameters())
    torch.manual_seed(0)
    again = dict(spec.build(data).named_parameters())
    for name, weight in plain.items():
        assert torch.equal(weight, again[name])
        matrix = weight.dim() == 2 and (name == "embedding.weight") == change.embeddings
        torch.testing.assert_close(scaled[name], weight * (change.factor if matrix else 1))


def test_trials_of_defaults_stand_by_task_and_name() -> None:
    made = {"question": "scale", "task": "recall", "name": defaults.CHANGES[0].title}
    lines = [{**made, "seed": seed, "score": score} for seed, score in enumerate((0.5, 0.6, 0.7))]
    longer = {"question": "longer rows", "task": defaults.SHORT, "name": "gfnet", "seed": 0}
    found = defaults.tables([*lines, {**longer, "score": 0.75, "longer": 0.25}])
    assert "| as they are | 60.0 % ± 24.8 % |  |" in found["scale"]
    assert "| `gfnet` | 75.0 % | 25.0 % |" in found["longer rows"]
