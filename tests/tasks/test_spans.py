"""Spans of tags, and the score of whole entities."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectrans.tasks import TokenClassification
from spectrans.tasks.spans import are_tags, spans

WELL_FORMED = st.lists(
    st.one_of(
        st.just(["O"]),
        st.tuples(st.sampled_from("XY"), st.integers(1, 3)).map(
            lambda one: [f"B-{one[0]}", *[f"I-{one[0]}"] * (one[1] - 1)]
        ),
    )
)


def by_pattern(tags: list[str]) -> list[tuple[str, int, int]]:
    """The spans of well-formed BIO, found by a regular expression over one character a tag."""
    letters = "".join(
        "o" if t == "O" else {"B": "xy", "I": "ij"}[t[0]]["XY".index(t[2])] for t in tags
    )
    return [
        ("X" if m[0][0] == "x" else "Y", m.start(), m.end())
        for m in re.finditer("xi*|yj*", letters)
    ]


@given(WELL_FORMED)
def test_spans_of_bio_are_those_of_a_pattern(parts: list[list[str]]) -> None:
    tags = [tag for part in parts for tag in part]
    assert [tuple(span) for span in spans(tags)] == by_pattern(tags)


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("S-X O S-X", [("X", 0, 1), ("X", 2, 3)]),
        ("B-X E-X E-X", [("X", 0, 2), ("X", 2, 3)]),
        ("B-X I-X E-X B-Y E-Y", [("X", 0, 3), ("Y", 3, 5)]),
        ("I-X I-X B-X", [("X", 0, 2), ("X", 2, 3)]),
        ("I-X I-Y", [("X", 0, 1), ("Y", 1, 2)]),
        ("B-X what I-X", [("X", 0, 1), ("X", 2, 3)]),
        ("O", []),
    ],
)
def test_other_forms_and_stray_tags_are_read_as_the_conll_scorer_does(
    tags: str, wanted: list[tuple[str, int, int]]
) -> None:
    assert [tuple(span) for span in spans(tags.split())] == wanted


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [("O B-X I-X", True), ("O S-X", True), ("O COL", False), ("B I O", False), ("O E-X", False)],
)
def test_tags_are_known_by_their_prefixes(labels: str, wanted: bool) -> None:
    assert are_tags(labels.split()) is wanted


def test_entities_are_right_only_as_a_whole() -> None:
    task = TokenClassification(labels=("B-X", "I-X", "O"))
    truth = torch.tensor([[0, 1, 2, -100, 0], [2, 0, 1, 2, -100]])
    answer = torch.tensor([[0, 1, 2, 0, 0], [2, 0, 2, 2, 0]])
    meter = task.meter()
    meter.add(torch.nn.functional.one_hot(answer, 3).float(), truth)
    # Two of three are found, and three are answered.
    assert meter.scores().values["entity_f1"] == pytest.approx(2 / 3)
    assert task.lead.name == "entity_f1"


def test_classes_that_are_no_tags_have_no_entities() -> None:
    task = TokenClassification(labels=("O", "COL"))
    assert [metric.name for metric in task.metrics] == ["macro_f1", "accuracy"]
    assert "entity_f1" not in task.meter().scores().values
