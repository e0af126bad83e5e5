"""Products with a weight are float32's own, whichever library computes them, and so are slopes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from spectrans.blocks import FeedForward
from spectrans.blocks.activation import ACTIVATIONS, Activation, apply_activated
from spectrans.linear import apply_fused, apply_linear, linear
from spectrans.transforms import routes

ONEDNN = "mkldnn::_linear_pointwise"


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take oneDNN's products for any size on any CPU that has them."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of torch has no oneDNN")
    monkeypatch.setattr(routes, "_ONEDNN_FROM", 0)
    monkeypatch.setattr(routes, "_onednn_suits", lambda: True)


everywhere = pytest.mark.usefixtures("onednn")
sizes = pytest.mark.parametrize(
    ("shape", "outputs"),
    [((3, 8), 5), ((1, 1), 1), ((2, 7, 31), 64), ((2, 3, 5, 16), 48), ((257, 96), 33)],
    ids=str,
)
gelus = pytest.mark.parametrize("activation", ["gelu", "gelu_tanh"])


def operations(work: Callable[[], Any]) -> dict[str, int]:
    """The names of what torch runs, and how often it does."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, acc_events=True) as profile:
        work()
    return {event.key: event.count for event in profile.key_averages()}


def parts(shape: tuple[int, ...], outputs: int, bias: bool = True) -> list[Tensor | None]:
    x, weight = torch.randn(shape), torch.randn(outputs, shape[-1]) / shape[-1] ** 0.5
    return [x, weight, torch.randn(outputs) if bias else None]


def double(tensors: list[Tensor | None]) -> list[Tensor | None]:
    return [t if t is None else t.detach().double() for t in tensors]


def slopes(tensors: list[Tensor | None], order: int) -> list[Tensor]:
    """Value, and first or second derivatives of a curved function of a product."""
    leaves = [t.requires_grad_() for t in tensors if t is not None]
    y = linear(*tensors)  # type: ignore[arg-type]
    weight = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    found = torch.autograd.grad((y.sin() * weight).sum(), leaves, create_graph=order > 1)
    if order > 1:
        found = torch.autograd.grad(torch.stack([g.square().sum() for g in found]).sum(), leaves)
    return [y, *found]


@everywhere
@sizes
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("order", [1, 2])
def test_values_and_slopes_are_those_of_float64(
    shape: tuple[int, ...], outputs: int, bias: bool, order: int
) -> None:
    tensors = parts(shape, outputs, bias)
    expected = slopes(double(tensors), order)
    for found, wanted in zip(slopes(tensors, order), expected, strict=True):
        assert found.dtype == torch.float32
        error = (found.double() - wanted).abs().max().item()
        assert error <= 1e-5 * wanted.abs().max().item()


@everywhere
def test_a_product_keeps_the_last_bit_of_float32() -> None:
    x = torch.full((256, 64), 1 + torch.finfo(torch.float32).eps)
    assert ONEDNN in operations(lambda: linear(x, torch.eye(64)))
    assert torch.equal(linear(x, torch.eye(64)), x)


@everywhere
def test_training_takes_the_same_library_forwards_and_backwards() -> None:
    tensors = parts((32, 16), 8)
    assert not {"aten::addmm", "aten::mm"} & operations(lambda: slopes(tensors, 1)).keys()


@everywhere
def test_only_what_needs_a_slope_gets_one() -> None:
    layer = nn.Linear(8, 8)
    layer.weight.requires_grad_(False)
    x = torch.randn(4, 8)
    assert operations(lambda: apply_linear(layer, x).sum().backward())[ONEDNN] == 1
    assert layer.weight.grad is None
    assert layer.bias.grad is not None
    assert x.grad is None


@everywhere
@pytest.mark.parametrize("layout", [lambda x: x.mT.contiguous().mT, lambda x: x[:, ::2]])
def test_layout_changes_nothing(layout: Callable[[Tensor], Tensor]) -> None:
    x = layout(torch.randn(6, 10, 16)).requires_grad_()
    weight = torch.randn(4, 16)
    y = linear(x, weight)
    y.sum().backward()  # an expanded gradient
    torch.testing.assert_close(y, F.linear(x, weight))
    torch.testing.assert_close(x.grad, weight.sum(0).expand_as(x))


@everywhere
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_an_activation_in_one_pass_is_the_activation(
    activation: Activation, dtype: torch.dtype
) -> None:
    layer, x = nn.Linear(24, 40).to(dtype), 3 * torch.randn(5, 24).to(dtype)
    with torch.no_grad():
        y = apply_activated(layer, x, activation)
        expected = ACTIVATIONS[activation](layer.double()(x.double()))
    assert y.dtype == dtype
    bound = 1e-6 if dtype == torch.float32 else 1e-2
    torch.testing.assert_close(y.double(), expected, rtol=bound, atol=bound)


@everywhere
@gelus
def test_training_needs_the_value_before_the_activation(activation: Any) -> None:
    layer, x = nn.Linear(24, 40), torch.randn(5, 24)
    assert apply_fused(layer, x, activation) is None
    with torch.no_grad():
        assert apply_fused(layer, x, activation) is not None


@everywhere
@gelus
def test_autocast_gives_what_it_gives_without_the_fast_route(activation: Any) -> None:
    ffn = FeedForward(24, 96, activation)
    x = torch.randn(5, 24)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        y = ffn(x)
        expected = ffn.down(ACTIVATIONS[ffn.activation](ffn.up(x)))
    assert y.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(y, expected, rtol=0.02, atol=0.02)


