"""One level and its adjoint: exact derivatives, and the same numbers by either arithmetic."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from spectrans.transforms import routes
from spectrans.transforms.filterbank import FilterBank, analysis, synthesis
from spectrans.transforms.lattice import orthogonal_bank
from spectrans.transforms.wavelet import Boundary, dwt, filters, idwt

# Even and odd L/2: the phases of samples and taps swap for one of them.
NAMES = ["haar", "db2", "db3", "bior2.2"]

every_name = pytest.mark.parametrize("name", NAMES)
every_boundary = pytest.mark.parametrize(
    "boundary", ["periodization", "symmetric", "zero", "reflect"]
)


def values(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def per_channel(bank: FilterBank, d: int) -> FilterBank:
    columns = (torch.tensor(taps, dtype=torch.float64)[:, None].expand(-1, d) for taps in bank)
    return FilterBank(*columns)


@every_name
@every_boundary
@pytest.mark.parametrize("n", [2, 3, 6, 7])
def test_both_derivatives_of_a_split_are_exact(name: str, boundary: Boundary, n: int) -> None:
    def split(x: Tensor) -> tuple[Tensor, Tensor]:
        return dwt(x, filters(name), boundary)

    x = values(1, n, 1)
    assert gradcheck(split, x)
    assert gradgradcheck(split, x)


@every_name
@every_boundary
@pytest.mark.parametrize("n", [2, 3, 6, 7])
def test_both_derivatives_of_a_join_are_exact(name: str, boundary: Boundary, n: int) -> None:
    def join(a: Tensor, d: Tensor) -> Tensor:
        return idwt(a, d, filters(name), n, boundary)

    a, d = (c.detach().requires_grad_() for c in dwt(values(1, n, 1), filters(name), boundary))
    assert gradcheck(join, (a, d))
    assert gradgradcheck(join, (a, d))


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (1, 2), (2, 2), (3, 2)], ids=str)
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_derivatives_by_learned_taps_are_exact(shape: tuple[int, ...], n: int) -> None:
    def mixed(x: Tensor, angles: Tensor) -> Tensor:
        bank = orthogonal_bank(angles)
        a, d = dwt(x, bank)
        return idwt(a * a, d.sin(), bank, n)

    arguments = values(2, n, 2), values(*shape)
    assert gradcheck(mixed, arguments)
    assert gradgradcheck(mixed, arguments)


@every_name
@pytest.mark.parametrize("wrap", [True, False])
def test_synthesis_is_the_adjoint_of_analysis(name: str, wrap: bool) -> None:
    low, high = filters(name)[:2]
    pairs = 9
    x = values(2, 2 * pairs, 3)
    a, d = (torch.randn_like(c) for c in analysis(x, low, high, wrap))
    reach = 0 if wrap else len(low) // 2 - 1
    a_padded, d_padded = (F.pad(c, (0, 0, reach, reach)) for c in (a, d))
    back = synthesis(a_padded, d_padded, low, high, wrap)
    forth = analysis(x, low, high, wrap)
    torch.testing.assert_close((a * forth[0] + d * forth[1]).sum(), (x * back).sum())


@pytest.mark.parametrize("name", ["haar", "db3", "db4", "sym8", "db20", "bior4.4"])
@every_boundary
@pytest.mark.parametrize("n", [2, 3, 31, 64, 101])
def test_blocks_and_shifted_sums_give_the_same(name: str, boundary: Boundary, n: int) -> None:
    x, bank = values(2, n, 3), filters(name)
    blocks = dwt(x, bank, boundary)
    sums = dwt(x, per_channel(bank, 3), boundary)
    torch.testing.assert_close(blocks, sums, rtol=0, atol=1e-13)
    joined = idwt(*blocks, bank, n, boundary)
    summed = idwt(*sums, per_channel(bank, 3), n, boundary)
    torch.testing.assert_close(joined, summed, rtol=0, atol=1e-12)


@pytest.fixture
def depthwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have float32 filtered by oneDNN, on whatever CPU this is."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("torch has no oneDNN here")
    monkeypatch.setattr(routes, "_has_wide_units", lambda: True)


@pytest.mark.usefixtures("depthwise")
@pytest.mark.parametrize("name", ["haar", "db2", "db3", "db20", "bior4.4"])
@every_boundary
@pytest.mark.parametrize(("n", "d"), [(2, 1), (3, 3), (31, 16), (64, 20)])
def test_depthwise_convolutions_give_the_numbers_and_slopes_of_float64(
    name: str, boundary: Boundary, n: int, d: int
) -> None:
    bank = filters(name)

    def both_ways(x: Tensor) -> list[Tensor]:
        a, c = dwt(x, bank, boundary)
        y = idwt(a.sin(), c, bank, n, boundary)
        return [a, c, y, *torch.autograd.grad((y * x.detach().cos()).sum(), x)]

    channels_first = torch.randn(2, d, n)
    x = channels_first.mT.requires_grad_()
    assert routes.depthwise(x)
    found = [c.double() for c in both_ways(x)]
    torch.testing.assert_close(found, both_ways(x.double()), rtol=1e-5, atol=1e-5)


@pytest.mark.usefixtures("depthwise")
@pytest.mark.parametrize("shape", [(2,), (3,), (3, 5)], ids=str)
@pytest.mark.parametrize("n", [1, 3, 32])
def test_depthwise_convolutions_filter_by_learned_taps(shape: tuple[int, ...], n: int) -> None:
    def slopes(x: Tensor, angles: Tensor) -> list[Tensor]:
        bank = orthogonal_bank(angles)
        a, d = dwt(x, bank)
        y = idwt(a.sin(), d, bank, n)
        return [a, d, y, *torch.autograd.grad(y.square().sum(), (x, angles))]

    arguments = torch.randn(2, n, 5, requires_grad=True), torch.randn(*shape, requires_grad=True)
    found = [c.double() for c in slopes(*arguments)]
    expected = slopes(*(x.double() for x in arguments))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("depthwise")
@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_convolutions_of_lower_precision_are_not_for_filters(precision: str) -> None:
    conv: Any = torch.backends.mkldnn.conv  # type: ignore[attr-defined]
    x = torch.randn(1, 8, 2)
    before, conv.fp32_precision = conv.fp32_precision, precision
    taken = routes.depthwise(x)
    conv.fp32_precision = before
    assert not taken
    assert routes.depthwise(x)


@pytest.fixture
def low_matmul_precision() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.usefixtures("low_matmul_precision")
def test_a_low_matmul_precision_does_not_reach_the_transform() -> None:
    x, bank = torch.randn(2, 512, 64), filters("db4")
    back = idwt(*dwt(x, bank), bank, 512)
    torch.testing.assert_close(back, x, rtol=0, atol=5e-6)


def test_fixed_filters_keep_no_tensor_for_the_backward_pass() -> None:
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        a, d = dwt(values(2, 31, 3), filters("db4"))
        idwt(a, d, filters("db4"), 31)
    assert not kept


def test_transforms_work_under_vmap_and_jacrev() -> None:
    x = torch.randn(3, 9, 2, dtype=torch.float64)

    def round_trip(row: Tensor) -> Tensor:
        a, d = dwt(row[None], filters("db2"))
        return idwt(a * a, d, filters("db2"), 9)[0]

    rows = torch.func.vmap(round_trip)(x)
    torch.testing.assert_close(rows, torch.stack([round_trip(row) for row in x.unbind()]))
    slope = torch.func.jacrev(round_trip)(x[0])
    torch.testing.assert_close(slope, torch.autograd.functional.jacobian(round_trip, x[0]))
