"""Fourier mixing against SciPy, its identities, and what its routes and derivatives promise."""

from collections.abc import Callable

import pytest
import scipy.fft
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from spectrans.mixers import Dims, Fourier
from spectrans.transforms import routes
from spectrans.transforms.fourier import (
    Norm,
    Part,
    fourier_mix,
    fourier_mix_full,
    fourier_mix_half,
)

Mix = Callable[..., Tensor]

lengths = st.integers(1, 40)
# A route is set once for all examples of a test.
each = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
norms = pytest.mark.parametrize("norm", ["ortho", "backward"])
parts = pytest.mark.parametrize("part", ["real", "hartley"])
every_form = pytest.mark.parametrize("mix", [fourier_mix, fourier_mix_full, fourier_mix_half])


@pytest.fixture(params=["mirrored", "folded", "matmul", "traced"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take one route, or the next best where it knows the real part only."""
    taken = str(request.param)

    def choose(x: Tensor, part: Part) -> str:
        return "mirrored" if (taken, part) == ("folded", "hartley") else taken

    monkeypatch.setattr(routes, "fourier", choose)
    return taken


def signal(n: int, d: int) -> Tensor:
    return torch.randn(2, n, d, dtype=torch.float64)


@pytest.mark.usefixtures("route")
@norms
@each
@given(n=lengths, d=lengths)
def test_mixing_is_the_real_part_of_scipys_transform(norm: Norm, n: int, d: int) -> None:
    x = signal(n, d)
    spectrum = scipy.fft.fft2(x.numpy(), axes=(1, 2), norm=norm)
    real, hartley = torch.from_numpy(spectrum.real), torch.from_numpy(spectrum.real - spectrum.imag)
    torch.testing.assert_close(fourier_mix(x, norm, "real"), real, rtol=0, atol=1e-11)
    torch.testing.assert_close(fourier_mix(x, norm, "hartley"), hartley, rtol=0, atol=1e-11)


@norms
@parts
@each
@given(n=lengths, d=lengths)
def test_a_complex_fft_gives_the_same(norm: Norm, part: Part, n: int, d: int) -> None:
    x = signal(n, d)
    full = fourier_mix_full(x, norm, part)
    torch.testing.assert_close(fourier_mix(x, norm, part), full, rtol=0, atol=1e-11)


@every_form
@each
@given(n=lengths, d=lengths)
def test_mixing_is_its_own_adjoint(mix: Mix, n: int, d: int) -> None:
    x, y = signal(n, d), signal(n, d)
    torch.testing.assert_close((mix(x) * y).sum(), (x * mix(y)).sum(), rtol=1e-10, atol=1e-10)


@each
@given(n=lengths, d=lengths)
def test_the_real_part_twice_is_the_even_half_of_the_signal(n: int, d: int) -> None:
    x = signal(n, d)
    turned = x.flip((1, 2)).roll((1, 1), (1, 2))
    twice = fourier_mix(fourier_mix(x))
    torch.testing.assert_close(twice, (x + turned) / 2, rtol=0, atol=1e-12)


@each
@given(n=lengths, d=lengths)
def test_the_hartley_part_twice_is_the_signal(n: int, d: int) -> None:
    x = signal(n, d)
    twice = fourier_mix(fourier_mix(x, "ortho", "hartley"), "ortho", "hartley")
    torch.testing.assert_close(twice, x, rtol=0, atol=1e-12)


@every_form
def test_gradients_are_exact(mix: Mix) -> None:
    x = torch.randn(1, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(mix, x)
    assert torch.autograd.gradgradcheck(mix, x)


# Forward mode loads a part of torch that torch has deprecated.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
@pytest.mark.usefixtures("route", "without_shape_checks")
@parts
def test_every_route_has_every_derivative(part: Part) -> None:
    x = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True)

    def mix(x: Tensor) -> Tensor:
        return fourier_mix(x, "backward", part)

    assert torch.autograd.gradcheck(mix, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(mix, x)


@pytest.mark.usefixtures("without_shape_checks")
def test_transforms_of_functions_go_through() -> None:
    x = torch.randn(3, 2, 5, 4, dtype=torch.float64)
    expected = torch.stack([fourier_mix(row) for row in x])
    torch.testing.assert_close(torch.vmap(fourier_mix)(x), expected)
    torch.testing.assert_close(
        torch.vmap(fourier_mix, in_dims=2, out_dims=2)(x.movedim(0, 2)).movedim(2, 0), expected
    )
    rows = x[:, :1]
    slope = torch.vmap(torch.func.grad(lambda row: fourier_mix(row).pow(3).sum()))(rows)
    each_slope = torch.stack([3 * fourier_mix(fourier_mix(row).square()) for row in rows])
    torch.testing.assert_close(slope, each_slope)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@parts
@pytest.mark.usefixtures("route")
def test_every_precision_is_computed_in_float32_and_comes_back(
    dtype: torch.dtype, part: Part
) -> None:
    x = torch.randn(2, 30, 8).to(dtype)
    y, expected = fourier_mix(x, "backward", part), fourier_mix_full(x.double(), "backward", part)
    assert y.dtype == dtype
    bound = 2 * torch.finfo(dtype).eps * expected.abs().max().item() + 1e-5
    assert (y.double() - expected).abs().max().item() < bound


@pytest.mark.parametrize("x", [torch.randn(2, 8, 6), torch.randn(2, 6, 8).mT])
def test_no_tensor_is_kept_for_the_backward_pass(x: Tensor) -> None:
    kept: list[int] = []
    mixer = Fourier().build(Dims(hidden_dim=6))

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        mixer(x.requires_grad_())
    assert not kept


def test_large_rows_are_folded_where_the_real_part_is_asked_for() -> None:
    large, small = torch.empty(1, 512, 768), torch.empty(64, 64, 768)
    assert routes.fourier(large, "real") == "folded"
    assert routes.fourier(large, "hartley") == "mirrored"
    assert routes.fourier(small, "real") == "mirrored"
    assert routes.fourier(large.to("meta"), "real") == "mirrored"


def test_pieces_of_a_batch_give_what_the_batch_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(5, 6, 4, dtype=torch.float64)
    whole = fourier_mix(x)
    monkeypatch.setattr(routes, "rows_at_once", lambda numbers: 2)
    torch.testing.assert_close(fourier_mix(x), whole, rtol=0, atol=0)
