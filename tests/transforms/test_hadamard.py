"""The Hadamard transform: scipy's for powers of two, an orthonormal involution for every length."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._dynamo.utils import counters

from spectrans.transforms import routes
from spectrans.transforms.hadamard import hadamard
from tests.reference.lst import hadamard_matrix

# One matrix, two, a matrix and an FFT, an FFT alone.
LENGTHS = [1, 2, 3, 7, 16, 31, 64, 101, 66, 96, 128, 129, 258, 260, 512, 1000]

every_length = pytest.mark.parametrize("n", LENGTHS)


def tokens(n: int, d: int = 3, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("n", [1, 2, 4, 8, 32, 64, 128, 1024])
def test_powers_of_two_have_the_matrix_of_scipy(n: int) -> None:
    matrix = hadamard(torch.eye(n, dtype=torch.float64))
    np.testing.assert_allclose(matrix, scipy.linalg.hadamard(n) / n**0.5, rtol=0, atol=1e-13)


@every_length
def test_values_equal_the_definition(n: int) -> None:
    matrix = hadamard(torch.eye(n, dtype=torch.float64))
    np.testing.assert_allclose(matrix, hadamard_matrix(n), rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [1, 3, 31, 101, 129])
def test_odd_lengths_give_the_hartley_transform(n: int) -> None:
    x = tokens(n)
    spectrum = torch.fft.fft(x, dim=1, norm="ortho")
    torch.testing.assert_close(hadamard(x), spectrum.real - spectrum.imag, rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 600))
def test_every_length_is_orthonormal_symmetric_and_its_own_inverse(n: int) -> None:
    eye = torch.eye(n, dtype=torch.float64)
    matrix = hadamard(eye)
    torch.testing.assert_close(matrix @ matrix.mT, eye, rtol=0, atol=1e-12)
    torch.testing.assert_close(matrix, matrix.mT, rtol=0, atol=1e-12)


@every_length
def test_every_output_sees_every_token(n: int) -> None:
    matrix = hadamard(torch.eye(n, dtype=torch.float64))
    # No sine plus cosine of a turn over an odd number is zero; the nearest is about pi / 4n.
    assert float(matrix.abs().min()) > 0.7 / n / n**0.5


@pytest.mark.parametrize("n", [66, 96, 128, 512, 1000])
@pytest.mark.parametrize("turned", [False, True], ids=["by tokens", "by channels"])
def test_rows_taken_one_by_one_give_what_the_matrix_gives(
    n: int, turned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = tokens(4, n).mT if turned else tokens(n, 4)
    monkeypatch.setattr(routes, "by_rows", lambda *tensors: True)
    torch.testing.assert_close(
        hadamard(x), torch.from_numpy(hadamard_matrix(n)) @ x, rtol=0, atol=1e-12
    )


@every_length
def test_the_gradient_is_the_transform_of_what_comes_back(n: int) -> None:
    x, back = tokens(n).requires_grad_(), tokens(n + 1)[:, :n]
    hadamard(x).backward(back)
    torch.testing.assert_close(x.grad, hadamard(back), rtol=0, atol=1e-12)


def test_a_single_token_is_not_the_same_memory_when_compiled(without_shape_checks: None) -> None:
    x = tokens(1)
    y = torch.compile(hadamard, fullgraph=True, backend="aot_eager")(x)
    assert torch.equal(x, y)
    assert y.data_ptr() != x.data_ptr()


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize("shape", [(2, 1, 3), (2, 12, 3), (1, 2, 129, 2)])
def test_the_operator_that_hides_the_factors_keeps_the_rules_of_torch(
    shape: tuple[int, ...],
) -> None:
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    found = torch.library.opcheck(torch.ops.spectrans.hadamard.default, (x,))
    assert set(found.values()) == {"SUCCESS"}


@pytest.mark.parametrize("n", [31, 96, 4094, 4096])
@pytest.mark.parametrize(
    ("dtype", "bound"),
    [(torch.float32, 2e-6), (torch.bfloat16, 2**-8), (torch.float16, 2**-11)],
    ids=["float32", "bfloat16", "float16"],
)
def test_low_precision_only_rounds_at_the_edge(n: int, dtype: torch.dtype, bound: float) -> None:
    x = tokens(n, dtype=dtype)
    y, expected = hadamard(x), hadamard(x.double())
    assert y.dtype == dtype
    assert float((y.double() - expected).abs().max()) < bound * float(expected.abs().max())


@pytest.mark.parametrize("n", [31, 200])
def test_autocast_changes_nothing(n: int) -> None:
    x = tokens(n, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        inside = hadamard(x)
    assert torch.equal(inside, hadamard(x))


@pytest.mark.usefixtures("without_shape_checks")
def test_one_compiled_graph_serves_every_length_forward_and_backward() -> None:
    compiled = torch.compile(hadamard, fullgraph=True, dynamic=True, backend="aot_eager")
    counters.clear()
    for n in (16, 2, 3, 7, 31, 64, 96, 130, 258):
        x, y = tokens(n).requires_grad_(), tokens(n).requires_grad_()
        compiled(x).square().sum().backward()
        hadamard(y).square().sum().backward()
        torch.testing.assert_close(x.grad, y.grad, rtol=0, atol=1e-12)
    assert counters["stats"]["unique_graphs"] == 1


class Module(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return hadamard(x)


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize("strict", [False, True])
def test_one_exported_graph_serves_every_length_without_our_code(strict: bool) -> None:
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    program = torch.export.export(Module(), (tokens(16),), dynamic_shapes=(free,), strict=strict)
    nodes = [n for part in program.graph_module.modules() for n in part.graph.nodes]
    assert not any("spectrans" in str(node.target) for node in nodes)
    for n in (2, 3, 7, 31, 64, 96, 258):
        x = tokens(n)
        torch.testing.assert_close(program.module()(x), hadamard(x), rtol=0, atol=1e-12)
