"""Random features: right on average, better when orthogonal, never out of range."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from spectrans.transforms.features import (
    gaussian_exponents,
    gaussian_projection,
    linear_attention,
    positive_features,
    relu_features,
    softmax_exponents,
)

Exponents = Callable[[Tensor, Tensor], Tensor]

DRAWS = 400
every_kernel = pytest.mark.parametrize(
    ("exponents", "kernel"),
    [
        (softmax_exponents, lambda x, y: (x @ y.mT).exp()),
        (gaussian_exponents, lambda x, y: (torch.cdist(x, y).square() / -2).exp()),
    ],
    ids=["softmax", "gaussian"],
)


def projections(count: int, m: int, c: int, *, orthogonal: bool, seed: int = 0) -> Tensor:
    """Independent draws, in the place of the heads."""
    generator = torch.Generator().manual_seed(seed)
    return gaussian_projection(count, m, c, orthogonal=orthogonal, generator=generator)


def points(n: int, c: int, length: float, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, c, generator=generator, dtype=torch.float64)
    return x / x.norm(dim=-1, keepdim=True) * length


def estimates(exponents: Exponents, x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """One estimate of the kernel matrix per set of directions."""
    phi_x, phi_y = (exponents(z.expand(len(directions), -1, -1), directions).exp() for z in (x, y))
    return phi_x @ phi_y.mT / directions.shape[1]


@every_kernel
@pytest.mark.parametrize("orthogonal", [True, False], ids=["orthogonal", "independent"])
def test_kernels_are_right_on_average(
    exponents: Exponents, kernel: Callable[[Tensor, Tensor], Tensor], orthogonal: bool
) -> None:
    x, y = points(1, 8, 0.9), points(1, 8, 1.1, seed=2)
    drawn = estimates(exponents, x, y, projections(DRAWS, 16, 8, orthogonal=orthogonal)).flatten()
    error = drawn.mean() - kernel(x, y).item()
    assert abs(error) < 3 * drawn.std() / math.sqrt(DRAWS)


@every_kernel
def test_the_error_falls_with_the_square_root_of_the_features(
    exponents: Exponents, kernel: Callable[[Tensor, Tensor], Tensor]
) -> None:
    x, y = points(12, 16, 0.8), points(12, 16, 0.8, seed=2)
    few, many = (
        (estimates(exponents, x, y, projections(60, m, 16, orthogonal=False)) - kernel(x, y)).norm()
        for m in (64, 1024)
    )
    assert few / many == pytest.approx(4, rel=0.2)


@every_kernel
def test_orthogonal_directions_have_less_variance(
    exponents: Exponents, kernel: Callable[[Tensor, Tensor], Tensor]
) -> None:
    x, y = points(12, 16, 1.0), points(12, 16, 1.0, seed=2)
    apart, together = (
        (
            estimates(exponents, x, y, projections(200, 16, 16, orthogonal=flag)) - kernel(x, y)
        ).norm()
        for flag in (False, True)
    )
    assert together < 0.95 * apart


def test_directions_are_orthogonal_within_a_block() -> None:
    blocks = projections(2, 12, 4, orthogonal=True).view(2, 3, 4, 4)
    unit = blocks / blocks.norm(dim=-1, keepdim=True)
    expected = torch.eye(4, dtype=torch.float64).expand(2, 3, 4, 4)
    torch.testing.assert_close(unit @ unit.mT, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("orthogonal", [True, False], ids=["orthogonal", "independent"])
@pytest.mark.parametrize("m", [1, 4, 7])
def test_directions_are_standard_normal(orthogonal: bool, m: int) -> None:
    drawn = projections(3000, m, 4, orthogonal=orthogonal)
    bound = 4 / math.sqrt(3000)
    assert drawn.shape == (3000, m, 4)
    # QR without the correction of its signs gives first entries of one sign.
    assert float(drawn.mean(0).abs().max()) < bound
    assert float((drawn.square().mean(0) - 1).abs().max()) < bound * math.sqrt(2)
    assert float((drawn.square().sum(-1).var(0) / 8 - 1).abs().max()) < 0.25


@every_kernel
def test_features_in_range_give_the_same_weights(
    exponents: Exponents, kernel: Callable[[Tensor, Tensor], Tensor]
) -> None:
    directions = projections(1, 16, 4, orthogonal=True)
    q, k = (exponents(points(6, 4, 1.0, seed=s)[None], directions) for s in (1, 2))
    v = points(6, 3, 1.0, seed=3)[None]
    weights = q.exp() @ k.exp().mT
    expected = weights / weights.sum(-1, keepdim=True) @ v
    found = linear_attention(*positive_features(q, k), v)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@every_kernel
@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_the_normaliser_is_at_least_one_however_large_the_input(
    exponents: Exponents, kernel: Callable[[Tensor, Tensor], Tensor], scale: float
) -> None:
    directions = projections(1, 32, 8, orthogonal=True).float()
    q, k = (exponents(points(9, 8, scale, seed=s)[None].float(), directions) for s in (1, 2))
    phi_q, phi_k = positive_features(q, k)
    assert float((phi_q @ phi_k.mT).sum(-1).min()) >= 1
    assert float(torch.cat([phi_q, phi_k]).max()) <= 1


def test_large_inputs_keep_the_ratio_of_two_keys() -> None:
    # Both keys are e^-200 of a third one in every feature but one: a shared maximum and a small
    # constant, or a shared maximum alone, lose them.
    q = torch.tensor([[[0.0, 300.0]]])
    k = torch.tensor([[[0.0, -200.0], [0.0, -201.0], [90.0, -400.0]]])
    v = torch.eye(3)[None]
    weights = linear_attention(*positive_features(q, k), v).flatten()
    assert float(weights[0] / weights[1]) == pytest.approx(math.e, rel=1e-5)


def test_relu_features_are_positive_at_zero_and_follow_the_direction() -> None:
    directions = torch.tensor([[[2.0, 0.0], [-2.0, 0.0]]])
    phi = relu_features(torch.tensor([[[0.0, 0.0], [3.0, 1.0]]]), directions)
    torch.testing.assert_close(phi, torch.tensor([[[0.001, 0.001], [6.001, 0.001]]]))


@pytest.mark.parametrize(("n", "keys"), [(1, 1), (5, 3), (3, 8)])
def test_linear_attention_averages_the_values_by_the_kernel(n: int, keys: int) -> None:
    phi_q = torch.rand(2, n, 6, dtype=torch.float64)
    phi_k, v = torch.rand(2, keys, 6, dtype=torch.float64), torch.randn(2, keys, 4).double()
    weights = phi_q @ phi_k.mT
    expected = weights / weights.sum(-1, keepdim=True) @ v
    torch.testing.assert_close(linear_attention(phi_q, phi_k, v), expected, rtol=0, atol=1e-12)
