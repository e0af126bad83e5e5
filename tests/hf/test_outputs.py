"""What a model takes and gives beside ids and logits: padding, attentions, types and positions."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from spectrans.hf import SpectransForMaskedLM, SpectransForSequenceClassification, SpectransModel
from tests.hf.made import LENGTHS, PLANS, answers, batch, build, config, every_task, labels

without_attention = sorted(PLANS.keys() - {"attention", "hybrid"})


@every_task
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_no_answer(cls: Any, side: str) -> None:
    model, inputs = build(cls).double(), batch(cls)
    amount = (0, 5) if side == "right" else (5, 0)
    longer = {name: nn.functional.pad(x, amount) for name, x in inputs.items()}
    longer["input_ids"] = torch.where(longer["attention_mask"] == 0, 29, longer["input_ids"])
    wanted = labels(cls)
    for name, x in wanted.items():
        wanted[name] = x + amount[0] if "positions" in name else x
        if x.dim() == 2:
            wanted[name] = nn.functional.pad(x, amount, value=-100)
    expected, found = model(**inputs, **labels(cls)), model(**longer, **wanted)
    kept = slice(amount[0], amount[0] + max(LENGTHS))
    for a, b in zip(answers(expected), answers(found), strict=True):
        real = b[:, kept] if b.shape != a.shape else b
        lowest = torch.finfo(torch.float64).min
        same = (a == real) | ((a - real).abs() < 1e-10) | ((a == lowest) & (real == lowest))
        assert same.all()
    if labels(cls):
        torch.testing.assert_close(found.loss, expected.loss, rtol=0, atol=1e-10)


def test_a_bad_mask_is_refused() -> None:
    model, inputs = build(SpectransModel), batch(SpectransModel)
    with pytest.raises(ValueError, match="attention_mask must have the shape of the batch"):
        model(inputs["input_ids"], attention_mask=torch.ones(3, 1, 9, 9))


@pytest.mark.parametrize("padded", [True, False])
def test_attentions_are_those_of_the_attention_layers(padded: bool) -> None:
    model = build(SpectransModel, mixers=["attention", "gfnet", "attention"], num_layers=3).double()
    inputs = batch(SpectransModel, padded=padded)
    output = model(**inputs, output_attentions=True)
    assert [a.shape for a in output.attentions] == [(3, 2, 9, 9)] * 2
    real = inputs.get("attention_mask", torch.ones(3, 9)).double()
    for attentions in output.attentions:
        torch.testing.assert_close(attentions.sum(-1), real[:, None].expand(3, 2, 9))
        assert not (attentions * (1 - real[:, None, None])).any()
    # The first layer by its definition, from what it sees.
    seen = model(**inputs, output_hidden_states=True).hidden_states[0]
    block = model.model.blocks[0]
    for row, length in enumerate(real.sum(1).int().tolist()):
        q, k, _ = block.mixer.heads.split(block.norm1(seen[row : row + 1, :length]))
        weights = torch.softmax(q @ k.mT / 8**0.5, -1)
        torch.testing.assert_close(output.attentions[0][row, :, :length, :length], weights[0])
    torch.testing.assert_close(output.last_hidden_state, model(**inputs).last_hidden_state)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("plan", without_attention)
def test_layers_without_attention_weights_refuse_to_give_them(plan: str) -> None:
    model = build(SpectransModel, plan)
    sentence = rf"output_attentions must be False: no mixer of the plan \({plan}\) has"
    with pytest.raises(ValueError, match=sentence):
        model(**batch(SpectransModel), output_attentions=True)
    assert model(**batch(SpectransModel), output_attentions=False).attentions is None


def test_attentions_of_nothing_but_padding_are_zero() -> None:
    inputs = {**batch(SpectransModel), "attention_mask": torch.zeros(3, 9)}
    output = build(SpectransModel)(**inputs, output_attentions=True, output_hidden_states=True)
    assert not output.attentions[0].any()
    assert not output.last_hidden_state.any()


def test_attentions_are_refused_while_layers_are_computed_twice() -> None:
    model = build(SpectransModel).train()
    model.activation_checkpointing_enable()
    with pytest.raises(ValueError, match="be False in training with gradient checkpointing"):
        model(**batch(SpectransModel), output_attentions=True)
    model.activation_checkpointing_disable()
    assert model(**batch(SpectransModel), output_attentions=True).attentions


def test_the_config_may_ask_for_states_and_attentions() -> None:
    model = build(SpectransModel, output_hidden_states=True, attn_implementation="eager")
    model.config.output_attentions = True
    output = model(**batch(SpectransModel))
    assert (len(output.hidden_states), len(output.attentions)) == (3, 1)


@pytest.mark.parametrize(("every", "again"), [(1, [0, 1, 2, 3]), (2, [0, 2]), (3, [0, 3])])
def test_every_nth_block_is_computed_again(every: int, again: list[int]) -> None:
    model = build(SpectransModel, mixers="fourier", num_layers=4).train()
    model.activation_checkpointing_enable(every_n_layers=every)
    assert model.is_activation_checkpointing
    calls: list[int] = []
    for number, block in enumerate(model.model.blocks):
        block.register_forward_pre_hook(lambda *_, number=number: calls.append(number))
    model(**batch(SpectransModel)).last_hidden_state.sum().backward()
    assert sorted(calls[4:]) == again
    model.activation_checkpointing_disable()
    assert not model.is_activation_checkpointing
    calls.clear()
    model(**batch(SpectransModel)).last_hidden_state.sum().backward()
    assert calls == [0, 1, 2, 3]


def test_the_config_may_ask_for_checkpointing() -> None:
    model = SpectransModel(config(gradient_checkpointing=True))
    assert model.is_activation_checkpointing
    assert all(model.model.recompute)


class Called(TorchDispatchMode):
    """The names of the operations that run inside."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("asked", "fused"), [("sdpa", True), ("eager", False)])
