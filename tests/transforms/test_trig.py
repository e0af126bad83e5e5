"""Cosine and sine transforms: scipy's values, orthogonal for every length, one graph for all."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._dynamo.utils import counters

from spectrans.transforms import routes
from spectrans.transforms.trig import dct, dst, idct, idst

Transform = Callable[[Tensor], Tensor]

# The matrix serves up to 192 tokens, up to 320 if they have a large prime factor; the FFT the others.
LENGTHS = [1, 2, 3, 7, 16, 31, 64, 128, 191, 192, 195, 206, 256, 257, 331]
PAIRS = [(dct, idct), (dst, idst)]
TRANSFORMS = [dct, idct, dst, idst]

every_length = pytest.mark.parametrize("n", LENGTHS)
every_pair = pytest.mark.parametrize(("forward", "inverse"), PAIRS, ids=["dct", "dst"])
every_transform = pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda f: f.__name__)


def tokens(n: int, d: int = 3, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(n)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64).to(dtype)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 400))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(dct, scipy.fft.dct), (idct, scipy.fft.idct), (dst, scipy.fft.dst), (idst, scipy.fft.idst)],
    ids=["dct", "idct", "dst", "idst"],
)
def test_values_are_those_of_scipy(ours: Transform, theirs: Callable[..., Any], n: int) -> None:
    x = tokens(n)
    expected = theirs(x.numpy(), type=2, axis=1, norm="ortho")
    np.testing.assert_allclose(ours(x).numpy(), expected, rtol=0, atol=1e-12)


@every_transform
@every_length
def test_the_matrix_is_orthogonal(transform: Transform, n: int) -> None:
    eye = torch.eye(n, dtype=torch.float64)
    matrix = transform(eye)
    torch.testing.assert_close(matrix @ matrix.mT, eye, rtol=0, atol=1e-12)


@every_pair
@every_length
def test_the_inverse_gives_the_tokens_back(forward: Transform, inverse: Transform, n: int) -> None:
    x = tokens(n)
    torch.testing.assert_close(inverse(forward(x)), x, rtol=0, atol=1e-12)


@every_transform
@pytest.mark.parametrize("n", [1, 2, 3, 8, 129])
@pytest.mark.parametrize(
    "x", [tokens(129, 4), tokens(4, 129).mT, tokens(129, 3)], ids=["pairs", "turned", "odd"]
)
def test_rows_taken_one_by_one_give_what_the_matrix_gives(
    transform: Transform, n: int, x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with routes.using("matmul"):
        expected = transform(x[:, :n])
    monkeypatch.setattr(routes, "by_pairs", lambda x: True)
    with routes.using("fft"):
        torch.testing.assert_close(transform(x[:, :n]), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_large_rows_are_taken_one_by_one_in_inference_on_few_threads(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = torch.empty(8, 512, 768), torch.empty(64, 64, 768)
    trained = torch.empty(8, 512, 768, requires_grad=True)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert [routes.by_pairs(x) for x in (large, small, trained)] == [threads <= 2, False, False]


@every_pair
@pytest.mark.parametrize("n", [1, 2, 31, 193, 195])
def test_the_gradient_is_the_inverse_of_what_comes_back(
    forward: Transform, inverse: Transform, n: int
) -> None:
    x, back = tokens(n).requires_grad_(), tokens(n + 1)[:, :n]
    forward(x).backward(back)
    torch.testing.assert_close(x.grad, inverse(back), rtol=0, atol=1e-12)


@every_pair
def test_training_works_after_inference(forward: Transform, inverse: Transform) -> None:
    x = tokens(23)
    with torch.inference_mode():
        forward(x)
    torch.testing.assert_close(inverse(forward(x.requires_grad_())), x, rtol=0, atol=1e-12)
    forward(x).sum().backward()
    assert x.grad is not None


@every_transform
@pytest.mark.parametrize("shape", [(5, 2), (1, 5, 2), (2, 3, 200, 2)])
def test_leading_axes_are_apart(transform: Transform, shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    rows = [transform(row) for row in x.flatten(0, -3)] if len(shape) > 2 else [transform(x)]
    torch.testing.assert_close(transform(x), torch.stack(rows).view(shape), rtol=0, atol=1e-12)


@every_transform
@pytest.mark.parametrize("n", [31, 4099])
@pytest.mark.parametrize(
    ("dtype", "bound"),
    [(torch.float32, 2e-6), (torch.bfloat16, 2**-8), (torch.float16, 2**-11)],
    ids=["float32", "bfloat16", "float16"],
)
def test_low_precision_only_rounds_at_the_edge(
    transform: Transform, n: int, dtype: torch.dtype, bound: float
) -> None:
    x = tokens(n, dtype=dtype)
    y, expected = transform(x), transform(x.double())
    assert y.dtype == dtype
    assert float((y.double() - expected).abs().max()) < bound * float(expected.abs().max())


@every_transform
@pytest.mark.parametrize("n", [31, 200])
def test_autocast_changes_nothing(transform: Transform, n: int) -> None:
    x = tokens(n, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        inside = transform(x)
    assert torch.equal(inside, transform(x))


@pytest.mark.usefixtures("without_shape_checks")
@every_transform
def test_one_compiled_graph_serves_every_length(transform: Transform) -> None:
    compiled = torch.compile(transform, fullgraph=True, dynamic=True, backend="aot_eager")
    counters.clear()
    for n in (16, 7, 31, 64, 130, 257):
        x = tokens(n)
        torch.testing.assert_close(compiled(x), transform(x), rtol=0, atol=1e-12)
    assert counters["stats"]["unique_graphs"] == 1


class Both(nn.Module):
    def __init__(self, forward: Transform, inverse: Transform) -> None:
        super().__init__()
        self.there, self.back = forward, inverse

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.there(x), self.back(x)


@pytest.mark.usefixtures("without_shape_checks")
@every_pair
@pytest.mark.parametrize("strict", [False, True])
def test_one_exported_graph_serves_every_length(
    forward: Transform, inverse: Transform, strict: bool
) -> None:
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    model = Both(forward, inverse)
    program = torch.export.export(model, (tokens(16),), dynamic_shapes=(free,), strict=strict)
    for n in (2, 3, 7, 31, 130, 257):
        x = tokens(n)
        torch.testing.assert_close(program.module()(x), model(x), rtol=0, atol=1e-12)
