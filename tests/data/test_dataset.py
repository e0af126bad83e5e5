"""A data set refuses what would only fail later, or not at all, inside a model."""

import re
from typing import Any

import numpy as np
import pytest

from spectrans.data import Dataset, Examples, Ids
from spectrans.tasks import Classification


def examples(
    tokens: tuple[tuple[int, ...], ...] = ((0, 1), (2,), (3, 4, 5)),
    labels: tuple[int, ...] = (0, 1, 1),
    kind: type[np.integer] = np.uint8,
) -> Examples:
    sequences = tuple(np.array(sequence, dtype=kind) for sequence in tokens)
    return Examples(sequences, np.array(labels, dtype=np.int64))


def dataset(**changes: Any) -> Dataset:
    fields: dict[str, Any] = {
        "name": "tiny",
        "train": examples(),
        "validation": examples(),
        "test": examples(),
        "task": Classification(labels=("no", "yes")),
        "encoding": Ids(vocab_size=6),
        "max_length": 3,
        "description": "three sequences",
        "licence": "none",
    }
    return Dataset(**fields | changes)


def test_a_sound_dataset_keeps_what_it_was_given() -> None:
    made = dataset()
    assert (len(made.train), made.truncated) == (3, 0)
    assert repr(made.test) == "Examples(3 sequences)"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"train": examples((), ())}, "train must hold at least one example, got 0"),
        ({"validation": examples((), ())}, "validation must hold at least one example, got 0"),
        ({"test": examples((), ())}, "test must hold at least one example, got 0"),
        (
            {"test": examples(labels=(0, 1, 2))},
            "test.labels[2] must be between 0 and 1, got 2",
        ),
        (
            {"train": examples(labels=(0, -1, 1))},
            "train.labels[1] must be between 0 and 1, got -1",
        ),
        (
            {"validation": examples(((0,), (6, 1), (2,)))},
            "validation.tokens[1] must be between 0 and 5, got 6",
        ),
        (
            {"train": examples(((0,), (2,), (1, -3, 2)), kind=np.int32)},
            "train.tokens[2] must be between 0 and 5, got -3",
        ),
        (
            {"train": examples(((0,), (), (2,)))},
            "the length of train.tokens[1] must be between 1 and 3, got 0",
        ),
        (
            {"test": examples(((0,), (1,), (1, 1, 1, 1)))},
            "the length of test.tokens[2] must be between 1 and 3, got 4",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_dataset_is_refused_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        dataset(**changes)


BYTE = np.zeros(3, dtype=np.uint8)


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize(
    ("tokens", "labels", "sentence"),
    [
        (
            (BYTE,),
            np.zeros(2, dtype=np.int64),
            "labels must have one entry for each of the 1 sequences, got 2",
        ),
        (
            (BYTE, np.zeros((2, 2), dtype=np.uint8)),
            np.zeros(2, dtype=np.int64),
            "sequence 1 must be of the type and width of the first, uint8 (), got 'uint8 (2,)'",
        ),
        (
            (BYTE, BYTE),
            np.zeros(2, dtype=np.int32),
            "train.labels must be a 1-D int64 array, got '1-D int32'",
        ),
        (
            (np.zeros(3),),
            np.zeros(1, dtype=np.int64),
            "train.tokens must be 1-D arrays of integers, got '1-D float64'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_examples_are_refused_in_one_sentence(
    tokens: tuple[np.ndarray, ...], labels: np.ndarray, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        dataset(train=Examples(tokens, labels))
