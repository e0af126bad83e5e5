"""Windows, weights and dropout of softmax attention."""

from typing import Any

import pytest
import torch

from spectrans.mixers import Attention, AttentionMixer, Dims


def mixer(**options: Any) -> AttentionMixer:
    return Attention(**options).build(Dims(hidden_dim=12, num_heads=3)).double().eval()


@pytest.mark.parametrize("position", ["none", "rotary", "alibi"])
@pytest.mark.parametrize("n", [1, 4, 5, 12, 13, 14, 16, 17, 50])
def test_a_window_is_a_mask_whatever_route_computes_it(n: int, position: str) -> None:
    local = mixer(window=4, position=position)
    x = torch.randn(2, n, 12, dtype=torch.float64)
    q, k, v = local.heads.split(x)
    blocked = local._local(q, k, v, 4)
    masked = local._attend(q, k, v, local._bias(q, 4))
    torch.testing.assert_close(blocked, masked)


def test_a_window_as_long_as_the_row_hides_nothing() -> None:
    wide, free = mixer(window=50), mixer()
    wide.load_state_dict(free.state_dict())
    x = torch.randn(2, 20, 12, dtype=torch.float64)
    torch.testing.assert_close(wide(x), free(x))


def test_the_cost_of_a_window_is_linear_in_the_length() -> None:
    from spectrans.models.summary import flops

    layer = mixer(window=8)
    assert flops(layer, 2048, 12) < 2.1 * flops(layer, 1024, 12)


@pytest.mark.parametrize(
    ("hidden_dim", "num_heads", "sentence"),
    [
        (12, 5, "hidden_dim must be divisible by num_heads, got 12 and 5"),
        (12, 0, "num_heads must be at least 1, got 0"),
        (12, -4, "num_heads must be at least 1, got -4"),
        (0, 4, "hidden_dim must be at least 1, got 0"),
    ],
)
def test_heads_must_divide_the_channels(hidden_dim: int, num_heads: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AttentionMixer(hidden_dim, num_heads, Attention())


def test_own_heads_come_before_the_models() -> None:
    assert mixer(num_heads=6).heads.num_heads == 6
    assert mixer().heads.num_heads == 3


def test_dropout_acts_on_weights_in_training_only() -> None:
    layer = mixer(dropout=0.5)
    x = torch.randn(2, 20, 12, dtype=torch.float64)
    assert torch.equal(layer(x), layer(x))
    layer.train()
    assert not torch.equal(layer(x), layer(x))


def test_learned_lengths_bound_the_logits() -> None:
    layer = mixer(qk_norm=True)
    q, k, _ = layer.heads.split(1e3 * torch.randn(2, 20, 12, dtype=torch.float64))
    logits = q @ k.transpose(-1, -2) / 2
    assert logits.abs().max().item() <= 4 + 1e-6


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"position": "rotary"},
        {"position": "alibi"},
        {"window": 2},
        {"window": 2, "position": "alibi"},
        {"qk_norm": True},
    ],
    ids=str,
)
def test_the_weights_are_those_that_mix_the_values(options: dict[str, Any]) -> None:
    attention = mixer(**options)
    x = torch.randn(2, 11, 12, dtype=torch.float64)
    y, weights = attention.with_weights(x)
    torch.testing.assert_close(y, attention(x))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 11, dtype=torch.float64))
    v = attention.heads.split(x)[2]
    torch.testing.assert_close(attention.heads.merge(weights @ v), y)


def test_dropout_acts_beside_the_weights_that_are_given() -> None:
    attention = mixer(dropout=0.5).train()
    x = torch.randn(2, 11, 12, dtype=torch.float64)
    y, weights = attention.with_weights(x)
    assert not torch.allclose(y, attention.eval()(x))
    torch.testing.assert_close(weights, attention.with_weights(x)[1])
