"""Data that are larger than memory: tokens and labels in a file."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectrans.data import DataSpec, load
from spectrans.data import store as stores
from spectrans.data.store import Store
from spectrans.training import RunSpec, train
from tests.data.digest import digest
from tests.data.tables import TABLE, as_table


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than 64 bytes of tokens in memory."""
    monkeypatch.setattr(stores, "LIMIT", 64)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_bytes(as_table(TABLE))
    return tmp_path / "a.csv"


@pytest.mark.parametrize("settings", [{}, {"tokenizer": "bpe"}], ids=["bytes", "pieces"])
def test_data_in_a_file_are_those_in_memory(
    table: Path, settings: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    wanted = load(table, **settings)
    request.getfixturevalue("few")
    made = load(table, **settings)
    assert wanted.train.tokens.file is None
    assert made.train.tokens.file is not None
    assert digest(made) == digest(wanted)


@pytest.mark.usefixtures("few")
def test_another_process_opens_the_file_and_gets_no_copy(table: Path) -> None:
    made = load(table)
    sent = pickle.dumps(made.train.tokens)
    assert len(sent) < 1500
    assert [row.tolist() for row in pickle.loads(sent)] == [r.tolist() for r in made.train.tokens]


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
