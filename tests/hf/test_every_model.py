"""What transformers tests of all its models, for every mixer and every task."""

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from spectrans.hf import (
    SpectransForMaskedLM,
    SpectransForMultipleChoice,
    SpectransForQuestionAnswering,
    SpectransForSequenceClassification,
    SpectransModel,
)
from tests.hf.made import (
    LENGTHS,
    PLANS,
    TASKS,
    VOCABULARY,
    answers,
    batch,
    build,
    config,
    every_task,
    gradients,
    labels,
    saved,
)

# Every mixer with every task; where the two hardly meet in a fault, the short form has every mixer
# with some task, and every task with a plan of two.
every_plan = pytest.mark.parametrize("plan", PLANS)
every_loss = pytest.mark.parametrize("cls", TASKS[1:], ids=lambda cls: cls.__name__[12:])
SHORT = [(cls, "hybrid") for cls in TASKS] + [
    (TASKS[1 + number % 5], plan) for number, plan in enumerate(PLANS) if plan != "hybrid"
]
PAIRS = [
    pytest.param(
        cls,
        plan,
        id=f"{cls.__name__[9:]}-{plan}",
        marks=() if (cls, plan) in SHORT else pytest.mark.slow,
    )
    for cls in TASKS
    for plan in PLANS
]
every_pair = pytest.mark.parametrize(("cls", "plan"), PAIRS)
# No shift of all scores changes a softmax over them: these have no gradient.
SHIFTS = {
    SpectransForMultipleChoice: {"model.output_head.linear.bias"},
    SpectransForQuestionAnswering: {"model.output_head.linear.bias"},
}


@every_plan
@every_task
def test_a_saved_model_comes_back_bit_by_bit(cls: Any, plan: str, tmp_path: Path) -> None:
    model = build(cls, plan)
    loaded = cls.from_pretrained(saved(model, tmp_path))
    assert not loaded.training
    weights = loaded.state_dict()
    assert model.state_dict().keys() == weights.keys()
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    # Sums depend a little on where in memory a weight lies.
    torch.testing.assert_close(answers(loaded(**batch(cls))), answers(model(**batch(cls))))


@every_pair
def test_weights_that_no_file_gives_start_as_in_a_new_model(cls: Any, plan: str) -> None:
    settings = config(plan)
    if plan == "spectral_attention":  # its features take a seed from torch, and would move the rest
        settings.mixers = [{**mixer, "seed": 3} for mixer in settings.mixers]
    torch.manual_seed(5)
    expected = cls(settings).state_dict()
    torch.manual_seed(5)
    # Ours would refuse: nothing at all is given.
    load: Any = vars(PreTrainedModel)["from_pretrained"].__func__
    found = load(cls, None, config=settings, state_dict={}).state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[key], value) for key, value in expected.items())


@every_plan
@every_task
def test_a_row_gives_the_same_alone_and_in_a_batch(cls: Any, plan: str) -> None:
    model, inputs = build(cls, plan).double(), batch(cls)
    together = answers(model(**inputs))
    for row, length in enumerate(LENGTHS):
        alone = {"input_ids": inputs["input_ids"][row : row + 1, ..., :length]}
        if cls is SpectransForMultipleChoice:
            alone = {name: x[row : row + 1] for name, x in inputs.items()}
        for all_rows, one in zip(together, answers(model(**alone)), strict=True):
            part = all_rows[row : row + 1]
            real = part[:, : one.shape[1]] if part.dim() > 1 else part
            torch.testing.assert_close(real, one, rtol=0, atol=1e-10)


@every_plan
@every_loss
def test_training_reaches_every_weight(cls: Any, plan: str) -> None:
    model = build(cls, plan).train()
    model(**batch(cls), **labels(cls)).loss.backward()
    found = gradients(model)
    assert found.keys() == dict(model.named_parameters()).keys()
    assert all(gradient.isfinite().all() for gradient in found.values())
    assert {name for name, gradient in found.items() if gradient.any()} | SHIFTS.get(
        cls, set()
    ) == (found.keys())


