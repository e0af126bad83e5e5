"""Padding of any kind, amount and place changes no real token, in any model."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spectrans import AlternatingTransformer, HybridEncoder, HybridTransformer
from spectrans.blocks import HybridBlock
from spectrans.mixers import MIXERS
from spectrans.packing import pack_rows
from tests.custom import Shift, registered

SPECTRAL = [name for name, options in MIXERS.items() if options.kind == "spectral"]
SPATIAL = [name for name, options in MIXERS.items() if options.kind == "spatial"]
PAIRS = [(a, b) for a in SPECTRAL for b in SPATIAL]
SMALL: dict[str, Any] = {
    "hidden_dim": 24, "num_layers": 2, "max_sequence_length": 16, "num_heads": 3, "dropout": 0.0
}  # fmt: skip

# Rows of 9, 16, 1, 0 and 9 real tokens among 16.
LENGTHS = (9, 16, 1, 0, 9)


def right(lengths: tuple[int, ...], n: int) -> Tensor:
    return torch.stack([torch.arange(n) < length for length in lengths])


def left(lengths: tuple[int, ...], n: int) -> Tensor:
    return right(lengths, n).flip(1)


def scattered(lengths: tuple[int, ...], n: int) -> Tensor:
    return torch.stack([torch.randperm(n) < length for length in lengths])


PADDINGS = [right, left, scattered]
every_padding = pytest.mark.parametrize("padding", PADDINGS, ids=lambda f: f.__name__)
every_pair = pytest.mark.parametrize(("spectral", "spatial"), PAIRS)


def encode_alone(model: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
    """Each row's real tokens through the model by themselves, put back in their places."""
    rows = []
    for row, real in zip(x, mask, strict=True):
        there = torch.zeros_like(row)
        if real.any():
            alone = model(inputs_embeds=row[real][None])[0]
            there = there.masked_scatter(real[:, None].expand_as(row), alone)
        rows.append(there)
    return torch.stack(rows)


def assert_padding_is_exact(
    model: nn.Module, mask: Tensor, dtype: torch.dtype, bound: float
) -> None:
    model = model.to(dtype)
    x = torch.randn(*mask.shape, 24, dtype=dtype)
    junk = torch.where(mask[..., None], x, 1e3 * torch.randn_like(x)).requires_grad_()
    clean = x.clone().requires_grad_()
    weight = torch.randn_like(x) * mask[..., None]

    model.zero_grad()
    together = model(inputs_embeds=junk, attention_mask=mask)
    (together * weight).sum().backward()
    found = [p.grad.clone() for p in model.parameters() if p.grad is not None]

    model.zero_grad()
    apart = encode_alone(model, clean, mask)
    (apart * weight).sum().backward()
    expected = [p.grad for p in model.parameters() if p.grad is not None]

    def close(a: Any, b: Any) -> None:
        torch.testing.assert_close(a, b, rtol=bound, atol=bound)

    close(together, apart)
    close(junk.grad, clean.grad)
    close(found, expected)


def test_bounds_of_rows_are_where_packed_rows_begin_and_end() -> None:
    rows = pack_rows(right(LENGTHS, 16), (5, 16))
    assert rows is not None
    assert rows.bounds.tolist() == [0, 1, 10, 19, 35]  # an empty row is in none of the groups
    starts = (rows.positions == 0).nonzero().flatten()
    assert rows.bounds[:-1].tolist() == starts.tolist()


@every_pair
@every_padding
def test_padding_never_changes_a_real_token_or_a_gradient(
    spectral: str, spatial: str, padding: Callable[..., Tensor]
) -> None:
    model = HybridEncoder(**SMALL, spectral_type=spectral, spatial_type=spatial)
    assert_padding_is_exact(model, padding(LENGTHS, 16), torch.float64, 1e-9)


@every_pair
def test_padding_never_changes_a_real_token_in_float32(spectral: str, spatial: str) -> None:
    model = HybridEncoder(**SMALL, spectral_type=spectral, spatial_type=spatial)
    assert_padding_is_exact(model, right(LENGTHS, 16), torch.float32, 1e-5)


