"""The scores beside which every model is shown."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from spectrans.data import Bytes, Dataset, Examples, Pixels, load
from spectrans.data.baselines import Baseline, _fit, baselines, constant, linear
from spectrans.data.encoding import AnyEncoding
from spectrans.data.features import _count
from spectrans.tasks import Classification


def examples(rows: np.ndarray, labels: np.ndarray) -> Examples:
    return Examples(tuple(rows), labels.astype(np.int64))


PIXELS, BYTES = Pixels(vocab_size=256), Bytes()


def accuracy(baseline: Baseline) -> float:
    return baseline.scores.values["accuracy"]


def task(rows: np.ndarray, labels: np.ndarray, kind: AnyEncoding = PIXELS) -> Dataset:
    """Three splits of equal size: rows i, i + 3, i + 6 ..."""
    train, validation, test = (examples(rows[i::3], labels[i::3]) for i in range(3))
    return Dataset(
        name="made",
        train=train,
        validation=validation,
        test=test,
        task=Classification(labels=tuple("abc")),
        encoding=kind,
        max_length=rows.shape[1],
        description="",
        licence="",
    )


def random_rows(count: int, length: int, values: int) -> np.ndarray:
    return np.random.RandomState(0).randint(0, values, (count, length)).astype(np.uint8)


def test_majority_answers_the_commonest_class_of_the_training_split() -> None:
    labels = np.array([2, 0, 0] * 8 + [1, 2, 2] * 2)
    made = task(random_rows(30, 4, 9), labels)
    # Train: 8 times class 2, twice class 1. Test: 8 times class 0, twice class 2.
    assert accuracy(constant(made)) == 0.2


def test_linear_solves_what_one_pixel_decides() -> None:
    rows = random_rows(300, 5, 16)
    assert accuracy(linear(task(rows, rows[:, 3] // 6))) > 0.97


def test_linear_solves_what_one_byte_decides() -> None:
    rows = random_rows(300, 20, 200)
    labels = np.arange(300) // 3 % 3
    rows[np.arange(300), labels * 5] = 250 + labels
    assert accuracy(linear(task(rows, labels, BYTES))) > 0.97


@pytest.mark.parametrize("kind", [PIXELS, BYTES], ids=["pixel", "byte"])
def test_linear_cannot_guess_labels_that_depend_on_nothing(kind: AnyEncoding) -> None:
    labels = np.random.RandomState(1).randint(0, 3, 600)
    # 200 test rows at one third: standard deviation 0.033.
    assert abs(accuracy(linear(task(random_rows(600, 6, 16), labels, kind))) - 1 / 3) < 4 * 0.034


@pytest.mark.parametrize("kind", [PIXELS, BYTES], ids=["pixel", "byte"])
def test_linear_never_learns_from_the_test_split(kind: AnyEncoding) -> None:
    rows = random_rows(90, 6, 16)
    made = task(rows, rows[:, 0] // 6, kind)
    wrong = replace(made, test=Examples(made.test.tokens, (made.test.labels + 1) % 3))
    twisted = replace(made, test=Examples(made.test.tokens, (made.test.labels + 2) % 3))
    assert sum(accuracy(linear(t)) for t in (made, wrong, twisted)) == pytest.approx(1)


def test_a_pixel_that_never_changes_does_no_harm() -> None:
    rows = random_rows(90, 6, 16)
    blank = np.concatenate([rows, np.full((90, 1), 7, dtype=np.uint8)], axis=1)
    labels = rows[:, 0] // 6
    assert accuracy(linear(task(blank, labels))) == accuracy(linear(task(rows, labels)))


def test_pixel_sequences_of_several_lengths_are_refused() -> None:
    made = task(random_rows(30, 6, 16), np.arange(30) // 3 % 3)
    short = replace(
        made, test=Examples((np.zeros(2, dtype=np.uint8),), np.zeros(1, dtype=np.int64))
    )
    with pytest.raises(
        ValueError, match=r"^sequences of pixels must have one length, got \[2, 6\]"
    ):
        linear(short)


@pytest.mark.parametrize(
    "text", [b"a", b"ab", b"abc", b"banana bandana", b"\x00\x00\x00", "日本".encode()]
)
def test_ngrams_are_counted_like_slices_of_the_text(text: bytes) -> None:
    slices = Counter(text[i : i + n] for n in (1, 2, 3) for i in range(len(text) - n + 1))
    ids, counts = _count(np.frombuffer(bytearray(text), dtype=np.uint8), 256)
    assert len(set(ids.tolist())) == len(ids)
    assert sorted(counts.tolist()) == sorted(slices.values())


def test_different_ngrams_have_different_numbers() -> None:
    texts = [
        bytes(pair)
        for pair in ((0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (255, 255), (1, 0, 0))
    ]
    last = [
        int(_count(np.frombuffer(bytearray(text), dtype=np.uint8), 256)[0][-1]) for text in texts
    ]
    assert len(set(last)) == len(texts)


@pytest.mark.parametrize("strength", [1.0, 0.1, 0.01])
def test_the_fit_is_the_minimum_that_another_optimiser_finds(strength: float) -> None:
    random = np.random.RandomState(0)
    features, labels = random.randn(40, 3), random.randint(0, 3, 40)

    def loss(flat: np.ndarray) -> Any:
        weights = flat.reshape(4, 3)
        scores = features @ weights[:3] + weights[3]
        norms = np.log(np.exp(scores).sum(axis=1))
        return (norms - scores[np.arange(40), labels]).mean() + strength / 2 * (
            weights[:3] ** 2
        ).sum()

    wanted = minimize(loss, np.zeros(12), method="BFGS", options={"gtol": 1e-9})
    start = torch.zeros(4, 3, dtype=torch.float64)
    answer = Classification(labels=tuple("abc"))
    found = _fit(answer, torch.tensor(features), torch.tensor(labels), start, strength).numpy()
    assert loss(found.ravel()) == pytest.approx(wanted.fun, abs=1e-9)
    assert np.abs(found[:3] - wanted.x.reshape(4, 3)[:3]).max() < 1e-4


def test_digits_need_more_than_a_linear_model() -> None:
    made = load("digits12")
    found = baselines(made)
    assert [baseline.name for baseline in found] == ["majority class", "linear"]
    assert accuracy(found[0]) == 0.1
    assert 0.25 < accuracy(found[1]) < 0.5