@every_pair
def test_hidden_states_are_those_of_every_block(cls: Any, plan: str) -> None:
    model, inputs = build(cls, plan), batch(cls)
    output = model(**inputs, output_hidden_states=True)
    rows, n = inputs["input_ids"].reshape(-1, max(LENGTHS)).shape
    assert [state.shape for state in output.hidden_states] == [(rows, n, 16)] * 3
    padding = inputs["attention_mask"].reshape(rows, n) == 0
    assert not any(state[padding].any() for state in output.hidden_states)
    assert model(**inputs).hidden_states is None
    if cls is SpectransModel:
        assert torch.equal(output.hidden_states[-1], output.last_hidden_state)
    else:
        plain = SpectransModel(config(plan)).eval()
        plain.load_state_dict(model.state_dict(), strict=False)
        flat = {name: x.reshape(rows, n) for name, x in inputs.items()}
        assert torch.equal(output.hidden_states[-1], plain(**flat).last_hidden_state)


@every_pair
def test_embedded_ids_give_what_ids_give(cls: Any, plan: str) -> None:
    model, inputs = build(cls, plan), batch(cls)
    embedded = {**inputs, "inputs_embeds": model.get_input_embeddings()(inputs["input_ids"])}
    del embedded["input_ids"]
    for expected, found in zip(answers(model(**inputs)), answers(model(**embedded)), strict=True):
        assert torch.equal(expected, found)


@pytest.mark.parametrize(("cls", "plan"), [pair for pair in PAIRS if pair.values[0] in TASKS[1:]])
@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_changes_no_gradient(cls: Any, plan: str, reentrant: bool) -> None:
    model, inputs = build(cls, plan, dropout=0.2).train(), {**batch(cls), **labels(cls)}
    torch.manual_seed(1)
    model(**inputs).loss.backward()
    expected = gradients(model)
    model.zero_grad()
    model.activation_checkpointing_enable({"use_reentrant": reentrant})
    torch.manual_seed(1)
    model(**inputs).loss.backward()
    torch.testing.assert_close(gradients(model), expected)


