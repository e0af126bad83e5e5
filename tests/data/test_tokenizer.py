"""Texts as pieces of words."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from spectrans.data import Dataset, Subwords, load
from spectrans.data.tokenizer import TRAINED, Tokenizer, make
from spectrans.tasks.tokens import NO_LABEL

TEXTS = [f"grün apples {n} and 👍 pears" for n in range(60)]


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [{"text": text, "label": "ab"[n % 2]} for n, text in enumerate(TEXTS)]
    return jsonl(tmp_path / "a.jsonl", rows)


def tokenizer_of(made: Dataset) -> Tokenizer:
    assert made.tokenizer is not None
    return Tokenizer(made.tokenizer)


def test_pieces_of_a_trained_bpe_spell_the_text(table: Path) -> None:
    made = load(table, tokenizer="bpe", vocab_size=300)
    spelt = {
        tokenizer_of(made).text(tokens)
        for split in (made.train, made.validation, made.test)
        for tokens in split.tokens
    }
    assert spelt == set(TEXTS)
    assert isinstance(made.encoding, Subwords)
    assert made.encoding.vocab_size == 300
    assert made.max_length < len(TEXTS[-1])


def test_a_tokenizer_is_trained_on_the_training_rows_alone(tmp_path: Path) -> None:
    words = ["apple apple", "orange orange", "cherry cherry"]
    for name, word in zip(("train", "validation", "test"), words, strict=True):
        rows = [{"text": f"{word} {n}", "label": "ab"[n % 2]} for n in range(9)]
        jsonl(tmp_path / f"{name}.jsonl", rows)
    vocabulary = tokenizer_of(load(tmp_path, tokenizer="bpe")).inner.get_vocab()
    assert "apple" in vocabulary
    assert not {"orange", "cherry"} & set(vocabulary)


@pytest.mark.parametrize("kind", TRAINED)
def test_the_same_data_give_the_same_tokenizer(table: Path, kind: str) -> None:
    made = [load(table, tokenizer=kind) for _ in range(2)]
    assert made[0].tokenizer == made[1].tokenizer
    assert made[0].encoding == made[1].encoding


@pytest.mark.parametrize("form", ["file", "folder"])
def test_an_existing_tokenizer_is_taken_as_it_is(table: Path, tmp_path: Path, form: str) -> None:
    existing = make("wordpiece", None, TEXTS)
    existing.inner.enable_truncation(2)
    existing.inner.save(str(tmp_path / "tokenizer.json"))
    path = tmp_path / "tokenizer.json" if form == "file" else tmp_path
    made = load(table, tokenizer=str(path))
    row = TEXTS.index(tokenizer_of(made).text(made.train.tokens[0]).replace(" ##", ""))
    wanted = Tokenizer(existing.written).cut([TEXTS[row]])[0].ids
    assert made.train.tokens[0].tolist() == wanted.tolist()


@pytest.mark.parametrize("kind", TRAINED)
def test_a_word_has_its_class_at_its_first_piece(tmp_path: Path, kind: str) -> None:
    rows = [
        {"tokens": [f"{n}x{n * n}", "grün", f"👍{n}"], "tags": ["A", "B", "C"]} for n in range(40)
    ]
    made = load(jsonl(tmp_path / "a.jsonl", rows), tokenizer=kind)
    for split in (made.train, made.validation, made.test):
        asked = [label[label != NO_LABEL].tolist() for label in split.labels]
        assert asked == [[0, 1, 2]] * len(split)
    assert made.train.labels[0][0] == 0


def test_words_of_wordpiece_are_known_or_begin_a_word(table: Path) -> None:
    made = load(table, tokenizer="wordpiece", vocab_size=300)
    tokenizer = tokenizer_of(made)
    spelt = {tokenizer.text(tokens) for tokens in made.train.tokens}
    assert spelt <= set(TEXTS)
    (pieces,) = tokenizer.cut(["apples zz"])
    vocabulary = {number: piece for piece, number in tokenizer.inner.get_vocab().items()}
    assert [vocabulary[k] for k in pieces.ids.tolist()] == ["apples", "[UNK]"]


def test_a_whole_word_is_one_piece_and_a_rare_one_unknown(table: Path, tmp_path: Path) -> None:
    made = load(table, tokenizer="word")
    (pieces,) = tokenizer_of(made).cut(["apples, applesx"])
    vocabulary = tokenizer_of(made).inner.get_vocab()
    named = {number: piece for piece, number in vocabulary.items()}
    assert [named[k] for k in pieces.ids.tolist()] == ["apples", "[UNK]", "[UNK]"]
    assert made.encoding.describe() == f"{len(vocabulary):,} whole words (word)"
    rows = [{"text": f"often n{n}", "label": "ab"[n % 2]} for n in range(900)]
    few = load(jsonl(tmp_path / "rare.jsonl", rows), tokenizer="word", vocab_size=300)
    known = tokenizer_of(few).inner.get_vocab()
    assert len(known) == 300
    # Of words as common as each other the first ones are kept.
    assert {"often", "n0", "n1"} <= set(known)
    assert "n99" not in known


def test_texts_are_cut_to_so_many_pieces(table: Path) -> None:
    whole = load(table, tokenizer="bpe")
    made = load(table, tokenizer="bpe", max_length=5)
    assert made.max_length == 5
    assert made.truncated == len(TEXTS)
    assert made.reading is not None
    assert made.reading.unit == "tokens"
    assert made.reading.lengths.max() == whole.max_length


def test_hidden_pieces_have_a_mark_of_their_own(table: Path) -> None:
    made = load(table, task="masked-lm", tokenizer="bpe")
    assert made.task.mask == tokenizer_of(made).inner.token_to_id("[MASK]")  # type: ignore[attr-defined]
    assert not any((tokens == made.task.mask).any() for tokens in made.train.tokens)  # type: ignore[attr-defined]


NUMBERS = [{"sequence": [1, 2], "label": "ab"[n % 2]} for n in range(9)]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"tokenizer": "bpee"},
            "tokenizer must be 'byte', 'bpe', 'wordpiece', 'word', a tokenizer.json or a folder with "
            "one, got 'bpee'",
        ),
        (
            {"vocab_size": 500},
            "vocab_size must be left out unless a tokenizer is trained, bpe, wordpiece or word, "
            "got 500",
        ),
        (
            {"tokenizer": "bpe", "vocab_size": 9},
            "vocab_size must be greater than or equal to 300, got 9",
        ),
    ],
    ids=["unknown", "size of bytes", "small"],
)
def test_a_tokenizer_that_cannot_be_is_refused(
    table: Path, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        load(table, **settings)


def test_a_file_that_is_no_tokenizer_is_refused(table: Path) -> None:
    with pytest.raises(ValueError, match=r"^a.jsonl must be a tokenizer, got: "):
        load(table, tokenizer=str(table))


def test_numbers_have_no_tokenizer(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", NUMBERS)
    with pytest.raises(ValueError, match="tokenizer must be left out where rows are no texts"):
        load(path, tokenizer="bpe")


def test_without_the_library_the_install_line_is_named(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(ValueError, match=r'^tokenizers are not installed: pip install "spectrans-'):
        load(table, tokenizer="bpe")
