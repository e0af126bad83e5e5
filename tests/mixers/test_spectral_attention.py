"""Attention by random features: its definition, its limit, its randomness and its range."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spectrans.mixers import (
    Attention,
    AttentionMixer,
    Dims,
    SpectralAttention,
    SpectralAttentionMixer,
)
from tests.reference.spectral_attention import spectral_attention

DIMS = Dims(hidden_dim=8, num_heads=2)
LENGTHS = [1, 2, 3, 7, 16, 31, 64, 101]
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "gaussian": {"kernel_type": "gaussian", "qk_norm": False},
    "relu": {"kernel_type": "relu"},
    "rotary": {"position": "rotary"},
    "plain": {"qk_norm": False, "bias": False, "use_orthogonal": False, "num_heads": 4},
}
every_variant = pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
every_kernel = pytest.mark.parametrize("kernel_type", ["softmax", "gaussian", "relu"])


def build(dims: Dims = DIMS, **settings: Any) -> SpectralAttentionMixer:
    mixer = SpectralAttention(**{"num_features": 12, **settings}).build(dims).double()
    assert isinstance(mixer, SpectralAttentionMixer)
    return mixer


def shaken(**settings: Any) -> SpectralAttentionMixer:
    """A mixer none of whose parameters is left at a special value."""
    mixer = build(**settings)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return mixer


def arrays(mixer: SpectralAttentionMixer) -> dict[str, Any]:
    return {key: value.numpy() for key, value in mixer.state_dict().items()}


def tokens(n: int, d: int = 8, b: int = 1) -> Tensor:
    return torch.randn(b, n, d, dtype=torch.float64)


@every_variant
@pytest.mark.parametrize("n", LENGTHS)
def test_values_equal_the_definition(settings: dict[str, Any], n: int) -> None:
    mixer, x = shaken(**settings), tokens(n, b=2)
    expected = spectral_attention(x.numpy(), arrays(mixer), mixer.options, DIMS)
    np.testing.assert_allclose(mixer(x).detach().numpy(), expected, rtol=0, atol=1e-10)


@every_variant
@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 31])
def test_the_slope_along_every_parameter_is_that_of_the_definition(
    settings: dict[str, Any], n: int
) -> None:
    mixer, x, weight = shaken(**settings), tokens(n).requires_grad_(), tokens(n)
    (mixer(x) * weight).sum().backward()
    moved = {"x": x, **dict(mixer.named_parameters())}
    state = {"x": x.detach().numpy(), **arrays(mixer)}
    h = 1e-6

    def slopes(name: str, value: Tensor) -> tuple[float, float]:
        step = torch.randn_like(value)
        ends = []
        for t in (h, -h):
            there = {**state, name: state[name] + t * step.numpy()}
            y = spectral_attention(there["x"], there, mixer.options, DIMS)
            ends.append(float((y * weight.numpy()).sum()))
        assert value.grad is not None
        return float((step * value.grad).sum()), (ends[0] - ends[1]) / (2 * h)

    found, expected = zip(*(slopes(*item) for item in moved.items()), strict=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@every_kernel
def test_permuted_tokens_give_permuted_outputs(kernel_type: str) -> None:
    mixer, x, order = build(kernel_type=kernel_type), tokens(17), torch.randperm(17)
    torch.testing.assert_close(mixer(x[:, order]), mixer(x)[:, order], rtol=0, atol=1e-12)


def exact(mixer: SpectralAttentionMixer, dims: Dims) -> AttentionMixer:
    """Softmax attention with the same projections and lengths."""
    attention = Attention(qk_norm=mixer.options.qk_norm).build(dims).double()
    assert isinstance(attention, AttentionMixer)
    attention.heads.load_state_dict(mixer.heads.state_dict())
    return attention


def error(num_features: int, seed: int, shorten: float = 1.0, **settings: Any) -> float:
    """Relative distance to softmax attention, for queries and keys of `shorten` their length."""
    dims = Dims(hidden_dim=32, num_heads=2)
    torch.manual_seed(seed)
    mixer, x = build(dims, num_features=num_features, **settings), tokens(64, 32)
    assert mixer.heads.qk_norm is not None
    for length in mixer.heads.qk_norm.parameters():
        length.data.mul_(shorten)
    with torch.no_grad():
        expected, found = exact(mixer, dims)(x), mixer(x)
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("kernel_type", ["softmax", "gaussian"])
def test_more_features_come_nearer_to_softmax_attention(kernel_type: str) -> None:
    few, many = (
        sum(error(m, seed, 0.5, kernel_type=kernel_type) for seed in range(6)) for m in (32, 2048)
    )
    assert few / many == pytest.approx(8, rel=0.3)


def test_the_first_lengths_suit_random_features() -> None:
    mean = sum(error(256, seed) for seed in range(6)) / 6
    assert mean < 0.2


def test_gaussian_and_softmax_kernels_agree_for_equally_long_keys() -> None:
    # The floor under the power is all that makes lengths differ.
    x = tokens(9)
    softmax, gaussian = (build(kernel_type=k, seed=3) for k in ("softmax", "gaussian"))
    gaussian.load_state_dict(softmax.state_dict())
    torch.testing.assert_close(gaussian(x), softmax(x), rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_directions() -> None:
    first = build(seed=11)
    torch.manual_seed(5)
    assert torch.equal(build(seed=11).projection, first.projection)
    assert not torch.equal(build(seed=12).projection, first.projection)


def test_the_global_seed_fixes_directions_that_have_none() -> None:
    torch.manual_seed(5)
    first, other = build(), build()
    torch.manual_seed(5)
    assert torch.equal(build().projection, first.projection)
    assert not torch.equal(other.projection, first.projection)


def test_a_seed_leaves_the_global_generator_alone() -> None:
    mixer = build()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    mixer.redraw(seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_heads_have_directions_of_their_own() -> None:
    first, second = build().projection
    assert not torch.equal(first, second)


@pytest.mark.parametrize("use_orthogonal", [True, False])
def test_directions_are_orthogonal_where_asked_for(use_orthogonal: bool) -> None:
    block = build(num_features=4, use_orthogonal=use_orthogonal).projection  # (h, 4, 4)
    gram = block @ block.mT
    across = gram - torch.diag_embed(gram.diagonal(dim1=-2, dim2=-1))
    # The float32 buffer was widened.
    assert (float(across.abs().max()) < 1e-5) is use_orthogonal


def test_redraw_changes_the_output_and_is_saved() -> None:
    mixer, x = build(), tokens(9)
    before = mixer(x)
    mixer.redraw(seed=4)
    after = mixer(x)
    twin = build()
    twin.load_state_dict(mixer.state_dict())
    assert not torch.allclose(after, before)
    assert torch.equal(twin(x), after)


def test_redraw_repeats_with_its_seed_and_not_without() -> None:
    mixer = build()
    draws = []
    for seed in (4, None, 4):
        mixer.redraw(seed)
        draws.append(mixer.projection.clone())
    assert torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[1])


@every_kernel
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_every_dtype_is_kept_with_finite_values_and_gradients(
    kernel_type: str, dtype: torch.dtype, scale: float
) -> None:
    mixer = build(kernel_type=kernel_type, qk_norm=False).to(dtype)
    x = (scale * tokens(21)).to(dtype).requires_grad_()
    y = mixer(x)
    y.float().sum().backward()
    assert y.dtype == dtype
    assert all(bool(z.isfinite().all()) for z in (y, x.grad, *(p.grad for p in mixer.parameters())))


@pytest.mark.parametrize("kernel_type", ["softmax", "relu"])
def test_large_inputs_still_tell_the_tokens_apart(kernel_type: str) -> None:
    mixer = build(kernel_type=kernel_type, qk_norm=False).float()
    with torch.no_grad():
        y = mixer((30 * tokens(24)).float())
    assert float(y.std(1).mean()) > 0.05 * float(y.std())


def test_without_bias_there_is_none() -> None:
    assert not [key for key in build(bias=False).state_dict() if "bias" in key]


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=r"^seed must be (greater|less) than .*, got -?\d+$"):
        SpectralAttention(seed=seed)
