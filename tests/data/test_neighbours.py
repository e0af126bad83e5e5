"""Counting tokens between their neighbours, against its definition."""

from pathlib import Path

import numpy as np
import pytest

from spectrans.data import load, neighbours
from spectrans.data.baselines import baselines
from spectrans.data.dataset import Examples
from spectrans.data.neighbours import MOST_TOKENS, STRENGTHS, Neighbours, triples
from tests.reference.neighbours import shares

SIZE = 5
# The last token of the vocabulary is not among them.
ROWS = [[0, 1, 2, 1, 0], [3], [1, 2, 1, 2, 1, 3], [], [0, 1]]


def examples(rows: list[list[int]]) -> Examples:
    return Examples([np.array(row, dtype=np.uint8) for row in rows], None)


def test_every_token_stands_between_its_neighbours() -> None:
    found = triples(examples([[3], [], [1, 2, 0]]), SIZE)
    assert found.tolist() == [[5, 3, 5], [5, 1, 2], [1, 2, 0], [2, 0, 5]]


@pytest.mark.parametrize("strength", STRENGTHS)
def test_shares_are_those_of_their_definition(strength: float) -> None:
    at = np.array([[a, b] for a in range(SIZE + 1) for b in range(SIZE + 1)])
    found = Neighbours(examples(ROWS), SIZE).shares(at, strength)
    wanted = [shares(ROWS, SIZE, a, b, strength) for a, b in at.tolist()]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    np.testing.assert_allclose(found.sum(1), 1)


def test_losses_are_means_over_tokens_however_many_are_answered_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts, others = Neighbours(examples(ROWS), SIZE), [[0, 1, 3], [4, 2]]
    found = counts.judge(examples(others), 1.0)
    at = triples(examples(others), SIZE)
    known = [shares(ROWS, SIZE, a, b, 1.0) for a, _, b in at.tolist()]
    losses = [-np.log(row[token]) for row, token in zip(known, at[:, 1], strict=True)]
    right = [row.argmax() == token for row, token in zip(known, at[:, 1], strict=True)]
    assert found == pytest.approx((np.mean(losses), np.mean(right)))
    monkeypatch.setattr(neighbours, "BATCH", 2)
    assert counts.judge(examples(others), 1.0) == pytest.approx(found)


def test_neighbours_tell_what_shares_do_not_and_only_where_tokens_are_few(tmp_path: Path) -> None:
    # Each token but the first is told by the one before it.
    rows = (np.arange(8) + np.arange(60)[:, None]) % 16
    np.savez(tmp_path / "few.npz", x=rows)
    alone, beside = baselines(load(tmp_path / "few.npz", task="masked-lm"))
    assert beside.name == "shares between neighbours"
    assert alone.scores.values["perplexity"] == pytest.approx(16, rel=0.05)
    assert beside.scores.values["perplexity"] < 1.6
    assert beside.scores.values["accuracy"] == 1
    np.savez(tmp_path / "many.npz", x=rows + MOST_TOKENS)
    assert len(baselines(load(tmp_path / "many.npz", task="masked-lm"))) == 1
