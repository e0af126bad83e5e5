"""Every pipeline of transformers that an encoder of text fits, against the model called by hand."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import pipeline

from spectrans.hf import (
    SpectransForMaskedLM,
    SpectransForQuestionAnswering,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
    SpectransModel,
)
from tests.hf.made import build
from tests.hf.text import tokenizer

TEXTS = ["Everyone has the right to life.", "Nul ne sera soumis", "Alle Menschen"]
NAMES: dict[str, Any] = {
    "id2label": {0: "no", 1: "maybe", 2: "yes"},
    "label2id": {"no": 0, "maybe": 1, "yes": 2},
}


def folder(cls: Any, path: Path, **changes: Any) -> tuple[str, Any]:
    """A saved model with its tokenizer, and the model."""
    model = build(cls, "hybrid", vocab_size=len(tokenizer()), sequence_length=64, **changes)
    model.save_pretrained(path)
    tokenizer().save_pretrained(path)
    return str(path), model


def alone(text: str, **settings: Any) -> Any:
    return tokenizer()(text, return_tensors="pt", **settings)


@pytest.fixture(autouse=True)
def nothing_said(caplog: pytest.LogCaptureFixture) -> Any:
    """A pipeline only logs that it does not know a model, so that must not happen."""
    with caplog.at_level(logging.ERROR, logger="transformers"):
        yield
    assert caplog.records == []


@pytest.mark.parametrize("batch_size", [1, 3])
def test_text_classification(batch_size: int, tmp_path: Path) -> None:
    path, model = folder(SpectransForSequenceClassification, tmp_path, **NAMES)
    classify: Any = pipeline("text-classification", model=path, top_k=None)
    for text, found in zip(TEXTS, classify(TEXTS, batch_size=batch_size), strict=True):
        scores = model(**alone(text)).logits.softmax(-1)[0]
        expected = {name: scores[number].item() for number, name in NAMES["id2label"].items()}
        assert {one["label"]: one["score"] for one in found} == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("problem", "function"),
    [("multi_label_classification", torch.sigmoid), ("regression", torch.nn.Identity())],
)
def test_text_classification_knows_the_problem(problem: Any, function: Any, tmp_path: Path) -> None:
    changes = {**NAMES, "problem_type": problem}
    path, model = folder(SpectransForSequenceClassification, tmp_path, **changes)
    classify: Any = pipeline("text-classification", model=path, top_k=None)
    (found,) = classify([TEXTS[0]])
    expected = function(model(**alone(TEXTS[0])).logits)[0].sort(descending=True).values
    assert [one["score"] for one in found] == pytest.approx(expected.tolist(), abs=1e-5)


def test_fill_mask(tmp_path: Path) -> None:
    path, model = folder(SpectransForMaskedLM, tmp_path)
    text = TEXTS[0].replace("right", "[MASK]")
    fill: Any = pipeline("fill-mask", model=path, top_k=5)
    found = fill(text)
    inputs = alone(text)
    place = (inputs["input_ids"][0] == tokenizer().mask_token_id).nonzero().item()
    best = model(**inputs).logits[0, place].softmax(-1).topk(5)
    assert [one["token"] for one in found] == best.indices.tolist()
    assert [one["score"] for one in found] == pytest.approx(best.values.tolist(), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_token_classification(batch_size: int, tmp_path: Path) -> None:
    path, model = folder(SpectransForTokenClassification, tmp_path, **NAMES)
    tag: Any = pipeline("token-classification", model=path, ignore_labels=[])
    for text, found in zip(TEXTS, tag(TEXTS, batch_size=batch_size), strict=True):
        classes = model(**alone(text)).logits[0, 1:-1].softmax(-1).max(-1)
        assert [one["entity"] for one in found] == [
            NAMES["id2label"][number] for number in classes.indices.tolist()
        ]
        assert [one["score"] for one in found] == pytest.approx(classes.values.tolist(), abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_feature_extraction(batch_size: int, tmp_path: Path) -> None:
    path, model = folder(SpectransModel, tmp_path)
    extract: Any = pipeline("feature-extraction", model=path)
    for text, found in zip(TEXTS, extract(TEXTS, batch_size=batch_size), strict=True):
        states = model(**alone(text)).last_hidden_state[0]
        torch.testing.assert_close(torch.tensor(found[0])[: len(states)], states, atol=1e-5, rtol=0)


def test_zero_shot_classification(tmp_path: Path) -> None:
    names = {0: "contradiction", 1: "neutral", 2: "entailment"}
    changes = {"id2label": names, "label2id": {v: k for k, v in names.items()}}
    path, model = folder(SpectransForSequenceClassification, tmp_path, **changes)
    choose: Any = pipeline("zero-shot-classification", model=path)
    found = choose(TEXTS[0], candidate_labels=["law", "music"])
    scores = [
        model(**alone(TEXTS[0], text_pair=f"This example is {name}.")).logits[0, 2]
        for name in ("law", "music")
    ]
    expected = dict(zip(("law", "music"), torch.stack(scores).softmax(0).tolist(), strict=True))
    assert dict(zip(found["labels"], found["scores"], strict=True)) == pytest.approx(
        expected, abs=1e-5
    )


def test_an_answer_is_found_among_the_words_of_the_text(tmp_path: Path) -> None:
    # transformers 5 has no pipeline for it any more.
    _, model = folder(SpectransForQuestionAnswering, tmp_path)
    pairs = (["Who?", "What is it that everyone has?"], [TEXTS[0], TEXTS[1]])
    inputs = tokenizer()(*pairs, return_tensors="pt", padding=True)
    output = model(**inputs)
    for row, length in enumerate(inputs["attention_mask"].sum(1).tolist()):
        assert output.start_logits[row].argmax() < length
        assert output.end_logits[row].argmax() < length
        one = model(**alone(pairs[0][row], text_pair=pairs[1][row]))
        torch.testing.assert_close(output.start_logits[row, :length], one.start_logits[0])