@pytest.mark.parametrize("scheme", ["sinusoidal", "learned", "rotary", "alibi", "none"])
@every_padding
def test_padding_never_changes_a_real_token_with_any_positions(
    scheme: Any, padding: Callable[..., Tensor]
) -> None:
    model = HybridEncoder(**SMALL, positional_encoding_type=scheme)
    assert_padding_is_exact(model, padding(LENGTHS, 16), torch.float64, 1e-9)


@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_padding_never_changes_a_real_token_with_a_custom_mixer(norm_position: Any) -> None:
    with registered(Shift):
        model = HybridEncoder(
            **SMALL,
            alternation_pattern="custom",
            layer_types=["shift", "attention"],
            norm_position=norm_position,
        )
        assert_padding_is_exact(model, scattered(LENGTHS, 16), torch.float64, 1e-9)


@pytest.mark.parametrize("amount", [0, 1, 7, 64])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_amount_and_side_of_padding_do_not_matter(amount: int, side: str) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, num_classes=4).double().eval()
    ids = torch.randint(0, 9, (1, 11))
    pad = (amount, 0) if side == "left" else (0, amount)
    mask = nn.functional.pad(torch.ones(1, 11), pad)
    padded = nn.functional.pad(ids, pad, value=3)
    torch.testing.assert_close(
        model(padded, attention_mask=mask), model(ids), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
@every_padding
def test_pooling_sees_only_real_tokens(pooling: Any, padding: Callable[..., Tensor]) -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, num_classes=4, pooling=pooling).double().eval()
    ids, mask = torch.randint(0, 9, (5, 16)), padding(LENGTHS, 16)
    together = model(ids, attention_mask=mask)
    for row in (0, 1, 2, 4):
        torch.testing.assert_close(together[row], model(ids[row][mask[row]][None])[0])
    torch.testing.assert_close(together[3], model.get_parameter("output_head.linear.bias"))


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.int64, torch.uint8, torch.float32, torch.float16]
)
def test_a_mask_means_the_same_in_every_type(dtype: torch.dtype) -> None:
    model = HybridEncoder(**SMALL).double()
    x, mask = torch.randn(5, 16, 24, dtype=torch.float64), scattered(LENGTHS, 16)
    expected = model(inputs_embeds=x, attention_mask=mask)
    assert torch.equal(model(inputs_embeds=x, attention_mask=mask.to(dtype)), expected)


def test_what_stands_at_padding_does_not_matter_at_all() -> None:
    model = HybridTransformer(vocab_size=9, **SMALL, num_classes=4).eval()
    ids, mask = torch.randint(0, 9, (5, 16)), scattered(LENGTHS, 16)
    foreign = ids.masked_fill(~mask, -100)
    assert torch.equal(model(foreign, attention_mask=mask), model(ids, attention_mask=mask))
    x = torch.randn(5, 16, 24)
    broken = x.masked_fill(~mask[..., None], torch.nan).requires_grad_()
    y = model(inputs_embeds=broken, attention_mask=mask)
    assert torch.equal(y, model(inputs_embeds=x, attention_mask=mask))
    y.sum().backward()
    assert broken.grad is not None
    assert bool(broken.grad.isfinite().all())


def test_padded_positions_and_empty_rows_come_back_as_zeros() -> None:
    model = HybridEncoder(**SMALL)
    mask = right(LENGTHS, 16)
    hidden = model(inputs_embeds=torch.randn(5, 16, 24), attention_mask=mask)
    assert not hidden[~mask].any()
    assert hidden[mask].abs().sum(1).all()


def test_a_batch_of_nothing_but_padding_gives_zeros() -> None:
    model = HybridEncoder(**SMALL)
    hidden = model(inputs_embeds=torch.randn(2, 5, 24), attention_mask=torch.zeros(2, 5))
    assert hidden.shape == (2, 5, 24)
    assert not hidden.any()


