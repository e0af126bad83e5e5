"""Recall, copying and induction against their definitions, row by row."""

import re
from functools import cache

import numpy as np
import pytest
from scipy.stats import chisquare

from spectrans.data import Dataset, Ids, load
from spectrans.data.baselines import baselines
from tests.data.digest import digest

FEW = "train=900&validation=50&test=50"
NO_LABEL = -100
made = cache(load)

Rows = list[tuple[list[int], list[int]]]


def rows(source: str) -> Rows:
    """Tokens and labels of the training rows."""
    train = made(f"{source}{'&' if '?' in source else '?'}{FEW}").train
    return [(t.tolist(), np.atleast_1d(label).tolist()) for t, label in zip(train.tokens, train.labels, strict=True)]  # fmt: skip


def recalled(tokens: list[int], labels: list[int], pairs: int, vocab: int) -> bool:
    """Whether a row is pairs, then blanks and each key once, labelled with its value."""
    known = dict(zip(tokens[0 : 2 * pairs : 2], tokens[1 : 2 * pairs : 2], strict=True))
    asked = {place: label for place, label in enumerate(labels) if label != NO_LABEL}
    blanks = {t for place, t in enumerate(tokens) if place >= 2 * pairs and place not in asked}
    return (
        len(known) == len(asked) == pairs
        and min(asked) >= 2 * pairs
        and {tokens[place]: vocab // 2 + label for place, label in asked.items()} == known
        and blanks <= {0}
    )


RECALLS = ["recall", "recall64?pairs=21", "recall30?pairs=4&vocab=12"]


@pytest.mark.parametrize("source", RECALLS)
def test_each_key_is_asked_for_once_and_answered_with_its_value(source: str) -> None:
    settings = dict(re.findall(r"(\w+)=(\d+)", source))
    pairs, vocab = int(settings.get("pairs", 8)), int(settings.get("vocab", 128))
    assert [row for row in rows(source) if not recalled(*row, pairs, vocab)] == []


def test_keys_and_values_are_equally_likely_and_of_different_kinds() -> None:
    found = rows("recall")
    keys = np.bincount([t for tokens, _ in found for t in tokens[0:16:2]], minlength=128)
    values = np.bincount([t for tokens, _ in found for t in tokens[1:16:2]], minlength=128)
    assert keys[64:].sum() == keys[0] == values[:64].sum() == 0
    # Drawn without putting back: a little more even than independent draws.
    assert chisquare(keys[1:64]).pvalue > 0.001
    assert chisquare(values[64:]).pvalue > 0.001


def test_recall_asks_sooner_more_often_than_later() -> None:
    places = [k for _, labels in rows("recall128") for k, y in enumerate(labels) if y != NO_LABEL]
    counts = np.bincount(places, minlength=128)[16:]
    assert counts[0] > 0.75 * len(rows("recall128"))
    assert counts[0] > 2 * counts[10] > 2 * counts[100] > 0


@pytest.mark.parametrize(
    ("source", "length", "tokens", "vocab"),
    [("copying", 256, 16, 16), ("copying20?tokens=20&vocab=3", 20, 20, 3), ("copying9?tokens=1", 9, 1, 16)],
)  # fmt: skip
def test_what_is_to_be_copied_is_what_stands_among_the_blanks(
    source: str, length: int, tokens: int, vocab: int
) -> None:
    kept = [[token for token in row[:length] if token] for row, _ in rows(source)]
    assert {len(found) for found in kept} == {tokens}
    assert max(map(max, kept)) == vocab
    assert {tuple(row[length:]) for row, _ in rows(source)} == {(vocab + 1,) * tokens}
    wanted = [[NO_LABEL] * length + [token - 1 for token in found] for found in kept]
    assert [labels for _, labels in rows(source)] == wanted


def test_every_place_holds_something_to_copy_equally_often() -> None:
    counts = np.sum([np.array(row[:256]) > 0 for row, _ in rows("copying")], axis=0)
    assert chisquare(counts).pvalue > 0.001
    kinds = np.bincount([y for _, labels in rows("copying") for y in labels[256:]])
    assert chisquare(kinds).pvalue > 0.001


def induced(row: list[int], label: list[int], vocab: int, marks: int) -> bool:
    """Whether each mark is there once, one more at the end, and its token is the label."""
    places = [place for place, token in enumerate(row) if token >= vocab]
    before = [place for place in places[:-1] if row[place] == row[-1]]
    return (
        len(places) == marks + 1
        and places[-1] == len(row) - 1
        and len(before) == 1
        and [row[before[0] + 1]] == label
        and label[0] < vocab
        and len({row[place] for place in places[:-1]}) == marks
    )


@pytest.mark.parametrize(
    ("source", "vocab", "marks"),
    [("induction", 16, 1), ("induction64?marks=8", 16, 8), ("induction9?marks=4&vocab=3", 3, 4)],
)
def test_the_answer_is_what_followed_the_mark_at_the_end(
    source: str, vocab: int, marks: int
) -> None:
    assert [row for row in rows(source) if not induced(*row, vocab, marks)] == []


@pytest.mark.parametrize(("source", "marks"), [("induction64", 1), ("induction64?marks=8", 8)])
def test_marks_stand_anywhere(source: str, marks: int) -> None:
    places = [k for row, _ in rows(source) for k, token in enumerate(row[:-1]) if token >= 16]
    counts = np.bincount(places, minlength=63)
    assert counts[62] == 0
    assert (min(places), max(places)) == (0, 61)
    expected = marks * 900 / 62
    assert np.abs(counts[3:59] - expected).max() < 6 * np.sqrt(expected)


def test_answers_are_equally_likely() -> None:
    labels = [label for _, (label,) in rows("induction")]
    assert chisquare(np.bincount(labels, minlength=16)).pvalue > 0.001


def figure(dataset: Dataset) -> dict[str, float]:
    return {b.name: b.scores.values["accuracy"] for b in baselines(dataset)}


@pytest.mark.parametrize("source", ["recall32?pairs=4&vocab=16", "copying32?tokens=4&vocab=8"])
def test_a_linear_model_of_neighbours_finds_hardly_more_than_chance(source: str) -> None:
    found = figure(load(f"{source}&train=600&validation=100&test=300"))
    assert found["linear"] < 0.3


def test_a_linear_model_of_pairs_solves_induction_with_one_mark_and_not_with_several() -> None:
    few = "train=1500&validation=200&test=300&vocab=4"
    assert figure(load(f"induction32?{few}"))["linear"] > 0.95
    assert figure(load(f"induction32?{few}&marks=8"))["linear"] < 0.6


def test_where_a_linear_model_would_be_too_large_there_is_none() -> None:
    found = figure(load("recall64?vocab=4096&train=40&validation=9&test=9"))
    assert list(found) == ["majority class"]


@pytest.mark.parametrize(
    ("source", "vocab", "length", "kind"),
    [
        ("recall64", 128, 64, "token-classification"),
        ("copying64?tokens=4", 18, 68, "token-classification"),
        ("induction64?marks=3", 19, 64, "classification"),
    ],
)
def test_what_a_model_is_told_fits_the_task(
    source: str, vocab: int, length: int, kind: str
) -> None:
    dataset = load(f"{source}{'&' if '?' in source else '?'}{FEW}")
    assert (dataset.encoding, dataset.max_length) == (Ids(vocab_size=vocab), length)
    assert dataset.task.kind == kind
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (900, 50, 50)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("recall", "efb4f4044448f15e"),
        ("copying", "197be7b026adbbab"),
        ("induction", "636a3652cd02fcbe"),
    ],
)
def test_the_published_tasks_never_change(source: str, expected: str) -> None:
    # Scores in the documentation belong to these bytes.
    few = f"{source}?train=20&validation=9&test=9"
    assert digest(load(few)) == expected
    assert digest(load(few, seed=1)) != expected


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("recall64?pairs=22", "pairs must be at most 21, a third of the length and fewer than half of vocab, got 22"),
        ("recall64?vocab=12&pairs=6", "pairs must be at most 5, a third of the length"),
        ("copying8", "tokens must be at most length=8, got 16"),
        ("induction8?marks=4", "marks must be below half of length=8, got 4"),
        ("recall?keys=3", "unknown recall option 'keys' (available: length, pairs, "),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_one_sentence(source: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load(source)
