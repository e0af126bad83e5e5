"""Whole models: initialisation, depth, dropout, heads, checkpointing, precision, bad input."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spectrans import FNet, HybridEncoder, HybridTransformer
from spectrans.blocks import FeedForward, HybridBlock
from spectrans.mixers import MIXERS, Dims, Fourier
from tests.cases import CASES, Case, ids

SMALL: dict[str, Any] = {
    "hidden_dim": 24, "num_layers": 2, "max_sequence_length": 16, "num_heads": 3, "dropout": 0.0
}  # fmt: skip
every_mixer = pytest.mark.parametrize("case", CASES, ids=ids)
PLANS = [*MIXERS, *(f"{a},{b}" for a, b in itertools.combinations(MIXERS, 2))]


def custom(layers: Any, **changes: Any) -> HybridTransformer:
    settings = {**SMALL, **changes}
    return HybridTransformer(**settings, alternation_pattern="custom", layer_types=layers)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_the_residual_stream_keeps_its_power_over_48_layers(plan: str, dtype: torch.dtype) -> None:
    model = custom(plan, vocab_size=50, num_layers=48, hidden_dim=32, num_heads=4).to(dtype)
    powers: list[float] = []
    for block in model.blocks:
        block.register_forward_hook(lambda m, args, y: powers.append(float(y.square().mean())))
    with torch.no_grad():
        model(torch.randint(0, 50, (4, 16)))
    assert max(powers) < 12
    assert min(powers) > 0.5


@pytest.mark.parametrize("plan", PLANS)
def test_gradients_keep_their_size_over_48_layers(plan: str) -> None:
    model = custom(plan, num_layers=48, hidden_dim=32, num_heads=4, output_type="none")
    x = torch.randn(4, 16, 32, requires_grad=True)
    y = model(inputs_embeds=x)
    y.backward(torch.randn_like(y))
    assert x.grad is not None
    assert 0.1 < float(x.grad.square().mean().sqrt()) < 10


@every_mixer
def test_every_parameter_gets_a_gradient(case: Case) -> None:
    model = custom([case.options] * 2, vocab_size=9, num_classes=3)
    model(torch.randint(0, 9, (4, 16)))[:, 0].sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_dropout_acts_once_per_branch(norm_position: Any) -> None:
    block = HybridBlock(
        Fourier().build(Dims(hidden_dim=24)), 24, 48, dropout=0.5, norm_position=norm_position
    )
    calls: list[float] = []
    for module in block.modules():
        if isinstance(module, nn.Dropout):
            module.register_forward_hook(
                lambda m, args, y: calls.append(float((y == 0).float().mean()))
            )
    block(torch.randn(4, 50, 24))
    assert len(calls) == 2
    assert calls == pytest.approx([0.5, 0.5], abs=0.05)


def test_dropout_changes_nothing_in_evaluation() -> None:
    model = custom("fourier,attention", vocab_size=9, dropout=0.5).eval()
    ids = torch.randint(0, 9, (2, 16))
    assert torch.equal(model(ids), model(ids))


def test_a_pre_norm_block_is_its_definition() -> None:
    block = HybridBlock(Fourier().build(Dims(hidden_dim=24)), 24, 48, residual_scale=0.3).double()
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    middle = x + 0.3 * block.mixer(block.norm1(x))
    torch.testing.assert_close(block(x), middle + 0.3 * block.ffn(block.norm2(middle)))


def test_a_post_norm_block_is_its_definition() -> None:
    block = HybridBlock(
        Fourier().build(Dims(hidden_dim=24)), 24, 48, norm_position="post"
    ).double()  # fmt: skip
    x = torch.randn(2, 5, 24, dtype=torch.float64)
    middle = block.norm1(x + block.mixer(x))
    torch.testing.assert_close(block(x), block.norm2(middle + block.ffn(middle)))


def test_the_feed_forward_network_is_its_definition() -> None:
    ffn = FeedForward(4, 8).double()
    x = torch.randn(3, 4, dtype=torch.float64)
    hidden = x @ ffn.up.weight.T + ffn.up.bias
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))
    torch.testing.assert_close(ffn(x), hidden @ ffn.down.weight.T + ffn.down.bias)


@every_mixer
@pytest.mark.parametrize("padded", [False, True])
def test_gradient_checkpointing_changes_no_gradient(case: Case, padded: bool) -> None:
    mask = torch.ones(4, 16)
    mask[1, 5:] = 1 - float(padded)
    found = []
    for checkpointing in (False, True):
        torch.manual_seed(3)
        model = custom(
            [case.options] * 2, vocab_size=9, num_classes=3, dropout=0.2,
            gradient_checkpointing=checkpointing,
        )  # fmt: skip
        torch.manual_seed(4)
        model(torch.arange(64).view(4, 16) % 9, attention_mask=mask).square().sum().backward()
        found.append([p.grad for p in model.parameters()])
    torch.testing.assert_close(found[1], found[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"num_classes": 3}, (2, 3)),
        ({}, (2, 16, 24)),
        ({"output_type": "none"}, (2, 16, 24)),
        ({"output_type": "regression"}, (2, 1)),
        ({"output_type": "regression", "num_classes": 5}, (2, 5)),
        ({"output_type": "sequence", "num_classes": 5}, (2, 16, 5)),
        ({"output_type": "lm"}, (2, 16, 9)),
        ({"output_type": "lm", "tie_embeddings": False}, (2, 16, 9)),
    ],
)
def test_a_head_gives_its_shape(arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, **arguments)
    assert model(torch.zeros(2, 16, dtype=torch.long)).shape == shape


def test_the_lm_head_is_tied_and_its_logits_start_near_power_one() -> None:
    model = HybridTransformer(vocab_size=500, hidden_dim=256, num_layers=2, output_type="lm")
    logits = model(torch.randint(0, 500, (2, 16)))
    assert "output_head.weight" not in model.state_dict()
    assert 0.3 < logits.square().mean().item() < 3
    logits[..., 7].sum().backward()
    assert model.embedding is not None
    assert model.embedding.weight.grad is not None
    assert model.embedding.weight.grad[7].abs().sum() > 0


def test_checkpoint_keys_are_fixed_for_ever() -> None:
    model = HybridTransformer(
        vocab_size=9, **SMALL, num_classes=3, positional_encoding_type="learned"
    )
    norm = ["weight", "bias"]
    block = [f"norm1.{k}" for k in norm] + [f"norm2.{k}" for k in norm]
    block += [f"ffn.{layer}.{k}" for layer in ("up", "down") for k in norm]
    keys = {"embedding.weight", "positions.weight", "final_norm.weight", "final_norm.bias"}
    keys |= {"output_head.linear.weight", "output_head.linear.bias"}
    keys |= {f"blocks.{i}.{key}" for i in (0, 1) for key in block}
    keys |= {f"blocks.1.mixer.heads.{part}.{k}" for part in ("qkv", "out") for k in norm}
    assert model.state_dict().keys() == keys


def test_a_deep_copy_is_independent() -> None:
    import copy

    model = HybridTransformer(vocab_size=9, **SMALL, output_type="lm").eval()
    twin = copy.deepcopy(model)
    ids = torch.zeros(1, 4, dtype=torch.long)
    expected = model(ids)
    with torch.no_grad():
        assert model.embedding is not None
        model.embedding.weight.zero_()
    assert torch.equal(twin(ids), expected)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "forward must get input_ids or inputs_embeds, got 'neither'"),
        (
            {
                "input_ids": torch.zeros(1, 2, dtype=torch.long),
                "inputs_embeds": torch.zeros(1, 2, 24),
            },
            "got 'both'",
        ),
        ({"input_ids": torch.tensor([[9]])}, r"input_ids must lie in 0..8, got 9"),
        ({"input_ids": torch.tensor([[-1]])}, r"input_ids must lie in 0..8, got -1"),
        ({"input_ids": torch.zeros(2, 3)}, "input_ids must hold integers, got torch.float32"),
        ({"input_ids": torch.zeros(3, dtype=torch.long)}, r"input_ids must have shape \(b, n\)"),
        ({"input_ids": torch.zeros(3, 0, dtype=torch.long)}, r"with b, n >= 1, got \(3, 0\)"),
        ({"input_ids": torch.zeros(0, 3, dtype=torch.long)}, r"with b, n >= 1, got \(0, 3\)"),
        ({"inputs_embeds": torch.zeros(0, 3, 24)}, r"with b, n >= 1, got \(0, 3, 24\)"),
        ({"inputs_embeds": torch.zeros(1, 2, 23)}, r"inputs_embeds must have shape \(b, n, 24\)"),
        ({"inputs_embeds": torch.zeros(1, 2, 24).long()}, "inputs_embeds must hold floating-point"),
    ],
)
@pytest.mark.usefixtures("without_shape_checks")
def test_bad_input_is_refused_in_one_sentence(inputs: dict[str, Tensor], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HybridTransformer(vocab_size=9, **SMALL)(**inputs)


def test_ids_need_a_vocabulary() -> None:
    with pytest.raises(
        ValueError, match="input_ids must not be given to a model without vocab_size"
    ):
        HybridEncoder(**SMALL)(torch.zeros(1, 2, dtype=torch.long))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.uint8])
def test_ids_may_have_any_integer_type(dtype: torch.dtype) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL).eval()
    ids = torch.arange(8).view(2, 4)
    assert torch.equal(model(ids.to(dtype)), model(ids))


def test_fnet_takes_either_norm_position() -> None:
    for position, keys in (("pre", 2), ("post", 0)):
        model = FNet(vocab_size=9, hidden_dim=8, num_layers=2, norm_position=position)  # type: ignore[arg-type]
        assert sum(key.startswith("final_norm") for key in model.state_dict()) == keys
        assert model(torch.zeros(1, 5, dtype=torch.long)).isfinite().all()


def test_a_summary_counts_parameters_and_operations() -> None:
    model = HybridTransformer(vocab_size=9, hidden_dim=64, num_layers=2, num_heads=4, num_classes=3)
    summary = model.summary(128)
    assert summary.parameters == sum(p.numel() for p in model.parameters())
    assert [layer.mixer for layer in summary.layers] == ["fourier", "attention"]
    assert [layer.mixer_parameters for layer in summary.layers] == [0, 4 * 64 * 64 + 4 * 64]
    n, d = 128, 64
    attention, ffn = 2 * n * (4 * d * d) + 4 * n * n * d, 2 * n * 8 * d * d
    # The rest is norms, activations, softmax and additions.
    assert summary.layers[1].flops == pytest.approx(attention + ffn, rel=0.1)
    assert summary.layers[1].mixer_flops == pytest.approx(attention, rel=0.1)
    fourier = 2.5 * n * d * 13
    assert summary.layers[0].mixer_flops == pytest.approx(fourier, rel=0.2)


@pytest.mark.parametrize("length", [0, -3])
def test_a_summary_is_for_rows_of_some_tokens(length: int) -> None:
    with pytest.raises(ValueError, match=f"sequence_length must be at least 1, got {length}"):
        custom("fourier").summary(length)


def test_a_summary_reads_as_a_table() -> None:
    text = str(custom(["fourier", {"type": "wavelet", "levels": 2}]).summary())
    lines = text.splitlines()
    assert "mixer" in lines[0]
    assert "fourier" in lines[2]
    assert "levels=2" in lines[3]
    assert lines[-1].endswith("per token")
    assert max(map(len, lines)) <= 100


@every_mixer
def test_every_mixer_has_a_cost_that_grows_with_length(case: Case) -> None:
    model = custom([case.options] * 2, output_type="none")
    costs = [model.summary(n).layers[0].mixer_flops for n in (16, 64)]
    assert costs[0] > 0
    assert costs[1] > 2 * costs[0]


def test_only_the_chosen_blocks_are_computed_again() -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, gradient_checkpointing=True)
    model.recompute = (model.recompute[0], None)
    calls: list[int] = []
    for number, block in enumerate(model.blocks):
        block.register_forward_pre_hook(lambda *_, number=number: calls.append(number))
    ids = torch.zeros(1, 4, dtype=torch.long)
    model(ids).sum().backward()
    assert calls == [0, 1, 0]
    calls.clear()
    model.eval()(ids).sum().backward()
    assert calls == [0, 1]


@pytest.mark.parametrize("mask", [None, torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])])
def test_the_states_of_a_pass_are_what_blocks_see_and_give(mask: Tensor | None) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, num_classes=3).eval()
    seen: list[Tensor] = []
    model.blocks[0].register_forward_pre_hook(lambda block, args: seen.append(args[0]))
    for block in model.blocks:
        block.register_forward_hook(lambda block, args, y: seen.append(y))
    ids, states = torch.randint(0, 9, (2, 4)), list[Tensor]()
    hidden, rows = model.encode(ids, attention_mask=mask, states=states)
    assert len(states) == 3
    assert all(torch.equal(state, x) for state, x in zip(states, seen, strict=True))
    assert model.final_norm is not None
    assert torch.equal(hidden, model.final_norm(states[-1]))
    assert torch.equal(model.answer(hidden, rows), model(ids, attention_mask=mask))