@pytest.mark.parametrize("head", ["sequence", "lm"])
def test_token_heads_give_zeros_at_padding(head: Any) -> None:
    classes = 4 if head == "sequence" else None
    model = HybridTransformer(
        vocab_size=9, **SMALL, output_type=head, num_classes=classes
    ).eval()  # fmt: skip
    ids, mask = torch.randint(0, 9, (5, 16)), left(LENGTHS, 16)
    with torch.no_grad():
        name = "bias" if head == "lm" else "linear.bias"
        model.get_parameter(f"output_head.{name}").fill_(1.0)
    logits = model(ids, attention_mask=mask)
    assert not logits[~mask].any()
    torch.testing.assert_close(logits[0][mask[0]], model(ids[:1, 7:])[0])


def test_norms_and_feed_forward_layers_run_on_real_tokens_only() -> None:
    model = HybridEncoder(**SMALL)
    seen: list[int] = []
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.LayerNorm):
            module.register_forward_pre_hook(lambda m, args: seen.append(args[0][..., 0].numel()))
    model(inputs_embeds=torch.randn(5, 16, 24), attention_mask=right(LENGTHS, 16))
    assert set(seen) == {35}


def test_each_mixer_is_called_once_per_distinct_length() -> None:
    model = HybridEncoder(**SMALL)
    shapes: list[tuple[int, ...]] = []
    block = model.blocks[0]
    assert isinstance(block, HybridBlock)
    block.mixer.register_forward_pre_hook(lambda m, args: shapes.append(tuple(args[0].shape)))
    model(inputs_embeds=torch.randn(5, 16, 24), attention_mask=scattered(LENGTHS, 16))
    assert shapes == [(1, 1, 24), (2, 9, 24), (1, 16, 24)]


def test_a_mask_that_hides_nothing_leaves_the_batch_dense() -> None:
    assert pack_rows(torch.ones(2, 3), (2, 3)) is None


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (torch.ones(5, 15), r"attention_mask must have the shape of the batch, \(5, 16\)"),
        (
            torch.full((5, 16), -torch.inf),
            "attention_mask must be 1 at real tokens and 0 at padding",
        ),
        (torch.full((5, 16), 2), "attention_mask must be 1 at real tokens and 0 at padding, got 2"),
    ],
    ids=["shape", "additive", "counts"],
)
def test_a_bad_mask_is_refused(mask: Tensor, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HybridEncoder(**SMALL)(inputs_embeds=torch.randn(5, 16, 24), attention_mask=mask)


def test_padding_is_exact_with_two_mixers_of_one_kind() -> None:
    model = AlternatingTransformer(
        hidden_dim=24, num_layers=2, max_sequence_length=16, dropout=0.0,
        layer1_type="wavelet", layer2_type="gfnet",
    )  # fmt: skip
    assert_padding_is_exact(model, left(LENGTHS, 16), torch.float64, 1e-9)


@pytest.mark.parametrize("padding", [right, left, scattered])
def test_pairs_of_tokens_go_to_the_places_of_both(padding: Callable[..., Tensor]) -> None:
    mask = padding(LENGTHS, 16)
    rows = pack_rows(mask, mask.shape)
    assert rows is not None
    padded = torch.arange(1, 5 * 16 + 1).double().view(5, 16) * mask
    sizes = [count * length for count, length in rows.groups]
    tokens = rows.pack(padded[..., None]).split(sizes)
    groups = [
        torch.stack([x.view(count, length), x.view(count, length) ** 2], 1)
        for x, (count, length) in zip(tokens, rows.groups, strict=True)
    ]
    pairs = [g[..., :, None] * g[..., None, :] for g in groups]
    found = rows.unpack_pairs(pairs, padded, num_heads=2)
    heads = torch.stack([padded, padded**2], 1)
    assert torch.equal(found, heads[..., :, None] * heads[..., None, :])


def test_no_real_token_has_no_pairs() -> None:
    mask = torch.zeros(2, 3)
    rows = pack_rows(mask, mask.shape)
    assert rows is not None
    assert not rows.unpack_pairs([], mask, num_heads=2).any()
    assert rows.unpack_pairs([], mask, num_heads=2).shape == (2, 2, 3, 3)
