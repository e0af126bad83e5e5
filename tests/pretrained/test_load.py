"""What `load` recognises, which heads it gives, what it tells, and what it refuses."""

from typing import Any

import pytest
import torch

from benchmarks import parity
from benchmarks.parity import Case
from spectrans import FNet, HybridTransformer
from spectrans.models import BaseModel
from spectrans.pretrained import load

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def ours(*arguments: Any, **settings: Any) -> BaseModel:
    model = load(*arguments, **settings).model
    assert isinstance(model, BaseModel)
    return model


def weights(case: Case, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state dict and config of a small model, with some tensors replaced or dropped."""
    model = case.build(small=True)
    tensors = {**model.state_dict(), **changes}
    config = {**model.config.to_dict(), "architectures": [case.id]}
    return {k: v for k, v in tensors.items() if v is not None}, config


# -- heads -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", list(parity.cases()), ids=lambda case: case.id)
def test_the_body_of_any_source_can_be_taken(case: Case) -> None:
    model = case.build(small=True)
    ids, types = parity.rows(model, 20)
    expected = model.base_model(ids, **types)[0]
    hidden = ours(model, head="none")(ids, **types)
    torch.testing.assert_close(hidden, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["FNet", "Bert", "Roberta", "DistilBert"])
@pytest.mark.parametrize("head", ["classification", "regression", "sequence"])
def test_a_new_head_stands_on_the_body_of_the_source(family: str, head: Any) -> None:
    model = Case(family, "ForMaskedLM").build(small=True)
    torch.manual_seed(1)
    new, report = load(model, head=head, num_classes=5)
    assert isinstance(new, BaseModel)
    body = load(model, head="none").model.state_dict()
    state = new.state_dict()
    assert [k for k, v in body.items() if not v.equal(state[k])] == []
    assert "output_head.linear.weight" in report.new
    assert set(report.new) | report.mapped.keys() == state.keys()
    assert new(torch.full((2, 6), 7)).shape == ((2, 6, 5) if head == "sequence" else (2, 5))
    torch.manual_seed(1)
    again = load(model, head=head, num_classes=5).model.state_dict()
    assert [k for k, v in again.items() if not v.equal(state[k])] == []


def test_a_new_head_reads_the_pooler_of_the_source() -> None:
    model = Case("Bert", "Model").build(small=True)
    new, report = load(model, head="classification", num_classes=5)
    assert report.mapped["output_head.pooler.dense.weight"][0] == ("pooler.dense.weight",)
    pooled = ours(model, head="pooled")(torch.full((2, 6), 7))
    expected = new.get_submodule("output_head.linear")(pooled)
    torch.testing.assert_close(new(torch.full((2, 6), 7)), expected)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_rows_can_be_pooled_without_the_pooler_of_the_source(pooling: Any) -> None:
    model = Case("Bert", "Model").build(small=True)
    ids = torch.arange(5, 25).view(2, 10)
    hidden = ours(model, head="none")(ids)
    expected = {"mean": hidden.mean(1), "cls": hidden[:, 0], "max": hidden.amax(1)}[pooling]
    torch.testing.assert_close(ours(model, head="pooled", pooling=pooling)(ids), expected)
    new = ours(model, head="classification", num_classes=3, pooling=pooling)
    assert (new.config.pooling, new.config.pooler) == (pooling, None)


def test_a_classifier_with_numbers_for_labels_is_a_regression() -> None:
    tensors, config = weights(Case("Bert", "ForSequenceClassification"))
    model = ours(tensors, config={**config, "problem_type": "regression"})
    assert model.config.output_type == "regression"
    assert ours(tensors, config=config).config.output_type == "classification"
    assert ours(tensors, config=config, head="regression").config.output_type == "regression"


@pytest.mark.parametrize(
    ("case", "wish", "sentence"),
    [
        (Case("Bert", "Model"), {"head": "lm"}, "head must be one that the source has, or come"),
        (Case("Bert", "ForTokenClassification"), {"head": "classification"}, "head must be one"),
        (Case("Bert", "ForMaskedLM"), {"head": "pooled"}, "pooling must be given"),
        (Case("DistilBert", "Model"), {"head": "pooled"}, "pooling must be given"),
        (Case("Bert", "Model"), {"num_classes": 3}, "head must be one of classification"),
        (Case("Bert", "Model"), {"num_classes": 3, "head": "lm"}, "head must be one of classif"),
        (Case("Bert", "Model"), {"pooling": "mean"}, "pooling must be left out unless"),
        (
            Case("Bert", "Model"),
            {"head": "sequence", "num_classes": 3, "pooling": "mean"},
            "pooling must be left out unless",
        ),
    ],
)
def test_a_head_that_cannot_be_had_is_refused(case: Case, wish: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        load(case.build(small=True), **wish)


def test_a_source_that_does_not_say_its_head_is_asked_about() -> None:
    tensors, config = weights(Case("FNet", "ForTokenClassification"))
    del config["architectures"]
    with pytest.raises(ValueError, match="head must be given, one of classification, sequence"):
        load(tensors, config=config)
    assert ours(tensors, config=config, head="sequence").config.output_type == "sequence"
    scores, config = weights(Case("FNet", "ForPreTraining"))
    del config["architectures"]
    assert ours(scores, config=config).config.output_type == "lm"


# -- whole or not at all -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"bert.encoder.layer.1.output.dense.bias": None},
            r"must be a whole bert model, bert\.encoder\.layer\.1\.output\.dense\.bias is missing",
        ),
        ({"extra": torch.zeros(1)}, "must hold nothing but a bert model, extra is unexpected"),
        (
            {"bert.encoder.layer.3.output.dense.bias": torch.zeros(32)},
            r"bert\.encoder\.layer\.3\.output\.dense\.bias is unexpected",
        ),
        (
            {"bert.embeddings.LayerNorm.bias": torch.zeros(3)},
            r"LayerNorm\.bias must give embedding_norm\.bias the shape \(32,\), got \(3,\)",
        ),
        (
            {"cls.predictions.decoder.weight": torch.zeros(60, 32)},
            r"decoder\.weight must equal bert\.embeddings\.word_embeddings\.weight",
        ),
        ({"cls.predictions.transform.dense.bias": None}, "whole BertForMaskedLM, its head is"),
    ],
    ids=["missing", "unexpected", "deeper", "shape", "untied", "head"],
)
def test_half_a_match_is_refused(changes: dict[str, Any], sentence: str) -> None:
    tensors, config = weights(Case("Bert", "ForMaskedLM"), **changes)
    with pytest.raises(ValueError, match=sentence):
        load(tensors, config=config)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model_type": "gpt2"}, "must be a model of a kind that is known .* got 'gpt2'"),
        ({"architectures": ["BertForCooking"]}, "unknown architecture 'BertForCooking'"),
        ({"is_decoder": True}, "is_decoder must be False, our models are encoders"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type must be 'absolute'"),
        ({"hidden_act": "mish"}, "unknown hidden_act 'mish'"),
        ({"num_attention_heads": 5}, "hidden_dim must be divisible by num_heads, got 32 and 5"),
        ({"num_hidden_layers": 2}, "encoder.layer.2"),
        ({"hidden_size": "32"}, "hidden_dim must be a valid integer, got '32'"),
    ],
)
def test_a_config_that_our_models_cannot_have_is_refused(
    settings: dict[str, Any], sentence: str
) -> None:
    tensors, config = weights(Case("Bert", "ForMaskedLM"))
    with pytest.raises(ValueError, match=sentence):
        load(tensors, config={**config, **settings})


def test_a_roberta_that_scores_behind_another_activation_is_refused() -> None:
    tensors, config = weights(Case("Roberta", "ForMaskedLM"))
    with pytest.raises(ValueError, match="hidden_act must be 'gelu' in a roberta model"):
        load(tensors, config={**config, "hidden_act": "relu"})
    assert ours(tensors, config={**config, "hidden_act": "relu"}, head="none")


@pytest.mark.parametrize("name", ["gelu", "gelu_new", "relu", "silu", "tanh"])
@pytest.mark.parametrize("family", ["FNet", "Bert", "DistilBert"])
def test_every_activation_means_what_it_means_there(family: str, name: str) -> None:
    import transformers

    case = Case(family, "ForMaskedLM")
    config = case.config(small=True)
    setattr(config, "activation" if family == "DistilBert" else "hidden_act", name)
    model = getattr(transformers, case.id)(config).eval()
    assert parity.error(model, ours(model), 20) < 1e-5


def test_names_and_buffers_of_older_files_are_read() -> None:
    tensors, config = weights(Case("Bert", "ForMaskedLM"))
    older = {
        k.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): v
        for k, v in tensors.items()
    }
    older["bert.embeddings.position_ids"] = torch.arange(24)[None]
    del older["cls.predictions.decoder.weight"], older["cls.predictions.decoder.bias"]
    assert "bert.encoder.layer.0.output.LayerNorm.gamma" in older
    ids = torch.arange(5, 25).view(2, 10)
    model, report = load(older, config=config)
    assert torch.equal(model(ids), ours(tensors, config=config)(ids))
    assert report.left == {"bert.embeddings.position_ids": "computed when the model runs"}


@pytest.mark.parametrize("kind", ["xlm-roberta", "camembert"])
def test_models_of_the_layout_of_roberta_are_read(kind: str) -> None:
    import transformers

    name = {"xlm-roberta": "XLMRoberta", "camembert": "Camembert"}[kind]
    config = Case("Roberta", "ForMaskedLM").config(small=True).to_dict()
    config = getattr(transformers, f"{name}Config")(**{**config, "model_type": kind})
    model = getattr(transformers, f"{name}ForMaskedLM")(config).eval()
    assert parity.error(model, ours(model), 20) < 1e-5


# -- what it tells -----------------------------------------------------------------------------


def test_a_report_names_every_tensor_on_both_sides() -> None:
    model = Case("Bert", "ForPreTraining").build(small=True)
    imported, report = load(model)
    assert report.mapped.keys() == imported.state_dict().keys()
    read = {name for theirs, _ in report.mapped.values() for name in theirs}
    assert read | report.left.keys() == model.state_dict().keys()
    assert not read & report.left.keys()
    assert report.left["cls.predictions.decoder.bias"] == "the same as cls.predictions.bias"
    assert report.left["bert.pooler.dense.bias"] == "pooler, see head='pooled'"
    seq = "head of BertForNextSentencePrediction, see head='classification'"
    assert report.left["cls.seq_relationship.bias"] == seq


def test_a_report_reads_as_text() -> None:
    text = str(load(Case("FNet", "ForPreTraining").build(small=True)).report)
    lines = text.splitlines()
    assert lines[0] == "FNetForPreTraining: fnet (FNetForPreTraining) -> FNet, output_type='lm'"
    assert sum("blocks.*.ffn.up.weight" in line for line in lines) == 1
    assert any(line.startswith("left ") for line in lines)
    assert lines[-1].startswith("note: the source reads padding as tokens")
    text = str(load(Case("Bert", "Model").build(small=True), head="sequence", num_classes=2).report)
    assert "new, with the first values of a new model\n  output_head.linear.bias" in text


def test_the_plan_is_that_of_the_source() -> None:
    model = ours(Case("Bert", "Model").build(small=True))
    assert isinstance(model, HybridTransformer)
    assert [(o.name, o.to_dict()["dropout"]) for o in model.config.plan()] == [
        ("attention", 0.1)
    ] * 3
    model = ours(Case("FNet", "Model").build(small=True))
    assert isinstance(model, FNet)
    assert [o.to_dict()["norm"] for o in model.config.plan()] == ["backward"] * 3


def test_dropout_is_where_the_source_has_it() -> None:
    rates = {}
    for family in ("FNet", "Bert", "Roberta", "DistilBert"):
        config = ours(Case(family, "ForSequenceClassification").build(small=True)).config
        rates[family] = (config.dropout, config.mixing_dropout, config.head_dropout)
    assert rates == {
        "FNet": (0.1, 0.0, 0.1),
        "Bert": (0.1, None, 0.1),
        "Roberta": (0.1, None, 0.1),
        "DistilBert": (0.1, 0.0, 0.2),
    }
