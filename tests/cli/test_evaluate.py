"""`spectrans evaluate`: the figures of a run, and of new data in its terms."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Answer, inside
from tests.cli.made import WORDS, write_lines

Judge = Callable[..., Answer]
RUNS = ["texts", "sets", "numbers", "words", "vectors", "plain", "pieces"]


@pytest.fixture
def judge(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Judge:
    """Judges a run of the workplace, from an empty folder."""
    monkeypatch.chdir(tmp_path)

    def judging(run: str, *arguments: str | Path) -> Answer:
        return inside(monkeypatch, capfd, "evaluate", workplace / "runs" / run, *arguments)

    return judging


def found(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    written: dict[str, Any] = json.loads(answer.out)
    return written


@pytest.mark.parametrize("run", RUNS)
def test_every_task_has_figures_with_intervals_beside_baselines(judge: Judge, run: str) -> None:
    shown = found(judge(run, "--json"))
    assert 0 < shown["rows"] < 60
    figures = {figure["name"]: figure for figure in shown["figures"]}
    assert all(f["low"] <= f["value"] <= f["high"] for f in figures.values())
    assert any(f["low"] < f["high"] for f in figures.values())
    assert figures.keys() == shown["baselines"][0]["scores"]["values"].keys()
    losses = [row["loss"] for row in shown["worst"]]
    assert losses == sorted(losses, reverse=True)
    assert len(losses) == 5


def test_the_rows_of_the_test_split_as_a_file_give_the_same_figures(
    judge: Judge, workplace: Path
) -> None:
    from spectrans.training import load_run

    split = load_run(workplace / "runs" / "texts").split
    assert split is not None
    lines = (workplace / "texts.jsonl").read_text().splitlines()
    chosen = [line for line, code in zip(lines, split, strict=True) if code == 2]
    Path("test.jsonl").write_text("\n".join(chosen))
    own, new = found(judge("texts", "--json")), found(judge("texts", "-d", "test.jsonl", "--json"))
    wanted = {figure["name"]: figure["value"] for figure in own["figures"]}
    assert {figure["name"]: figure["value"] for figure in new["figures"]} == pytest.approx(wanted)
    assert new["baselines"] == own["baselines"]
    assert new["worst"][0]["place"].startswith("test.jsonl line ")
    assert own["worst"][0]["place"].startswith("test row ")


def test_a_split_can_be_chosen(judge: Judge) -> None:
    rows = [found(judge("texts", "--split", name, "--json", "--no-baselines"))["rows"]
            for name in ("train", "validation", "test")]  # fmt: skip
    assert sum(rows) == 60
    assert rows[0] > rows[1] == rows[2]


def test_classes_unseen_in_training_are_left_out_aloud(judge: Judge) -> None:
    write_lines(Path("new.jsonl"), ({"text": f"{n}", "label": [*WORDS, "pink"][n % 4]} for n in range(8)))  # fmt: skip
    answer = judge("texts", "-d", "new.jsonl", "--json")
    assert found(answer)["rows"] == 6
    assert found(answer)["unseen"] == {"pink": 2}
    said = "left out, of classes that the model was not trained on: 'pink' 2 times"
    assert answer.err.splitlines()[0] == said


@pytest.mark.parametrize(
    ("run", "row", "unseen", "rows"),
    [
        ("sets", {"text": "x", "label": ["red", "pink"]}, {"pink": 1}, 1),
        ("words", {"tokens": ["a", "b"], "tags": ["O", "B-PER"]}, {"B-PER": 1}, 2),
    ],
)
def test_so_are_those_of_rows_and_words_with_many(
    judge: Judge, run: str, row: dict[str, Any], unseen: dict[str, int], rows: int
) -> None:
    other = {**row, "label": ["red"]} if run == "sets" else {**row, "tags": ["O", "O"]}
    write_lines(Path("new.jsonl"), [row, other])
    shown = found(judge(run, "-d", "new.jsonl", "--json"))
    assert (shown["unseen"], shown["rows"]) == (unseen, rows)


def test_people_get_tables_and_the_worst_rows(judge: Judge) -> None:
    answer = judge("texts", "--worst", "2")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].endswith("rows, the test split of texts.jsonl")
    assert lines[1].split() == ["figure", "model", "95", "%", "interval", "majority", "class", "linear"]  # fmt: skip
    assert "accuracy by Wilson" in answer.out
    assert [line.split()[0] for line in lines if line.startswith(WORDS)] == ["blue", "green", "red"]
    assert len([line for line in lines if line.startswith("  loss")]) == 2
    assert "wrong, it is" in lines[-1]


def test_without_the_data_of_training_new_data_are_judged_alone(
    judge: Judge, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = workplace / "vectors.jsonl"
    source.rename(workplace / "moved.jsonl")
    try:
        alone = judge("vectors", "--json")
        shown = judge("vectors", "-d", workplace / "moved.jsonl", "--json")
    finally:
        (workplace / "moved.jsonl").rename(source)
    assert alone.code == 2
    assert alone.err.startswith("spectrans: the data of training cannot be read: source must name")
    assert found(shown)["baselines"] == []
    assert shown.err.startswith("no baselines beside: the data of training cannot be read")


BAD = [
    ("texts", ["-d", "none.csv"], "source must name an existing file, got 'none.csv'"),
    ("texts", ["-d", "a.csv"], "a.csv must hold a row of a class that the model was trained on"),
    ("texts", ["-d", "a.csv", "--label", "lable"], "a.csv: unknown column 'lable'; did you mean"),
    ("texts", ["-d", "a.csv", "--split", "test"], "split must be one that a.csv has (none), got"),
    ("texts", ["--split", "tset"], "unknown split 'tset'; did you mean 'test'?"),
    ("texts", ["--text", "a"], "--text and --label must be left out without --data"),
    ("numbers", ["-d", "a.csv"], "a.csv line 2: label must be a finite number, got 'pink'"),
    ("vectors", ["-d", "a.csv"], "a.csv line 2: text must be a list of numbers, got 'x'"),
]


@pytest.mark.parametrize(("run", "arguments", "sentence"), BAD)
def test_bad_input_gets_one_sentence(
    judge: Judge, run: str, arguments: list[str], sentence: str
) -> None:
    Path("a.csv").write_text("text,label\nx,pink\n")
    answer = judge(run, *arguments)
    assert answer.err.startswith(f"spectrans: {sentence}")
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
