"""What a source asks is guessed from its rows, read, and refused in one sentence."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spectrans.data import Dataset, Vectors, load
from spectrans.data.baselines import baselines
from spectrans.tasks import MaskedLM, MultiLabel, Regression, TokenClassification


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def table(path: Path, head: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def labelled(made: Dataset) -> dict[str, Any]:
    return {
        bytes(tokens).decode(): made.task.truth(label)
        for split in (made.train, made.validation, made.test)
        for tokens, label in zip(split.tokens, split.labels, strict=True)
    }


COLOURS = ("blue", "green", "red")
SETS = [[c for k, c in enumerate(COLOURS) if n >> k & 1] for n in range(8)] * 6


@pytest.mark.parametrize("form", ["lists", "separators", "columns"])
def test_sets_of_classes_are_read_in_any_form(tmp_path: Path, form: str) -> None:
    texts = [f"row {n}" for n in range(len(SETS))]
    flags: list[list[object]] = [
        [t, *(int(c in s) for c in COLOURS)] for t, s in zip(texts, SETS, strict=True)
    ]
    sets: list[list[object]] = [[t, " | ".join(s)] for t, s in zip(texts, SETS, strict=True)]
    rows = [{"text": t, "label": s} for t, s in zip(texts, SETS, strict=True)]
    made = {
        "lists": lambda: load(jsonl(tmp_path / "a.jsonl", rows)),
        "separators": lambda: load(
            table(tmp_path / "a.csv", ["text", "label"], sets), task="multi-label"
        ),
        "columns": lambda: load(
            table(tmp_path / "b.csv", ["text", *COLOURS], flags), label=COLOURS
        ),
    }[form]()
    assert made.task == MultiLabel(labels=COLOURS)
    assert labelled(made) == dict(zip(texts, SETS, strict=True))


def test_every_split_has_its_share_of_each_set_of_classes(tmp_path: Path) -> None:
    rows = [{"text": f"row {n}", "label": SETS[n % 8]} for n in range(160)]
    made = load(jsonl(tmp_path / "a.jsonl", rows))
    sets = np.unique(made.test.labels, axis=0, return_counts=True)
    assert sets[1].tolist() == [3] * 8


def test_numbers_with_fractions_are_to_be_predicted(tmp_path: Path) -> None:
    rows: list[list[object]] = [[f"row {n}", n * 0.5] for n in range(60)]
    made = load(table(tmp_path / "a.csv", ["text", "score"], rows), label="score")
    assert isinstance(made.task, Regression)
    assert labelled(made) == {f"row {n}": {"score": n * 0.5} for n in range(60)}
    np.testing.assert_allclose(made.task.mean, 14.75)
    # One of each tenth of the numbers.
    assert np.bincount((made.test.labels[:, 0] // 3).astype(int)).tolist() == [1] * 10


def test_many_different_whole_numbers_are_amounts(tmp_path: Path) -> None:
    rows: list[list[object]] = [[f"row {n}", n] for n in range(120)]
    path = table(tmp_path / "a.csv", ["text", "label"], rows)
    assert load(path).task.kind == "regression"


WORDS = [{"tokens": ["Ana", "in", f"Rom{n}"], "ner_tags": ["PER", "O", "LOC"]} for n in range(12)]


def test_a_word_has_its_class_at_its_first_byte(tmp_path: Path) -> None:
    made = load(jsonl(tmp_path / "a.jsonl", WORDS))
    assert made.task == TokenClassification(labels=("LOC", "O", "PER"))
    assert (
        labelled(made)["Ana in Rom3"]
        == ["PER", None, None, None, "O", None, None, "LOC"] + [None] * 3
    )


def test_words_of_a_table_stand_between_blanks(tmp_path: Path) -> None:
    rows: list[list[object]] = [[" ".join(r["tokens"]), " ".join(r["ner_tags"])] for r in WORDS]
    path = table(tmp_path / "a.csv", ["text", "tags"], rows)
    wanted = labelled(load(jsonl(tmp_path / "a.jsonl", WORDS)))
    assert labelled(load(path, task="token-classification")) == wanted


def test_words_beyond_the_cut_are_not_asked_for(tmp_path: Path) -> None:
    rows = [{**row, "tokens": [f"Ana{n:02d}", "in", "Rome"]} for n, row in enumerate(WORDS)]
    made = load(jsonl(tmp_path / "a.jsonl", rows), max_length=7)
    assert labelled(made)["Ana03 i"] == ["PER", None, None, None, None, None, "O"]


def test_each_id_of_a_padded_array_may_have_a_class(tmp_path: Path) -> None:
    x, lengths = np.arange(80).reshape(20, 4), np.arange(20) % 4 + 1
    np.savez(tmp_path / "a.npz", x=x, y=x % 3, lengths=lengths)
    made = load(tmp_path / "a.npz")
    assert made.task.kind == "token-classification"
    found = [
        (tokens.tolist(), label.tolist())
        for split in (made.train, made.validation, made.test)
        for tokens, label in zip(split.tokens, split.labels, strict=True)
    ]
    wanted = [(row[:n].tolist(), (row[:n] % 3).tolist()) for row, n in zip(x, lengths, strict=True)]
    assert sorted(found) == sorted(wanted)


def test_plain_text_is_learnt_without_labels(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"line {n}\n\n" for n in range(20)))
    made = load(tmp_path / "a.txt")
    assert made.task == MaskedLM(mask=0, vocab_size=256)
    assert made.train.labels is None
    assert len(made.train) + len(made.validation) + len(made.test) == 20
    names = [b.name for b in baselines(made)]
    assert names == ["shares of tokens", "shares between neighbours"]


def test_masked_ids_get_an_id_of_their_own(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(60).reshape(20, 3))
    made = load(tmp_path / "a.npz", task="masked-lm")
    assert made.task == MaskedLM(mask=60, vocab_size=60)
    assert made.encoding.inputs() == {"vocab_size": 61}


VALUES = np.random.RandomState(0).randn(40, 6, 2) * [3, 0] + [100, 7]


@pytest.mark.parametrize("padded", [True, False], ids=["padded", "end to end"])
def test_vectors_of_any_length_are_scaled_by_the_rows_to_train_on(
    tmp_path: Path, padded: bool
) -> None:
    lengths = np.arange(40) % 6 + 1
    flat = np.concatenate([row[:n] for row, n in zip(VALUES, lengths, strict=True)])
    np.savez(tmp_path / "a.npz", x=VALUES if padded else flat, y=np.arange(40) % 2, lengths=lengths)
    made = load(tmp_path / "a.npz")
    assert isinstance(made.encoding, Vectors)
    np.testing.assert_allclose(made.encoding.mean, flat.mean(0), rtol=1e-6)
    np.testing.assert_allclose(made.encoding.scale, [flat[:, 0].std(), 1], rtol=1e-5)
    shown = made.encoding.present(made.train.tokens[0])
    assert shown.shape == (len(made.train.tokens[0]), 34)
    np.testing.assert_allclose(shown[:, 0] * flat[:, 0].std() + flat[:, 0].mean(),
                               made.train.tokens[0][:, 0], rtol=1e-5)  # fmt: skip
    assert np.abs(shown[:, 1:]).max() == 0


def test_numbers_one_by_one_are_vectors_of_one_channel(tmp_path: Path) -> None:
    rows = [{"sequence": [n / 7, 2.5, n], "label": "ab"[n % 2]} for n in range(12)]
    made = load(jsonl(tmp_path / "a.jsonl", rows))
    assert made.encoding.describe() == "vectors of 1 channel"
    assert made.train.tokens[0].shape == (3, 1)


LINEAR = {
    "vectors": lambda n: {"sequence": [[float(n % 2), n / 9]] * 3, "label": n % 2},
    "multi-label": lambda n: {
        "text": f"{n:03d} {'a' * (n % 2)}",
        "label": ["even", "odd"][n % 2 :],
    },
    "regression": lambda n: {"text": "a" * (n % 9 + 1) + f"{n:03d}", "label": n % 9 + 0.5},
    "tokens": lambda n: {"tokens": [f"{n}x", "y"], "tags": ["X", "Y"]},
}


@pytest.mark.parametrize("form", LINEAR)
def test_a_linear_model_beats_what_looks_at_no_input(tmp_path: Path, form: str) -> None:
    made = load(jsonl(tmp_path / "a.jsonl", [LINEAR[form](n) for n in range(90)]))
    still, fitted = (made.task.lead.rank(b.value(made.task)) for b in baselines(made))
    assert fitted > still + 0.1


FAULTS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str]] = {
    "no number": (
        [{"text": "a", "label": 1.5}, {"text": "b", "label": "much"}], {"task": "regression"},
        "line 2: label must be a finite number, got 'much'; correct or remove the row",
    ),
    "empty number": (
        [{"text": "a", "label": 1.5}, {"text": "b", "label": None}], {},
        "line 2: label must not be empty, got None; write a number or remove the row",
    ),
    "one number": (
        [{"text": t, "label": 1.5} for t in "abcdef"], {},
        " must have different numbers to train on, got only 1.5 in 'label'",
    ),
    "labels of other length": (
        [*WORDS, {"tokens": ["a", "b"], "ner_tags": ["O"]}], {"task": "token-classification"},
        "line 13: ner_tags must have one class for each of the 2 words or tokens, "
        "got '1 classes'",
    ),
    "word with a blank": (
        [*WORDS, {"tokens": ["a b"], "ner_tags": ["O"]}], {},
        "line 13: tokens must hold words with something in them and no blank, got 'a b'",
    ),
    "one class of words": (
        [{"tokens": ["a", str(n)], "tags": ["O", "O"]} for n in range(4)], {},
        " must have at least 2 classes, got only 'O'",
    ),
    "flag that is none": (
        [{"text": "a", "x": 1, "y": 2}], {"label": ("x", "y"), "task": "multi-label"},
        "line 1: x and y must hold 0 or 1 in each column, got 2",
    ),
    "set that is none": (
        [{"text": "a", "label": 3}], {"task": "multi-label"},
        "line 1: label must be a list of classes, got 3; write names in a list, or in a table "
        "as a|b",
    ),
    "another width": (
        [{"sequence": [[1.5, 2]], "label": "a"}, {"sequence": [[1.5]], "label": "b"}], {},
        "line 2: sequence must hold vectors of 2 channels, as in the first row, got shape (1, 1)",
    ),
    "gap": (
        [{"sequence": [1.5, float("nan")], "label": "a"}], {},
        "line 1: sequence must hold finite numbers, got nan at position 1; fill the gap or remove "
        "the row",
    ),
    "labels of masked text": (
        [{"text": "a", "label": 3}], {"task": "masked-lm", "label": "label"},
        "label must be left out for masked-lm, got ('label',)",
    ),
    "masked vectors": (
        [{"sequence": [n + 0.5]} for n in range(9)], {"task": "masked-lm"},
        " must hold texts or ids for masked-lm, got vectors of numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "settings", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_label_that_is_no_answer_is_told_in_one_sentence(
    tmp_path: Path, rows: list[dict[str, Any]], settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^(a.jsonl ?)?{re.escape(sentence.lstrip())}$"):
        load(jsonl(tmp_path / "a.jsonl", rows), **settings)
