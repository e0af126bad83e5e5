"""The embedded texts in pieces of words, and with hidden tokens."""

import re
from typing import Any

import numpy as np
import pytest

from spectrans.data import Bytes, Subwords, load
from spectrans.data.baselines import baselines
from spectrans.data.tokenizer import Tokenizer
from spectrans.tasks import MaskedLM
from tests.data.digest import digest


def test_pieces_spell_the_same_texts_in_the_same_splits() -> None:
    plain, made = load("languages32"), load("languages32", tokenizer="bpe", vocab_size=600)
    assert made.tokenizer is not None
    cutter = Tokenizer(made.tokenizer)
    spelt = [cutter.text(row) for row in made.test.tokens]
    assert spelt == [row.tobytes().decode() for row in plain.test.tokens]
    assert made.test.labels.tolist() == plain.test.labels.tolist()
    assert isinstance(made.encoding, Subwords)
    assert made.encoding.vocab_size <= 600
    assert made.max_length == max(
        len(row) for row in (*made.train.tokens, *made.test.tokens, *made.validation.tokens)
    )


def test_the_byte_tokenizer_changes_nothing() -> None:
    assert digest(load("languages32", tokenizer="byte")) == digest(load("languages32"))


def test_the_texts_can_be_asked_for_their_hidden_bytes() -> None:
    plain, made = load("languages32"), load("languages32", task="masked-lm")
    assert made.task == MaskedLM(mask=0, vocab_size=256)
    assert (made.encoding, made.train.labels) == (Bytes(), None)
    assert all(map(np.array_equal, made.train.tokens, plain.train.tokens))
    # Nothing in a text is what stands for a hidden byte.
    assert min(row.min() for row in made.train.tokens) > 0
    assert made.description.endswith("with hidden tokens to find")


def test_pieces_can_be_hidden_too() -> None:
    made = load("languages32", task="masked-lm", tokenizer="wordpiece", vocab_size=500)
    assert isinstance(made.task, MaskedLM)
    assert made.task.vocab_size == made.encoding.inputs()["vocab_size"] <= 500
    shares, _ = baselines(made)
    assert 0 < shares.scores.values["accuracy"] < 0.2


def test_the_task_that_a_name_has_may_be_said() -> None:
    assert digest(load("digits", task="classification")) == digest(load("digits"))


@pytest.mark.parametrize(
    ("source", "settings", "sentence"),
    [
        ("digits", {"tokenizer": "bpe"}, "tokenizer must be left out for 'digits', whose rows are no texts, got 'bpe'"),
        ("digits", {"task": "masked-lm"}, "task must be classification for 'digits', got 'masked-lm'"),
        ("languages", {"task": "regression"}, "task must be classification or masked-lm for 'languages', got 'regression'"),
        ("languages", {"vocab_size": 500}, "vocab_size must be left out unless a tokenizer is trained"),
        ("languages", {"tokenizer": "bpe", "max_length": 3}, "max_length must be at least "),
    ],
)  # fmt: skip
def test_what_the_rows_cannot_be_is_refused(
    source: str, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load(source, **settings)