def test_eager_attention_calls_no_fused_kernel(asked: str, fused: bool) -> None:
    model = build(SpectransModel, "attention", attn_implementation=asked)
    with Called() as called, torch.no_grad():
        model(**batch(SpectransModel))
    assert any("flash" in name for name in called.names) is fused


# -- token types and positions ---------------------------------------------------------------


def test_token_types_reach_the_model() -> None:
    model, inputs = build(SpectransModel, type_vocab_size=2), batch(SpectransModel)
    types = torch.ones_like(inputs["input_ids"])
    expected = model.model(inputs["input_ids"], None, inputs["attention_mask"], types)
    found = model(**inputs, token_type_ids=types).last_hidden_state
    assert torch.equal(found, expected)
    assert not torch.equal(found, model(**inputs).last_hidden_state)


def test_zeros_are_no_token_types_and_others_are_refused() -> None:
    model, inputs = build(SpectransModel), batch(SpectransModel)
    zeros = torch.zeros_like(inputs["input_ids"])
    found = model(**inputs, token_type_ids=zeros).last_hidden_state
    assert torch.equal(found, model(**inputs).last_hidden_state)
    with pytest.raises(
        ValueError, match="token_type_ids must be 0 for a model without type_vocab_s"
    ):
        model(**inputs, token_type_ids=zeros + 1)


def test_positions_reach_the_model() -> None:
    model, inputs = build(SpectransModel), batch(SpectransModel)
    places = torch.arange(9).flip(0).expand(3, 9)
    moved = model(**inputs, position_ids=places).last_hidden_state
    expected = model.model(inputs["input_ids"], None, inputs["attention_mask"], None, places)
    assert torch.equal(moved, expected)
    assert not torch.equal(moved, model(**inputs).last_hidden_state)
    rotary = build(SpectransModel, positional_encoding_type="rotary")
    with pytest.raises(ValueError, match="position_ids must not be given to a model that adds no"):
        rotary(**inputs, position_ids=places)


def test_a_pooler_gives_one_vector_per_row() -> None:
    model, inputs = build(SpectransModel, pooler="tanh", pooling="cls"), batch(SpectransModel)
    output = model(**inputs)
    dense = model.model.output_head.pooler.dense
    torch.testing.assert_close(
        output.pooler_output, torch.tanh(dense(output.last_hidden_state[:, 0]))
    )
    assert build(SpectransModel)(**inputs).pooler_output is None


def test_a_model_may_be_fed_with_vectors_alone() -> None:
    model = build(SpectransForSequenceClassification, vocab_size=None)
    assert model.main_input_name == "inputs_embeds"
    assert model.get_input_embeddings() is None
    vectors = torch.randn(2, 5, 16)
    assert model(inputs_embeds=vectors).logits.shape == (2, 3)
    with pytest.raises(
        ValueError, match="input_ids must not be given to a model without vocab_size"
    ):
        model(torch.zeros(2, 5).long())


def test_an_unknown_input_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'attention_msak'"):
        build(SpectransForMaskedLM)(torch.zeros(2, 5).long(), attention_msak=None)


# -- compiled ----------------------------------------------------------------------------------


# torch's compilers use parts of torch that torch has deprecated.
@every_task
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.usefixtures("without_shape_checks")
def test_a_dense_batch_compiles_to_one_graph(cls: Any) -> None:
    torch._dynamo.reset()
    model, inputs = build(cls), {**batch(cls, padded=False), **labels(cls)}
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    output, expected = compiled(**inputs), model(**inputs)
    torch.testing.assert_close(answers(output), answers(expected))
    assert ("loss" in output) == (cls is not SpectransModel)
    torch.testing.assert_close(output.get("loss"), expected.get("loss"))


@pytest.mark.usefixtures("without_shape_checks")
def test_a_padded_batch_compiles() -> None:
    torch._dynamo.reset()
    model, inputs = build(SpectransForMaskedLM), batch(SpectransForMaskedLM)
    compiled = torch.compile(model, backend="eager")
    with torch.no_grad():
        torch.testing.assert_close(compiled(**inputs).logits, model(**inputs).logits)
