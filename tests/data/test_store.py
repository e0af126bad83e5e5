"""Data that are larger than memory: tokens and labels in a file."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectrans import spill
from spectrans.data import Dataset, DataSpec, load
from spectrans.data import store as stores
from spectrans.data.store import Store
from spectrans.training import RunSpec, train
from spectrans.training.record import DataRecord
from tests.data.digest import digest
from tests.data.tables import TABLE, as_table


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than 64 bytes of tokens, and 5 numbers, in memory."""
    monkeypatch.setattr(stores, "LIMIT", 64)
    monkeypatch.setattr(spill, "FEW", 5)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_bytes(as_table(TABLE))
    return tmp_path / "a.csv"


SETTINGS: dict[str, dict[str, Any]] = {
    "bytes": {},
    "pieces": {"tokenizer": "bpe"},
    "no doubles": {"dedup": True},
    "no doubles of pieces": {"dedup": True, "tokenizer": "bpe", "max_length": 5},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_data_in_a_file_are_those_in_memory(
    table: Path, settings: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    wanted = load(table, **settings)
    request.getfixturevalue("few")
    made = load(table, **settings)
    assert wanted.train.tokens.file is None
    assert made.train.tokens.file is not None
    assert digest(made) == digest(wanted)
    assert DataRecord.of(made) == DataRecord.of(wanted)
    assert seen(made) == seen(wanted)


def seen(made: Dataset) -> dict[str, Any]:
    """What was seen while the rows were read."""
    assert made.reading is not None
    found = dict(vars(made.reading))
    return found | {name: found[name].tolist() for name in ("split", "lengths")}


TASKS: dict[str, list[Any]] = {
    "classification": [f"c{n % 3}" for n in range(60)],
    "multi-label": [["a", "b", "c"][n % 3 :] for n in range(60)],
    "regression": [n * n / 7 for n in range(60)],
    "token-classification": [["LOC", "O"][n % 2 :] for n in range(60)],
}


@pytest.mark.parametrize(("task", "labels"), TASKS.items(), ids=TASKS)
def test_labels_in_a_file_are_those_in_memory(
    tmp_path: Path, task: str, labels: list[Any], request: pytest.FixtureRequest
) -> None:
    # Of the inputs, some repeat.
    words = [("in", f"R{n % 50}")[: len(label)] if task[0] == "t" else ("in", f"R{n % 50}")
             for n, label in enumerate(labels)]  # fmt: skip
    rows = [
        {"text": list(some) if task[0] == "t" else " ".join(some), "label": label}
        for some, label in zip(words, labels, strict=True)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    wanted = load(tmp_path / "a.jsonl", task=task)
    request.getfixturevalue("few")
    made = load(tmp_path / "a.jsonl", task=task)
    assert digest(made) == digest(wanted)
    assert made.task == wanted.task
    assert seen(made) == seen(wanted)


@pytest.mark.usefixtures("few")
def test_another_process_opens_the_file_and_gets_no_copy(table: Path) -> None:
    made = load(table)
    sent = pickle.dumps(made.train.tokens)
    assert len(sent) < 1500
    assert [row.tolist() for row in pickle.loads(sent)] == [r.tolist() for r in made.train.tokens]


@pytest.mark.usefixtures("few")
def test_data_have_one_fingerprint_in_every_process(table: Path) -> None:
    made = load(table)
    assert made.train.tokens.file is not None
    sent = pickle.loads(pickle.dumps(made))
    assert DataRecord.of(sent).fingerprint == DataRecord.of(made).fingerprint


@pytest.mark.usefixtures("few")
def test_the_file_goes_with_the_data(table: Path) -> None:
    made = load(table)
    assert made.train.tokens.file is not None
    path = Path(str(made.train.tokens.file))
    assert path.exists()
    del made
    assert not path.exists()


@pytest.mark.usefixtures("few")
def test_a_model_is_trained_from_the_file(table: Path) -> None:
    spec = RunSpec(
        plan="fourier",
        data=DataSpec(source=str(table)),
        num_layers=1,
        hidden_dim=8,
        num_heads=1,
        steps=2,
    )
    run = train(spec)
    assert run.record.metrics.steps == 2


def test_a_store_takes_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "LIMIT", 8)
    store = Store(np.float32, (2,))
    rows = [np.arange(2 * n, dtype=np.float32).reshape(n, 2) for n in (1, 3, 2)]
    for row in rows:
        store.append(row)
    found = store.finish(np.array([1, 3, 2]))
    assert [row.tolist() for row in found] == [row.tolist() for row in rows]