@every_pair
def test_a_model_gives_the_same_twice(cls: Any, plan: str) -> None:
    model = build(cls, plan, dropout=0.5)
    first, second = (answers(model(**batch(cls))) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@every_pair
def test_a_tuple_holds_what_the_output_holds(cls: Any, plan: str) -> None:
    model, inputs = build(cls, plan), {**batch(cls), **labels(cls)}
    # Other mixers have no weights to show.
    shows = plan in ("attention", "hybrid")
    options = {"output_hidden_states": True, "output_attentions": shows}
    output, as_tuple = model(**inputs, **options), model(**inputs, **options, return_dict=False)
    assert isinstance(as_tuple, tuple)
    assert len(as_tuple) == len(output.to_tuple())
    assert all(
        torch.equal(a, b)
        for a, b in zip(as_tuple, output.to_tuple(), strict=True)
        if isinstance(a, torch.Tensor)
    )
    model.config.return_dict = False
    assert isinstance(model(**inputs), tuple)


@every_task
def test_gradients_of_states_and_attentions_are_kept_when_asked(cls: Any) -> None:
    model = build(cls)
    output = model(**batch(cls, padded=False), output_hidden_states=True, output_attentions=True)
    kept = [*output.hidden_states, *output.attentions]
    for tensor in kept:
        tensor.retain_grad()
    answers(output)[0].square().sum().backward()
    assert all(tensor.grad is not None and tensor.grad.any() for tensor in kept)


@every_task
@pytest.mark.parametrize("size", [VOCABULARY + 5, VOCABULARY - 10])
@pytest.mark.parametrize("tied", [True, False])
def test_a_resized_vocabulary_keeps_what_it_had(
    cls: Any, size: int, tied: bool, tmp_path: Path
) -> None:
    model, inputs = build(cls, tie_word_embeddings=tied), batch(cls)
    inputs["input_ids"] = inputs["input_ids"] % 20
    expected = answers(model(**inputs))
    table = model.resize_token_embeddings(size)
    assert (table.num_embeddings, model.config.vocab_size, model.model.config.vocab_size) == (
        (size,) * 3
    )
    found = answers(model(**inputs))
    for before, after in zip(expected, found, strict=True):
        kept = min(before.shape[-1], after.shape[-1]) if cls is SpectransForMaskedLM else None
        assert torch.equal(before[..., :kept], after[..., :kept])
    model(**{**inputs, "input_ids": torch.full_like(inputs["input_ids"], size - 1)})
    loaded = cls.from_pretrained(saved(model, tmp_path))
    torch.testing.assert_close(answers(loaded(**inputs)), found)


@pytest.mark.parametrize("mean_resizing", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_new_tokens_of_a_resized_vocabulary_start_sound(tied: bool, mean_resizing: bool) -> None:
    model = build(SpectransForMaskedLM, tie_word_embeddings=tied)
    model.resize_token_embeddings(VOCABULARY + 400, mean_resizing=mean_resizing)
    new = model.get_input_embeddings().weight[VOCABULARY:]
    assert new.std(0).mean().item() == pytest.approx(0.0 if mean_resizing else 1.0, abs=0.2)
    output = model(**batch(SpectransForMaskedLM))
    assert output.logits.isfinite().all()
    assert output.logits.shape[-1] == VOCABULARY + 400


def test_a_tied_head_scores_with_the_embedding_and_saves_it_once(tmp_path: Path) -> None:
    model = build(SpectransForMaskedLM)
    assert model.get_output_embeddings() is None
    assert [name for name in model.state_dict() if "output_head" in name] == [
        "model.output_head.bias"
    ]
    before = model(**batch(SpectransForMaskedLM)).logits
    with torch.no_grad():
        model.get_input_embeddings().weight[29] *= 2
    inputs = batch(SpectransForMaskedLM)
    assert not (inputs["input_ids"] == 29)[inputs["attention_mask"] == 1].any()
    after = model(**inputs).logits
    torch.testing.assert_close(after[..., 29], 2 * before[..., 29])
    assert torch.equal(after[..., :29], before[..., :29])
    loaded = SpectransForMaskedLM.from_pretrained(saved(model, tmp_path))
    head = loaded.model.output_head
    assert head._embedding[0] is loaded.get_input_embeddings()
    torch.testing.assert_close(loaded(**inputs).logits, after)


def test_an_untied_head_has_a_table_of_its_own() -> None:
    model = build(SpectransForMaskedLM, tie_word_embeddings=False)
    assert model.get_output_embeddings() is model.model.output_head.linear
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight


@every_pair
def test_copies_and_pickles_are_independent_and_equal(cls: Any, plan: str) -> None:
    model = build(cls, plan)
    expected = answers(model(**batch(cls)))
    twins = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for twin in twins:
        found = answers(twin(**batch(cls)))
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_other_numbers_of_labels_are_refused_unless_asked_for(tmp_path: Path) -> None:
    cls = SpectransForSequenceClassification
    folder = saved(build(cls), tmp_path)
    with pytest.raises(RuntimeError, match="ignore_mismatched_sizes"):
        cls.from_pretrained(folder, num_labels=5)
    model = cls.from_pretrained(folder, num_labels=5, ignore_mismatched_sizes=True)
    assert model(**batch(cls)).logits.shape == (3, 5)
    assert model(**batch(cls)).logits.isfinite().all()


@every_plan
def test_eager_attention_gives_what_the_fused_kernel_gives(plan: str) -> None:
    model, inputs = build(SpectransModel, plan).double(), batch(SpectransModel)
    assert model.config._attn_implementation == "sdpa"
    fused = model(**inputs).last_hidden_state
    model.set_attn_implementation("eager")
    torch.testing.assert_close(model(**inputs).last_hidden_state, fused, rtol=0, atol=1e-12)
