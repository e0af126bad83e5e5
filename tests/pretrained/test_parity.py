"""Imported models answer as the models they come from, and go back to them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks import parity
from benchmarks.parity import Case
from spectrans import FNet, HybridTransformer, from_pretrained
from spectrans.models import BaseModel
from spectrans.pretrained import load, to_hf

CASES = list(parity.cases())
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
FAMILIES = ["FNet", "Bert", "Roberta", "DistilBert"]
every_family = pytest.mark.parametrize("family", FAMILIES)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@every_case
def test_an_imported_model_answers_as_its_source(case: Case) -> None:
    model = case.build(small=True)
    assert parity.error(model, load(model).model, 20) < 1e-5


@pytest.mark.slow
@every_case
def test_an_imported_base_model_answers_as_its_source(case: Case) -> None:
    model = case.build(small=False)
    assert parity.error(model, load(model).model, 128) < 1e-5


@every_case
def test_a_model_goes_back_to_the_class_it_came_from(case: Case) -> None:
    model = case.build(small=True)
    ours = load(model).model
    assert isinstance(ours, BaseModel)
    again = to_hf(ours, case.id)
    assert type(again) is type(model)
    assert parity.error(again, ours, 20) < 1e-5
    # What was read is given back bit by bit; pooler, other head and unused rows are not ours.
    report = load(model).report
    read = {name for theirs, how in report.mapped.values() for name in theirs if "rows" not in how}
    given = again.state_dict()
    assert [k for k, v in model.state_dict().items() if k in read and not v.equal(given[k])] == []


@every_family
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_is_what_it_is_in_the_source(family: str, side: str) -> None:
    model = Case(family, "Model").build(small=True)
    ours = load(model).model
    ids, types = parity.rows(model, 20)
    mask = torch.ones(2, 20, dtype=torch.long)
    padded = slice(13, None) if side == "right" else slice(None, 7)
    mask[1, padded] = 0
    ids[1, padded] = model.config.pad_token_id
    real = mask.bool()
    hidden = ours(ids, attention_mask=mask, **types)
    # What each row gives alone is what every source gives without padding.
    alone = [model(i[m][None], **{k: t[j][m][None] for k, t in types.items()})[0][0] for j, (i, m) in enumerate(zip(ids, real, strict=True))]  # fmt: skip
    torch.testing.assert_close(hidden[real], torch.cat(alone), rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["Bert", "Roberta", "DistilBert"])
def test_a_padded_batch_gives_what_the_source_gives_for_it(family: str) -> None:
    model = Case(family, "Model").build(small=True)
    ids, types = parity.rows(model, 20)
    mask = torch.ones(2, 20, dtype=torch.long)
    mask[1, 13:] = 0
    ids[1, 13:] = model.config.pad_token_id
    theirs = model(ids, attention_mask=mask, **types)[0]
    ours = load(model).model(ids, attention_mask=mask, **types)
    torch.testing.assert_close(ours[mask.bool()], theirs[mask.bool()], rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["FNet", "Bert"])
def test_token_types_are_read(family: str) -> None:
    model = Case(family, "Model").build(small=True)
    ours = load(model).model
    ids, types = parity.rows(model, 20)
    assert (ours(ids, **types) - ours(ids)).abs().max() > 0.01


@pytest.mark.parametrize("family", ["FNet", "Bert", "Roberta"])
def test_the_pooler_of_the_source_is_a_head(family: str) -> None:
    model = Case(family, "Model").build(small=True)
    ids, types = parity.rows(model, 20)
    pooled = load(model, head="pooled").model(ids, **types)
    torch.testing.assert_close(pooled, model(ids, **types).pooler_output, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["FNet", "Bert"])
def test_each_head_of_a_pretraining_model_can_be_taken(family: str) -> None:
    model = Case(family, "ForPreTraining").build(small=True)
    ids, types = parity.rows(model, 20)
    theirs = model(ids, **types)
    words = load(model, head="lm").model(ids, **types)
    next_sentence = load(model, head="classification").model(ids, **types)
    torch.testing.assert_close(words, theirs.prediction_logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(next_sentence, theirs.seq_relationship_logits, rtol=0, atol=1e-5)


def gradient(model: nn.Module, logits: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    (logits * torch.linspace(-1, 1, logits.numel()).view_as(logits)).sum().backward()
    return {k: p.grad for k, p in model.named_parameters() if p.grad is not None}


@every_family
def test_gradients_are_those_of_the_source(family: str) -> None:
    model = Case(family, "ForSequenceClassification").build(small=True)
    ours, report = load(model)
    ids, types = parity.rows(model, 20)
    theirs = gradient(model, model(ids, **types).logits)
    mine = gradient(ours, ours(ids, **types))
    assert mine.keys() == report.mapped.keys()
    copied = {k: names[0] for k, (names, how) in report.mapped.items() if not how}
    for name, source in copied.items():
        torch.testing.assert_close(mine[name], theirs[source], rtol=1e-3, atol=1e-5)


@every_family
def test_training_one_model_leaves_the_other_as_it_was(family: str) -> None:
    model = Case(family, "ForMaskedLM").build(small=True)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ours = load(model).model
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.zero_()
    assert [k for k, v in model.state_dict().items() if not v.equal(before[k])] == []
    again = to_hf(ours, f"{family}ForMaskedLM")  # type: ignore[arg-type]
    torch.nn.init.ones_(next(again.parameters()))
    assert not any(p.any() for p in ours.parameters())


@every_family
def test_an_untied_head_scores_with_its_own_weights(family: str) -> None:
    case = Case(family, "ForMaskedLM")
    config = case.config(small=True)
    config.tie_word_embeddings = False
    import transformers

    model = getattr(transformers, case.id)(config).eval()
    ours = load(model).model
    assert isinstance(ours, BaseModel)
    assert not ours.config.tie_embeddings
    assert parity.error(model, ours, 20) < 1e-5
    assert parity.error(to_hf(ours, case.id), ours, 20) < 1e-5


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_keep_their_type(dtype: torch.dtype) -> None:
    model = Case("Bert", "ForMaskedLM").build(small=True).to(dtype)
    ours = load(model).model
    assert {p.dtype for p in ours.parameters()} == {dtype}
    assert isinstance(ours, BaseModel)
    assert {p.dtype for p in to_hf(ours).parameters()} == {dtype}


def test_an_imported_model_in_bfloat16_stays_near_the_source() -> None:
    model = Case("Bert", "Model").build(small=True)
    half = load(model).model.bfloat16()
    assert parity.error(model, half, 20) < 0.1


@every_family
def test_an_imported_model_saves_and_loads(family: str, tmp_path: Any) -> None:
    ours = load(Case(family, "ForSequenceClassification").build(small=True)).model
    assert isinstance(ours, FNet | HybridTransformer)
    ours.save_pretrained(tmp_path)
    ids = torch.randint(5, 60, (2, 9))
    assert torch.equal(from_pretrained(tmp_path)(ids), ours(ids))
