"""Random features: right on average, better when orthogonal, never out of range."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from spectrans.transforms.features import (
    exponential_attention,
    exponents,
    gaussian_projection,
    linear_attention,
    relu_features,
)

DRAWS = 400
every_kernel = pytest.mark.parametrize(
    ("share", "kernel"),
    [
        (0.5, lambda x, y: (x @ y.mT).exp()),
        (1.0, lambda x, y: (torch.cdist(x, y).square() / -2).exp()),
    ],
    ids=["softmax", "gaussian"],
)
# Autograd records, or it does not: two routes.
every_route = pytest.mark.parametrize("recorded", [False, True], ids=["inference", "training"])


def projections(count: int, m: int, c: int, *, orthogonal: bool, seed: int = 0) -> Tensor:
    """Independent draws, in the place of the heads."""
    generator = torch.Generator().manual_seed(seed)
    return gaussian_projection(count, m, c, orthogonal=orthogonal, generator=generator)


def points(n: int, c: int, length: float, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, c, generator=generator, dtype=torch.float64)
    return x / x.norm(dim=-1, keepdim=True) * length


def estimates(share: float, x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """One estimate of the kernel matrix per set of directions."""
    sets = len(directions)
    phi_x, phi_y = (exponents(z.expand(sets, -1, -1), directions, share).exp() for z in (x, y))
    return phi_x @ phi_y.mT / directions.shape[1]


@every_kernel
@pytest.mark.parametrize("orthogonal", [True, False], ids=["orthogonal", "independent"])
def test_kernels_are_right_on_average(
    share: float, kernel: Callable[[Tensor, Tensor], Tensor], orthogonal: bool
) -> None:
    x, y = points(1, 8, 0.9), points(1, 8, 1.1, seed=2)
    drawn = estimates(share, x, y, projections(DRAWS, 16, 8, orthogonal=orthogonal)).flatten()
    error = drawn.mean() - kernel(x, y).item()
    assert abs(error) < 3 * drawn.std() / math.sqrt(DRAWS)


@every_kernel
def test_the_error_falls_with_the_square_root_of_the_features(
    share: float, kernel: Callable[[Tensor, Tensor], Tensor]
) -> None:
    x, y = points(12, 16, 0.8), points(12, 16, 0.8, seed=2)
    few, many = (
        (estimates(share, x, y, projections(60, m, 16, orthogonal=False)) - kernel(x, y)).norm()
        for m in (64, 1024)
    )
    assert few / many == pytest.approx(4, rel=0.2)


@every_kernel
def test_orthogonal_directions_have_less_variance(
    share: float, kernel: Callable[[Tensor, Tensor], Tensor]
) -> None:
    x, y = points(12, 16, 1.0), points(12, 16, 1.0, seed=2)
    apart, together = (
        (estimates(share, x, y, projections(200, 16, 16, orthogonal=flag)) - kernel(x, y)).norm()
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


def attend(*tensors: Tensor, share: float = 0.5, recorded: bool = False) -> Tensor:
    """Exponential attention of one row, where autograd records and where it does not."""
    q, k, v, directions = tensors
    q, k, v = (z[None].detach().requires_grad_(recorded) for z in (q, k, v))
    return exponential_attention(q, k, v, directions, share)[0].detach()


@every_kernel
@every_route
@pytest.mark.parametrize(("n", "keys", "m"), [(6, 6, 16), (1, 1, 1), (5, 300, 8), (300, 7, 130)])
def test_two_softmaxes_are_the_weights_of_the_kernel(
    share: float,
    kernel: Callable[[Tensor, Tensor], Tensor],
    recorded: bool,
    n: int,
    keys: int,
    m: int,
) -> None:
    directions = projections(3, m, 4, orthogonal=True)
    q, k, v = (torch.randn(3, rows, 4, dtype=torch.float64) for rows in (n, keys, keys))
    phi_q, phi_k = (exponents(z, directions, share).exp() for z in (q, k))
    expected = linear_attention(phi_q, phi_k, v)
    found = attend(q, k, v, directions, share=share, recorded=recorded)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@every_route
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1000.0])
def test_an_average_stays_one_however_large_the_input(recorded: bool, scale: float) -> None:
    directions = projections(1, 32, 8, orthogonal=True).float()
    q, k = (points(9, 8, 1.0, seed=s)[None].float() * scale for s in (1, 2))
    v = torch.randn(1, 9, 8)
    found = attend(q, k, v, directions, recorded=recorded)
    assert bool((found <= v.amax(-2, keepdim=True) + 1e-5).all())
    assert bool((found >= v.amin(-2, keepdim=True) - 1e-5).all())


@every_route
def test_large_inputs_keep_the_ratio_of_two_keys(recorded: bool) -> None:
    # Both keys are e^-200 of a third one in every feature but one, and there e^-1 of each other: a
    # maximum over all features loses them. In every feature keys lose 50, 50.5 and 100.
    directions = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    k = torch.tensor([[[0.0, -10.0, 0.0], [0.0, -11.0, 0.0], [200.0, -400.0, 0.0]]])
    q = torch.tensor([[[0.0, 300.0, 0.0]]])
    weights = attend(q, k, torch.eye(3)[None], directions, recorded=recorded).flatten()
    assert float(weights[0] / weights[1]) == pytest.approx(math.exp(11.5), rel=1e-4)


@pytest.mark.parametrize("tie", [False, True], ids=["distinct", "tied"])
def test_slopes_are_those_of_the_kernel_and_of_second_order_too(tie: bool) -> None:
    directions = projections(2, 5, 3, orthogonal=True)
    q, k, v = (torch.randn(1, 2, 4, 3, dtype=torch.float64) for _ in range(3))
    k[:, :, 1] = k[:, :, 0] if tie else k[:, :, 1]
    leaves = tuple(z.requires_grad_() for z in (q, k, v))

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return exponential_attention(q, k, v, directions)

    def plainly(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return linear_attention(exponents(q, directions).exp(), exponents(k, directions).exp(), v)

    weight = torch.randn(1, 2, 4, 3, dtype=torch.float64)
    found, expected = (
        torch.autograd.grad((f(*leaves) * weight).sum(), leaves) for f in (attend, plainly)
    )
    torch.testing.assert_close(found, expected)
    assert torch.autograd.gradgradcheck(attend, leaves)


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
