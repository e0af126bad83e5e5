"""What stands before the blocks: tables, token types, the norm over their sum, the projection."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spectrans import HybridEncoder, HybridTransformer
from spectrans.blocks import Norm
from tests.test_packing import LENGTHS, left, right, scattered

SMALL: dict[str, Any] = {
    "hidden_dim": 24, "num_layers": 2, "max_sequence_length": 16, "num_heads": 3, "dropout": 0.0
}  # fmt: skip
FULL: dict[str, Any] = {
    **SMALL, "vocab_size": 9, "type_vocab_size": 3, "embedding_dim": 10, "embedding_norm": True,
    "positional_encoding_type": "learned",
}  # fmt: skip


def first_seen(model: HybridTransformer, ids: Tensor, **inputs: Tensor) -> Tensor:
    """What the first block sees."""
    seen: list[Tensor] = []
    model.blocks[0].register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    model(ids, **inputs)
    return seen[0]


def test_the_input_is_the_projected_norm_of_the_sum_of_three_tables() -> None:
    model = HybridTransformer(**FULL).double().eval()
    tensors = {k: torch.randn_like(v) for k, v in model.state_dict().items()}
    model.load_state_dict(tensors)
    ids, types = torch.randint(0, 9, (2, 5)), torch.randint(0, 3, (2, 5))
    x = F.one_hot(ids, 9).double() @ tensors["embedding.weight"]
    x = x + F.one_hot(types, 3).double() @ tensors["type_embedding.weight"]
    x = x + tensors["positions.weight"][:5]
    x = x - x.mean(-1, keepdim=True)
    x = x / (x.square().mean(-1, keepdim=True) + 1e-12).sqrt()
    x = x * tensors["embedding_norm.weight"] + tensors["embedding_norm.bias"]
    x = x @ tensors["embedding_projection.weight"].T + tensors["embedding_projection.bias"]
    torch.testing.assert_close(first_seen(model, ids, token_type_ids=types), x)


def test_checkpoint_keys_of_the_input_are_fixed_for_ever() -> None:
    keys = HybridTransformer(**FULL).state_dict().keys()
    layers = ("embedding_norm", "embedding_projection")
    assert {key for key in keys if not key.startswith(("blocks", "final_norm"))} == {
        "embedding.weight", "positions.weight", "type_embedding.weight",
        *(f"{layer}.{part}" for layer in layers for part in ("weight", "bias")),
    }  # fmt: skip


def test_no_token_types_are_type_zero_everywhere() -> None:
    model = HybridTransformer(**FULL).eval()
    ids = torch.randint(0, 9, (2, 5))
    assert torch.equal(model(ids), model(ids, token_type_ids=torch.zeros_like(ids)))
    assert not torch.equal(model(ids), model(ids, token_type_ids=torch.ones_like(ids)))


@pytest.mark.parametrize("padding", [right, left, scattered], ids=lambda f: f.__name__)
def test_padding_never_changes_a_real_token_of_any_type(padding: Any) -> None:
    model = HybridTransformer(**FULL).double().eval()
    ids, types = torch.randint(0, 9, (5, 16)), torch.randint(0, 3, (5, 16))
    mask = padding(LENGTHS, 16)
    together = model(ids, attention_mask=mask, token_type_ids=types)
    for row in (0, 1, 2, 4):
        real = mask[row]
        alone = model(ids[row][real][None], token_type_ids=types[row][real][None])[0]
        torch.testing.assert_close(together[row][real], alone)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8])
def test_token_types_may_have_any_integer_type(dtype: torch.dtype) -> None:
    model = HybridTransformer(**FULL).eval()
    ids, types = torch.randint(0, 9, (2, 5)), torch.randint(0, 3, (2, 5))
    expected = model(ids, token_type_ids=types)
    assert torch.equal(model(ids, token_type_ids=types.to(dtype)), expected)


@pytest.mark.parametrize(
    ("types", "sentence"),
    [
        (
            torch.zeros(2, 4).long(),
            r"token_type_ids must have the shape of the batch, \(2, 5\), got",
        ),
        (torch.full((2, 5), 3), r"token_type_ids must lie in 0..2, got 3"),
        (torch.zeros(2, 5), "token_type_ids must hold integers, got torch.float32"),
    ],
    ids=["shape", "range", "floats"],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_bad_token_types_are_refused(types: Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HybridTransformer(**FULL)(torch.zeros(2, 5).long(), token_type_ids=types)


def test_token_types_need_a_table() -> None:
    ids = torch.zeros(2, 5).long()
    with pytest.raises(ValueError, match="must not be given to a model without type_vocab_size"):
        HybridTransformer(vocab_size=9, **SMALL)(ids, token_type_ids=ids)


def test_an_encoder_takes_vectors_of_the_embedding_width() -> None:
    model = HybridEncoder(**SMALL, embedding_dim=10)
    assert model(inputs_embeds=torch.randn(2, 5, 10)).shape == (2, 5, 24)
    with pytest.raises(ValueError, match=r"inputs_embeds must have shape \(b, n, 10\)"):
        model(inputs_embeds=torch.randn(2, 5, 24))


def test_an_encoder_adds_token_types_to_vectors() -> None:
    model = HybridEncoder(**SMALL, type_vocab_size=2).double()
    x, types = torch.randn(2, 5, 24, dtype=torch.float64), torch.randint(0, 2, (2, 5))
    assert model.type_embedding is not None
    shifted = x + model.type_embedding(types) - model.type_embedding.weight[0]
    together = model(inputs_embeds=x, token_type_ids=types)
    torch.testing.assert_close(together, model(inputs_embeds=shifted))


def test_every_table_and_layer_of_the_input_gets_a_gradient() -> None:
    model = HybridTransformer(**FULL, num_classes=2)
    ids = torch.randint(0, 9, (4, 16))
    model(ids, token_type_ids=ids % 3)[:, 0].sum().backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    assert [name for name, g in gradients.items() if g is None or not g.any()] == []


@pytest.mark.parametrize("power", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_an_exact_norm_equals_torch_at_every_power(power: float, dtype: torch.dtype) -> None:
    norm = Norm(16, eps=1e-12, exact=True).to(dtype)
    x = power * torch.randn(3, 16, dtype=dtype)
    expected = F.layer_norm(x, (16,), eps=1e-12)
    torch.testing.assert_close(norm(x), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("eps", [0.0, 1e-12])
def test_an_exact_norm_of_zeros_is_finite_in_value_and_slope(eps: float) -> None:
    x = torch.zeros(2, 16, requires_grad=True)
    y = Norm(16, eps=eps, exact=True)(x)
    y.backward(torch.randn_like(y))
    assert x.grad is not None
    assert not y.any()
    assert not x.grad.any()


@pytest.mark.parametrize("kind", ["learned", "sinusoidal"])
def test_positions_may_be_given(kind: Any) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, positional_encoding_type=kind).eval()
    ids, places = torch.randint(0, 9, (2, 5)), torch.randint(0, 16, (2, 5))
    assert model.positions is not None
    tokens = model.get_submodule("embedding")(ids)
    rows = [model.positions(tokens[row], places[row]) for row in (0, 1)]
    torch.testing.assert_close(first_seen(model, ids, position_ids=places), torch.stack(rows))


@pytest.mark.parametrize("kind", ["learned", "sinusoidal"])
@pytest.mark.parametrize("side", [left, right, scattered])
def test_given_positions_stay_with_their_tokens_through_packing(kind: Any, side: Any) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, positional_encoding_type=kind).eval()
    ids, mask = torch.randint(0, 9, (5, 16)), side(LENGTHS, 16)
    counted = (mask.cumsum(1) - 1).clamp(min=0)
    found = model(ids, attention_mask=mask, position_ids=counted)
    torch.testing.assert_close(found, model(ids, attention_mask=mask))
    moved = model(ids, attention_mask=mask, position_ids=15 - counted)
    assert (moved - found)[mask].abs().amax() > 0.1


@pytest.mark.parametrize(
    ("kind", "places", "sentence"),
    [
        ("rotary", torch.zeros(2, 5).long(), "to a model that adds no positions"),
        ("learned", torch.full((2, 5), 16), r"position_ids must lie in 0..15, got 16"),
        ("learned", torch.zeros(5).long(), r"have the shape of the batch, \(2, 5\), got \(5,\)"),
        ("sinusoidal", torch.zeros(2, 5), "position_ids must hold integers"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_positions_that_mean_nothing_are_refused(kind: Any, places: Tensor, sentence: str) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, positional_encoding_type=kind)
    with pytest.raises(ValueError, match=sentence):
        model(torch.zeros(2, 5).long(), position_ids=places)
