"""What stands behind the blocks: pooling, the pooled row's layer, the transform before scores."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spectrans import HybridTransformer
from spectrans.blocks import ACTIVATIONS, FeedForward, HybridBlock
from spectrans.mixers import Dims, Fourier
from tests.test_packing import LENGTHS, left

SMALL: dict[str, Any] = {
    "vocab_size": 9, "hidden_dim": 24, "num_layers": 2, "max_sequence_length": 16, "num_heads": 3,
    "dropout": 0.0,
}  # fmt: skip
# Literal, from the definitions.
DEFINED = {
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "gelu_tanh": lambda x: 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "relu": lambda x: torch.where(x > 0, x, torch.zeros_like(x)),
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "tanh": lambda x: (torch.exp(2 * x) - 1) / (torch.exp(2 * x) + 1),
}  # fmt: skip
every_activation = pytest.mark.parametrize("activation", DEFINED)


def build(**changes: Any) -> HybridTransformer:
    model = HybridTransformer(**SMALL, **changes).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def hidden_of(model: HybridTransformer, ids: Tensor, **inputs: Tensor) -> Tensor:
    """The hidden states that the head of a model sees."""
    plain = HybridTransformer(**SMALL, output_type="none").double().eval()
    kept = {k: v for k, v in model.state_dict().items() if not k.startswith("output_head")}
    plain.load_state_dict(kept)
    return plain(ids, **inputs)


def test_every_activation_has_a_definition_under_test() -> None:
    assert ACTIVATIONS.keys() == DEFINED.keys()


@every_activation
def test_the_feed_forward_network_has_the_activation_of_its_name(activation: Any) -> None:
    ffn = FeedForward(4, 8, activation).double()
    x = torch.randn(3, 4, dtype=torch.float64)
    hidden = DEFINED[activation](x @ ffn.up.weight.T + ffn.up.bias)
    torch.testing.assert_close(ffn(x), hidden @ ffn.down.weight.T + ffn.down.bias)


@every_activation
def test_the_activation_reaches_every_block_and_the_transform(activation: Any) -> None:
    model = build(activation=activation, output_type="lm", lm_transform=True)
    ids = torch.randint(0, 9, (2, 5))
    found = model(ids)
    torch.testing.assert_close(found, literal_scores(model, hidden_with(model, activation, ids)))


def hidden_with(model: HybridTransformer, activation: str, ids: Tensor) -> Tensor:
    seen: list[Tensor] = []
    assert model.output_head is not None
    handle = model.output_head.register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    model(ids)
    handle.remove()
    for block in model.blocks:
        assert isinstance(block, HybridBlock)
        assert block.ffn.activation == activation
    return seen[0]


def literal_scores(model: HybridTransformer, x: Tensor, scale: float = 24**-0.5) -> Tensor:
    w = model.state_dict()
    head = "output_head.transform."
    x = DEFINED[model.config.activation](x @ w[head + "dense.weight"].T + w[head + "dense.bias"])
    x = F.layer_norm(x, x.shape[-1:], w[head + "norm.weight"], w[head + "norm.bias"], eps=1e-12)
    return scale * x @ w["embedding.weight"].T + w["output_head.bias"]


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_pooled_rows_are_what_the_classifier_reads(pooling: Any) -> None:
    model = build(output_type="pooled", pooling=pooling)
    ids, mask = torch.randint(0, 9, (5, 16)), left(LENGTHS, 16)
    x = hidden_of(model, ids, attention_mask=mask)
    summary = {"mean": lambda x: x.mean(0), "cls": lambda x: x[0], "max": lambda x: x.amax(0)}
    found = model(ids, attention_mask=mask)
    for row in (0, 1, 2, 4):
        torch.testing.assert_close(found[row], summary[pooling](x[row][mask[row]]))
    assert not found[3].any()


@every_activation
@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("head", ["classification", "regression"])
def test_the_pooler_is_a_layer_on_the_pooled_row(activation: Any, pooling: Any, head: Any) -> None:
    model = build(output_type=head, num_classes=3, pooling=pooling, pooler=activation)
    ids = torch.randint(0, 9, (2, 5))
    x = hidden_of(model, ids)
    x = x[:, 0] if pooling == "cls" else x.mean(1)
    w = {k.removeprefix("output_head."): v for k, v in model.state_dict().items()}
    x = DEFINED[activation](x @ w["pooler.dense.weight"].T + w["pooler.dense.bias"])
    torch.testing.assert_close(model(ids), x @ w["linear.weight"].T + w["linear.bias"])


def test_pooled_vectors_go_through_the_pooler() -> None:
    model = build(output_type="pooled", pooling="cls", pooler="tanh")
    ids = torch.randint(0, 9, (2, 5))
    x = hidden_of(model, ids)[:, 0]
    w = model.state_dict()
    dense = "output_head.pooler.dense."
    x = torch.tanh(x @ w[dense + "weight"].T + w[dense + "bias"])
    torch.testing.assert_close(model(ids), x)


def test_the_pooler_has_one_name_with_and_without_classes() -> None:
    pooled = build(output_type="pooled", pooler="tanh").state_dict().keys()
    classes = build(num_classes=3, pooler="tanh").state_dict().keys()
    assert classes - pooled == {"output_head.linear.weight", "output_head.linear.bias"}
    assert pooled <= classes


@pytest.mark.parametrize(("scale", "factor"), [(None, 24**-0.5), (1.0, 1.0), (0.25, 0.25)])
def test_scores_are_the_transformed_token_times_the_embedding(scale: Any, factor: float) -> None:
    model = build(output_type="lm", lm_transform=True, logit_scale=scale)
    ids = torch.randint(0, 9, (2, 5))
    torch.testing.assert_close(model(ids), literal_scores(model, hidden_of(model, ids), factor))


@pytest.mark.parametrize("tied", [True, False])
def test_the_transform_maps_to_the_width_of_the_embedding(tied: bool) -> None:
    model = build(output_type="lm", lm_transform=True, embedding_dim=10, tie_embeddings=tied)
    assert model(torch.randint(0, 9, (2, 5))).shape == (2, 5, 9)
    width = {k: v.shape[1] for k, v in model.state_dict().items() if k.endswith("linear.weight")}
    assert width == ({} if tied else {"output_head.linear.weight": 10})


def test_a_token_head_reads_the_transform_when_untied() -> None:
    model = build(output_type="lm", lm_transform=True, tie_embeddings=False)
    with torch.no_grad():
        model.get_parameter("output_head.linear.weight").copy_(
            model.state_dict()["embedding.weight"]
        )
    tied = build(output_type="lm", lm_transform=True, logit_scale=1.0)
    weights = {k: v for k, v in model.state_dict().items() if "linear" not in k}
    bias = model.state_dict()["output_head.linear.bias"]
    tied.load_state_dict({**weights, "output_head.bias": bias})
    ids, mask = torch.randint(0, 9, (5, 16)), left(LENGTHS, 16)
    torch.testing.assert_close(model(ids, attention_mask=mask), tied(ids, attention_mask=mask))


@pytest.mark.parametrize(
    "head",
    [
        {"num_classes": 3},
        {"output_type": "regression"},
        {"output_type": "sequence", "num_classes": 3},
    ],
    ids=["classification", "regression", "sequence"],
)
def test_head_dropout_drops_what_the_last_layer_reads(head: dict[str, Any]) -> None:
    model = build(**head, head_dropout=0.5).train()
    assert model.output_head is not None
    last = model.get_submodule("output_head.linear")
    shares: list[float] = []
    last.register_forward_pre_hook(lambda m, args: shares.append((args[0] == 0).double().mean()))
    model(torch.randint(0, 9, (64, 16)))
    assert shares == pytest.approx([0.5], abs=0.1)


@pytest.mark.parametrize("mixing", [0.0, 0.8, None])
def test_each_branch_has_its_dropout(mixing: float | None) -> None:
    block = HybridBlock(
        Fourier().build(Dims(hidden_dim=24)), 24, 48, dropout=0.3, mixing_dropout=mixing
    )
    shares: list[float] = []
    for module in (block.mixing_dropout, block.dropout):
        module.register_forward_hook(
            lambda m, args, y: shares.append(float((y == 0).float().mean()))
        )
    block(torch.randn(8, 50, 24))
    assert shares == pytest.approx([0.3 if mixing is None else mixing, 0.3], abs=0.05)


def test_the_dropout_of_a_model_reaches_each_branch() -> None:
    model = HybridTransformer(**{**SMALL, "dropout": 0.3}, mixing_dropout=0.8)
    rates = [(b.mixing_dropout.p, b.dropout.p) for b in model.blocks if isinstance(b, HybridBlock)]
    assert rates == [(0.8, 0.3)] * 2


def test_the_new_layers_keep_the_power_of_what_they_see() -> None:
    model = HybridTransformer(
        vocab_size=500, hidden_dim=256, num_layers=2, output_type="lm", lm_transform=True,
        embedding_dim=64, embedding_norm=True, type_vocab_size=2,
    ).eval()  # fmt: skip
    seen: list[float] = []
    model.blocks[0].register_forward_pre_hook(
        lambda m, args: seen.append(float(args[0].square().mean()))
    )
    with torch.no_grad():
        logits = model(torch.randint(0, 500, (4, 16)))
    assert seen == pytest.approx([1.0], abs=0.3)
    assert 0.3 < logits.square().mean().item() < 3
