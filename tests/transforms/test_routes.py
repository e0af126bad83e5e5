"""Routes change how a transform is computed and where it can run, never what it gives."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from spectrans.transforms import routes
from tests.cases import CASES, DIMS, VARIANTS, Case, ids

SPECTRAL = [c for c in CASES + VARIANTS if c.name in {"fourier", "gfnet", "afno", "lst"}]
every_case = pytest.mark.parametrize("case", SPECTRAL, ids=ids)
# Options that only scale or bound do not change a graph.
GRAPHS = [
    c
    for c in SPECTRAL
    if not {"backward", "complex", "tanh", "sigmoid", "gated"} & set(c.id.split("-"))
]


def moved(case: Case, n: int, route: routes.Route) -> list[torch.Tensor]:
    """What a mixer gives, and the gradients of its input and its parameters."""
    mixer = case.build()
    for index, parameter in enumerate(mixer.parameters()):
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(index))
    x = torch.randn(2, n, DIMS.hidden_dim, dtype=torch.float64).requires_grad_()
    back = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with routes.using(route):
        y = mixer(x)
        (y * back).sum().backward()
    return [y, *(cast(torch.Tensor, p.grad) for p in (x, *mixer.parameters()))]


@every_case
@pytest.mark.parametrize("n", [1, 2, 3, 16, 31, 45, 202])
def test_matrices_give_the_values_and_gradients_of_the_fft(case: Case, n: int) -> None:
    torch.manual_seed(0)
    expected = moved(case, n, "fft")
    torch.manual_seed(0)
    torch.testing.assert_close(moved(case, n, "matmul"), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize("case", GRAPHS, ids=ids)
def test_a_program_of_matrices_has_no_fft_and_serves_every_length(case: Case) -> None:
    mixer = case.build()
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    x = torch.randn(3, 20, DIMS.hidden_dim, dtype=torch.float64)
    with routes.using("matmul"):
        program = torch.export.export(mixer, (x,), dynamic_shapes=(free,))
    values: list[Any] = [node.meta.get("val") for node in program.graph.nodes]
    assert not any(isinstance(v, torch.Tensor) and v.is_complex() for v in values)
    assert not any("fft" in str(node.target) for node in program.graph.nodes)
    for shape in ((3, 20), (1, 31), (5, 64), (2, 2), (1, 202)):
        x = torch.randn(*shape, DIMS.hidden_dim, dtype=torch.float64)
        torch.testing.assert_close(program.module()(x), mixer(x), rtol=1e-10, atol=1e-10)


def test_the_innermost_block_counts_and_ends_with_any_error() -> None:
    with routes.using("fft"):
        with pytest.raises(ZeroDivisionError), routes.using("matmul"):
            _ = 1 / (routes.forced() != "matmul")
        assert routes.forced() == "fft"
    assert routes.forced() is None


@pytest.mark.usefixtures("without_shape_checks")
def test_an_unknown_route_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown route 'matmull'; did you mean 'matmul'"):
        routes.using(cast(Any, "matmull")).__enter__()


def rounded(x: Tensor, weight: Tensor, *args: Any) -> Tensor:
    return (x.bfloat16() @ weight.bfloat16().T).to(x.dtype)


def without_sums(q: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    return q, q[..., 0]


@pytest.mark.parametrize(
    ("namespace", "operations", "check"),
    [
        ("mkldnn", {}, lambda: routes._onednn_is_right.__wrapped__(torch.float32)),
        (
            "mkldnn",
            {"_linear_pointwise": rounded},
            lambda: routes._onednn_is_right.__wrapped__(torch.float32),
        ),
        ("aten", {}, lambda: routes._flash_is_right.__wrapped__()),
        (
            "aten",
            {"_scaled_dot_product_flash_attention_for_cpu": without_sums},
            lambda: routes._flash_is_right.__wrapped__(),
        ),
    ],
    ids=["no product", "rounded product", "no flash", "wrong flash"],
)
def test_operations_that_are_missing_or_wrong_are_not_called(
    namespace: str, operations: dict[str, Any], check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check()
    monkeypatch.setattr(torch.ops, namespace, SimpleNamespace(**operations))
    assert not check()


@pytest.mark.parametrize(
    ("home", "name"),
    [
        (torch._C, "_are_functorch_transforms_active"),
        (torch.utils._python_dispatch, "is_in_torch_dispatch_mode"),
        (torch.autograd.forward_ad, "_current_level"),
    ],
    ids=lambda x: str(x).split()[0],
)
def test_where_torch_does_not_say_who_listens_nothing_is_plain(
    home: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert routes.is_plain(torch.zeros(1))
    monkeypatch.delattr(home, name)
    assert not routes.is_plain(torch.zeros(1))
