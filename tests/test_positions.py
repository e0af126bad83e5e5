"""Position codes."""

import math
from typing import Any

import pytest
import torch

from spectrans import HybridTransformer
from spectrans.positions import alibi_bias, alibi_slopes, rotary, sinusoidal
from tests.reference import attention as reference


@pytest.mark.parametrize("dim", [1, 2, 7, 8, 64])
def test_the_sine_code_is_defined_for_every_width(dim: int) -> None:
    code = sinusoidal(torch.arange(20), dim, torch.float64)
    pairs = dim // 2
    rate = torch.tensor([10000 ** (-i / ((dim + 1) // 2)) for i in range((dim + 1) // 2)])
    angle = torch.arange(20)[:, None] * rate
    torch.testing.assert_close(code[:, : dim - pairs], angle.sin().double(), rtol=0, atol=1e-5)
    torch.testing.assert_close(
        code[:, dim - pairs :], angle[:, :pairs].cos().double(), rtol=0, atol=1e-5
    )


def test_the_sine_code_has_power_one_half() -> None:
    code = sinusoidal(torch.arange(1000), 64)
    torch.testing.assert_close(code.square().mean(1), torch.full((1000,), 0.5))


def test_rotary_logits_depend_on_distance_only() -> None:
    q = torch.randn(1, 1, 1, 8, dtype=torch.float64).expand(1, 1, 12, 8)
    k = torch.randn(1, 1, 1, 8, dtype=torch.float64).expand(1, 1, 12, 8)
    turned_q, turned_k = rotary(q, k)
    logits = (turned_q @ turned_k.transpose(-1, -2))[0, 0]
    for offset in range(-11, 12):
        diagonal = logits.diagonal(offset)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert logits[0].std() > 0.1


@pytest.mark.parametrize("channels", [1, 2, 5, 8])
def test_rotary_keeps_lengths_and_equals_its_definition(channels: int) -> None:
    q = torch.randn(2, 3, 7, channels, dtype=torch.float64)
    turned, _ = rotary(q, q)
    torch.testing.assert_close(turned.norm(dim=-1), q.norm(dim=-1))
    torch.testing.assert_close(turned, torch.from_numpy(reference.rotate(q.numpy())))


@pytest.mark.parametrize("num_heads", [1, 2, 3, 6, 8, 12, 16, 20])
def test_alibi_slopes_are_the_published_ones(num_heads: int) -> None:
    assert alibi_slopes(num_heads) == pytest.approx(reference.slopes(num_heads), rel=1e-12)


def test_alibi_is_symmetric_and_falls_with_distance() -> None:
    bias = alibi_bias(8, 10, torch.device("cpu"), torch.float64)
    assert torch.equal(bias, bias.transpose(1, 2))
    assert float(bias[0, 0, 3]) == -3 * 2.0**-1
    assert float(bias[7, 9, 4]) == -5 * 2.0**-8


@pytest.mark.parametrize("scheme", ["sinusoidal", "learned"])
def test_tokens_and_positions_are_about_equally_loud_at_the_input(scheme: Any) -> None:
    model = HybridTransformer(
        vocab_size=30000, hidden_dim=768, num_layers=1, positional_encoding_type=scheme,
    )  # fmt: skip
    ids = torch.randint(0, 30000, (1, 512))
    assert model.embedding is not None
    assert model.positions is not None
    tokens = model.embedding(ids)
    positions = model.positions(torch.zeros_like(tokens), torch.arange(512))
    ratio = (tokens.square().mean() / positions.square().mean()).item()
    assert 1 / 4 < ratio < 4


@pytest.mark.parametrize("scheme", ["sinusoidal", "learned", "rotary", "alibi"])
def test_every_scheme_tells_the_model_the_order(scheme: Any) -> None:
    model = HybridTransformer(
        vocab_size=9, hidden_dim=16, num_layers=2, num_heads=2, spectral_type="gfnet",
        alternation_pattern="bottom:2", positional_encoding_type=scheme,
    ).double().eval()  # fmt: skip
    # Not a reversal: distances, all that symmetric ALiBi sees, survive one.
    order = torch.tensor([1, 0, 2, 4, 3, 5])
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    hidden, swapped = model(ids)[:, order], model(ids[:, order])
    assert (hidden - swapped).abs().max() > 1e-3


def test_without_positions_attention_sees_a_set() -> None:
    model = HybridTransformer(
        vocab_size=9, hidden_dim=16, num_layers=2, num_heads=2,
        alternation_pattern="bottom:2", positional_encoding_type="none",
    ).double().eval()  # fmt: skip
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    torch.testing.assert_close(model(ids), model(ids.flip(1)).flip(1))


@pytest.mark.parametrize("scheme", ["sinusoidal", "rotary", "alibi"])
def test_rows_may_be_longer_than_the_model_was_made_for(scheme: Any) -> None:
    model = HybridTransformer(
        vocab_size=9, hidden_dim=16, num_layers=2, num_heads=2, max_sequence_length=8,
        positional_encoding_type=scheme,
    ).eval()  # fmt: skip
    assert model(torch.zeros(1, 40, dtype=torch.long)).isfinite().all()


def test_learned_positions_refuse_longer_rows_with_both_numbers() -> None:
    model = HybridTransformer(
        vocab_size=9, hidden_dim=16, num_layers=1, max_sequence_length=8,
        positional_encoding_type="learned",
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"at most max_sequence_length=8, got 9"):
        model(torch.zeros(1, 9, dtype=torch.long))


def test_learned_positions_reach_as_far_as_the_real_tokens_whatever_the_padding() -> None:
    model = HybridTransformer(
        vocab_size=9, hidden_dim=16, num_layers=1, num_heads=2, max_sequence_length=8,
        positional_encoding_type="learned",
    ).eval()  # fmt: skip
    ids, mask = torch.randint(0, 9, (2, 20)), torch.zeros(2, 20)
    mask[0, 3:11] = mask[1, ::4] = 1
    padded = model(ids, attention_mask=mask)
    torch.testing.assert_close(padded[:1, 3:11], model(ids[:1, 3:11]))
    mask[0, 15] = 1
    with pytest.raises(ValueError, match="at most max_sequence_length=8, got 9"):
        model(ids, attention_mask=mask)


def test_sines_of_far_positions_stay_exact_in_bfloat16() -> None:
    code = sinusoidal(torch.tensor([4095]), 8, torch.bfloat16)
    assert float(code[0, 0]) == pytest.approx(math.sin(4095.0), abs=4e-3)
