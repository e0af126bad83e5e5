"""Finished runs on disk."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spectrans.data import Dataset, DataSpec, Examples, load
from spectrans.training import Run, RunSpec, answers, load_run, save_run, train
from spectrans.training.folders import data_name, next_folder, slug, write_whole
from spectrans.training.record import DataRecord
from tests.training.made import order_task


@pytest.fixture(scope="module")
def run() -> Run:
    settings = RunSpec(steps=3, num_layers=1, hidden_dim=8, num_heads=2, plan="attention")
    return train(settings, order_task(16))


def test_a_run_comes_back_whole(run: Run, tmp_path: Path) -> None:
    save_run(run, tmp_path / "a" / "b")
    loaded = load_run(tmp_path / "a" / "b")
    task = order_task(16)
    assert loaded.record == run.record
    assert loaded.history == run.history
    np.testing.assert_array_equal(
        answers(loaded.model, task.task, task.encoding, task.test.tokens),
        answers(run.model, task.task, task.encoding, task.test.tokens),
    )


def test_the_split_of_every_row_comes_back(tmp_path: Path) -> None:
    lines = ["text,label", *(f"text {n},{'ab'[n % 2]}" for n in range(20))]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    data = DataSpec(source=str(tmp_path / "rows.csv"))
    settings = RunSpec(data=data, steps=1, num_layers=1, hidden_dim=8, num_heads=2, plan="lst")
    save_run(train(settings), tmp_path / "run")
    split = load_run(tmp_path / "run").split
    assert split is not None
    tested = sorted(bytes(tokens).decode() for tokens in load(data).test.tokens)
    assert [f"text {row}" for row in np.flatnonzero(split == 2)] == tested


def test_a_record_is_plain_data(run: Run, tmp_path: Path) -> None:
    save_run(run, tmp_path)
    data = json.loads((tmp_path / "run.json").read_text())
    assert data["spec"]["plan"] == "attention"
    assert data["data"]["task"]["labels"] == ["second first", "first first"]
    assert {"spectrans", "torch", "transformers"} <= data["versions"].keys()
    assert data["metrics"]["parameters"] == sum(p.numel() for p in run.model.parameters())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "must be whole JSON"),
        ("[]", "must hold a JSON object"),
        ("{}", "spec must be"),
        ('{"format": "spectrans-run-3"}', "format must be 'spectrans-run-2'"),
    ],
    ids=["cut", "list", "empty", "newer"],
)
def test_a_foreign_record_is_refused(run: Run, tmp_path: Path, content: str, sentence: str) -> None:
    save_run(run, tmp_path)
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match=sentence):
        load_run(tmp_path)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the folder of a run must hold run\.json, got '.*tmp"):
        load_run(tmp_path)


def changed_token(task: Dataset) -> Dataset:
    tokens = (task.test.tokens[0] ^ 1, *task.test.tokens[1:])
    return replace(task, test=Examples(tokens, task.test.labels))


def changed_label(task: Dataset) -> Dataset:
    return replace(task, train=Examples(task.train.tokens, 1 - task.train.labels))


@pytest.mark.parametrize("change", [changed_token, changed_label])
def test_a_fingerprint_tells_data_apart(change) -> None:  # type: ignore[no-untyped-def]
    task = order_task(8)
    assert DataRecord.of(order_task(8)).fingerprint == DataRecord.of(task).fingerprint
    assert DataRecord.of(change(task)).fingerprint != DataRecord.of(task).fingerprint


def test_folders_are_numbered_and_never_taken_twice(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    made = [next_folder(name, root).name for name in ("digits", "digits", "digits12", "digits")]
    assert made == ["digits-001", "digits-002", "digits12-001", "digits-003"]
    (root / "digits-1203").mkdir()
    assert next_folder("digits", root).name == "digits-1204"


@pytest.mark.parametrize(
    ("text", "name"),
    [("3xgfnet,attention", "3xgfnet-attention"), ("../a b/", "a-b"), ("日本", "run")],
)
def test_a_slug_is_a_plain_file_name(text: str, name: str) -> None:
    assert slug(text) == name


@pytest.mark.parametrize(
    ("source", "name"), [("digits32", "digits32"), ("some/where/reviews.csv", "reviews")]
)
def test_runs_are_named_after_their_data(source: str, name: str) -> None:
    assert data_name(source) == name


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \ud800")
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text() == "old"