def by_vmap(layer: nn.Linear, x: Tensor) -> Tensor:
    return torch.func.vmap(lambda row: apply_linear(layer, row))(x)


def by_functional_gradient(layer: nn.Linear, x: Tensor) -> Tensor:
    return torch.func.grad(lambda x: apply_linear(layer, x).sum())(x)


def by_forward_mode(layer: nn.Linear, x: Tensor) -> Tensor:
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        slope = torch.autograd.forward_ad.unpack_dual(apply_linear(layer, dual)).tangent
    assert slope is not None
    return slope


def by_script_trace(layer: nn.Linear, x: Tensor) -> Tensor:
    layer.requires_grad_(False)  # traced constants must have no slope
    traced = torch.jit.trace(lambda x: apply_linear(layer, x), (x,))
    assert "mkldnn" not in str(traced.graph)
    return traced(x)


def by_functional_trace(layer: nn.Linear, x: Tensor) -> Tensor:
    traced = make_fx(lambda x: apply_linear(layer, x))(x)
    assert "mkldnn" not in traced.code
    return traced(x)


def by_compiling(layer: nn.Linear, x: Tensor) -> Tensor:
    return torch.compile(apply_linear, fullgraph=True, backend="aot_eager")(layer, x)


@everywhere
@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "transform",
    [
        by_vmap,
        by_functional_gradient,
        by_forward_mode,
        by_script_trace,
        by_functional_trace,
        by_compiling,
    ],
    ids=lambda f: f.__name__,
)
def test_what_transforms_a_product_finds_torchs_own(
    transform: Callable[[nn.Linear, Tensor], Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, x = nn.Linear(8, 6), torch.randn(3, 2, 8)
    found = transform(layer, x)
    monkeypatch.setattr(routes, "_ONEDNN_FROM", 2**62)
    torch.testing.assert_close(found, transform(layer, x))


@everywhere
def test_operations_are_still_counted() -> None:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        apply_linear(nn.Linear(8, 6), torch.randn(4, 8))
    assert counter.get_total_flops() == 2 * 4 * 8 * 6


class Adapter(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) + 1


def by_another_class(layer: nn.Linear) -> None:
    layer.__class__ = Adapter


def by_another_forward(layer: nn.Linear) -> None:
    plain = layer.forward
    layer.forward = lambda x: plain(x) + 1  # type: ignore[method-assign, assignment]


def by_a_hook(layer: nn.Linear) -> None:
    layer.register_forward_hook(lambda layer, args, y: y + 1)


@everywhere
@gelus
@pytest.mark.parametrize(
    "change", [by_another_class, by_another_forward, by_a_hook], ids=lambda f: f.__name__
)
def test_what_changes_a_layers_answer_is_heard(
    change: Callable[[nn.Linear], None], activation: Any
) -> None:
    ffn, x = FeedForward(8, 16, activation), torch.randn(3, 8)
    with torch.no_grad():
        up = F.linear(x, ffn.up.weight, ffn.up.bias) + 1
        expected = F.linear(ACTIVATIONS[ffn.activation](up), ffn.down.weight, ffn.down.bias) + 1
        change(ffn.up)
        change(ffn.down)
        torch.testing.assert_close(ffn(x), expected)


@everywhere
@pytest.mark.parametrize(
    ("x", "weight"),
    [
        (torch.randn(3, 8), torch.randn(5, 7)),
        (torch.randn(3, 8).double(), torch.randn(5, 8)),
        (torch.randn(3, 8), torch.randn(5, 8).bfloat16()),
    ],
    ids=["width", "float64", "bfloat16"],
)
def test_what_does_not_fit_is_refused_by_torch(x: Tensor, weight: Tensor) -> None:
    with pytest.raises(RuntimeError) as ours:
        linear(x, weight)
    with pytest.raises(RuntimeError) as theirs:
        F.linear(x, weight)
    assert str(ours.value) == str(theirs.value)


@everywhere
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16], ids=str)
def test_other_types_are_torchs(dtype: torch.dtype) -> None:
    x, weight = torch.randn(4, 8, dtype=dtype), torch.randn(6, 8, dtype=dtype)
    assert ONEDNN not in operations(lambda: linear(x, weight))
    assert torch.equal(linear(x, weight), F.linear(x, weight))


@everywhere
def test_strided_weights_are_torchs() -> None:
    x, weight = torch.randn(4, 8), torch.randn(6, 16)[:, ::2]
    assert ONEDNN not in operations(lambda: linear(x, weight))


@everywhere
@pytest.mark.parametrize("shape", [(0, 8), (2, 0, 8), (8,), (3, 0)], ids=str)
def test_no_tokens_no_channels_and_single_vectors_work(shape: tuple[int, ...]) -> None:
    x, weight, bias = torch.randn(shape), torch.randn(6, shape[-1]), torch.randn(6)
    torch.testing.assert_close(linear(x, weight, bias), F.linear(x, weight, bias))


@everywhere
def test_lower_precision_is_torchs_business_when_it_is_asked_for() -> None:
    x, weight = torch.randn(4, 8), torch.randn(6, 8)
    torch.set_float32_matmul_precision("medium")
    try:
        assert ONEDNN not in operations(lambda: linear(x, weight))
    finally:
        torch.set_float32_matmul_precision("highest")


def test_small_products_are_torchs() -> None:
    x, weight = torch.randn(4, 8), torch.randn(6, 8)
    assert ONEDNN not in operations(lambda: linear(x, weight))
