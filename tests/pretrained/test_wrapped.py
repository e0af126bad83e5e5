"""Imported models as models of `spectrans.hf`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from benchmarks import parity
from benchmarks.parity import Case
from spectrans import HybridTransformer, hf
from spectrans.models import BaseModel
from spectrans.pretrained import load

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
CLASSES = {
    "Model": hf.SpectransModel,
    "ForPreTraining": hf.SpectransForMaskedLM,
    "ForMaskedLM": hf.SpectransForMaskedLM,
    "ForNextSentencePrediction": hf.SpectransForSequenceClassification,
    "ForSequenceClassification": hf.SpectransForSequenceClassification,
    "ForMultipleChoice": hf.SpectransForMultipleChoice,
    "ForTokenClassification": hf.SpectransForTokenClassification,
    "ForQuestionAnswering": hf.SpectransForQuestionAnswering,
}


@torch.no_grad()
@pytest.mark.parametrize("case", list(parity.cases()), ids=lambda case: case.id)
def test_a_wrapped_import_answers_as_its_source(case: Case) -> None:
    model = case.build(small=True)
    ours = load(model, hf=True).model
    assert type(ours) is CLASSES[case.head]
    ids, types = parity.rows(model, 20)
    expected = parity.answer(model, ids, **types)
    torch.testing.assert_close(parity.answer(ours, ids, **types), expected, rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("family", ["FNet", "Bert", "Roberta"])
def test_a_wrapped_body_gives_the_pooled_row_of_its_source(family: str) -> None:
    model = Case(family, "Model").build(small=True)
    ids, types = parity.rows(model, 20)
    ours: Any = load(model, hf=True).model
    expected = model(ids, **types).pooler_output
    torch.testing.assert_close(ours(ids, **types).pooler_output, expected, rtol=0, atol=1e-5)
    bare: Any = load(model, hf=True, head="none").model
    assert bare(ids, **types).pooler_output is None


def test_labels_and_special_tokens_come_along(tmp_path: Path) -> None:
    model = Case("Bert", "ForSequenceClassification").build(small=True)
    model.config.id2label = {0: "bad", 1: "fair", 2: "good"}
    model.config.label2id = {"bad": 0, "fair": 1, "good": 2}
    model.config.pad_token_id, model.config.problem_type = 4, "multi_label_classification"
    model.save_pretrained(tmp_path)
    ours: Any = load(tmp_path, hf=True).model
    assert ours.config.id2label == model.config.id2label
    assert ours.config.label2id == model.config.label2id
    assert (ours.config.pad_token_id, ours.config.problem_type) == (4, "multi_label_classification")
    new: Any = load(tmp_path, hf=True, head="classification", num_classes=3).model
    assert new.config.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}


def test_a_wrapped_import_saves_and_loads_with_auto_classes(tmp_path: Path) -> None:
    ours: Any = load(Case("FNet", "ForSequenceClassification").build(small=True), hf=True).model
    ours.save_pretrained(tmp_path)
    ids = torch.randint(5, 60, (2, 9))
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert torch.equal(again(ids).logits, ours(ids).logits)


def test_pooling_that_no_class_gives_is_refused() -> None:
    model = Case("Bert", "Model").build(small=True)
    with pytest.raises(ValueError, match="pooling must be left out with hf=True"):
        load(model, head="pooled", pooling="mean", hf=True)


@pytest.mark.parametrize("num_classes", [1, 3])
def test_a_regression_can_be_wrapped(num_classes: int) -> None:
    model = Case("Bert", "Model").build(small=True)
    ours: Any = load(model, head="regression", num_classes=num_classes, hf=True).model
    assert (ours.config.problem_type, ours.config.num_labels) == ("regression", num_classes)


def test_a_class_with_another_head_is_refused() -> None:
    model = HybridTransformer(vocab_size=9, hidden_dim=8, num_layers=2, num_classes=3)
    with pytest.raises(ValueError, match="model_class must be one for output_type='classification"):
        hf.wrap(model, hf.SpectransForMultipleChoice)
    with pytest.raises(ValueError, match="model_class must be one for output_type='classification"):
        hf.wrap(model, hf.SpectransForMaskedLM)


def test_a_plain_import_is_one_of_our_own_models() -> None:
    assert isinstance(load(Case("Bert", "Model").build(small=True)).model, BaseModel)
