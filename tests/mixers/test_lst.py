"""Linear spectral transform: its definition, how it mixes, and how it scales."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spectrans.mixers import LST, Dims, LSTMixer
from tests.reference.lst import lst

DIMS = Dims(hidden_dim=12, num_heads=4)
LENGTHS = [1, 2, 3, 7, 16, 31, 64, 101]
TRANSFORMS = ["dct", "dst", "hadamard", "mixed"]
FORMS = ["product", "gated"]

every_transform = pytest.mark.parametrize("transform", TRANSFORMS)
every_form = pytest.mark.parametrize("form", FORMS)


def build(dims: Dims = DIMS, **settings: Any) -> LSTMixer:
    mixer = LST(**settings).build(dims).double()
    assert isinstance(mixer, LSTMixer)
    return mixer


def shaken(**settings: Any) -> LSTMixer:
    """A mixer none of whose parameters is left at a special value."""
    mixer = build(**settings)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return mixer


def arrays(mixer: LSTMixer) -> dict[str, Any]:
    return {key: value.numpy() for key, value in mixer.state_dict().items()}


def tokens(n: int, d: int = 12, b: int = 1) -> Tensor:
    return torch.randn(b, n, d, dtype=torch.float64)


@every_transform
@every_form
@pytest.mark.parametrize("n", LENGTHS)
def test_values_equal_the_definition(transform: str, form: str, n: int) -> None:
    mixer, x = shaken(transform_type=transform, form=form), tokens(n, b=2)
    expected = lst(x.numpy(), arrays(mixer), mixer.options, DIMS)
    np.testing.assert_allclose(mixer(x).detach().numpy(), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "settings",
    [{"num_heads": 1}, {"num_heads": 2}, {"num_heads": 12}, {"use_bias": False}],
    ids=["one head", "two heads", "one channel", "no bias"],
)
@every_form
def test_values_equal_the_definition_for_any_heads(settings: dict[str, Any], form: str) -> None:
    mixer, x = shaken(transform_type="mixed", form=form, **settings), tokens(9)
    expected = lst(x.numpy(), arrays(mixer), mixer.options, DIMS)
    np.testing.assert_allclose(mixer(x).detach().numpy(), expected, rtol=0, atol=1e-10)


@every_transform
@every_form
@pytest.mark.parametrize("n", LENGTHS)
def test_the_slope_along_every_parameter_is_that_of_the_definition(
    transform: str, form: str, n: int
) -> None:
    mixer = shaken(transform_type=transform, form=form)
    x, weight = tokens(n).requires_grad_(), tokens(n)
    (mixer(x) * weight).sum().backward()
    moved = {"x": x, **dict(mixer.named_parameters())}
    state = {"x": x.detach().numpy(), **arrays(mixer)}
    h = 1e-6

    def slopes(name: str, value: Tensor) -> tuple[float, float]:
        step = torch.randn_like(value)
        ends = []
        for t in (h, -h):
            there = {**state, name: state[name] + t * step.numpy()}
            y = lst(there["x"], there, mixer.options, DIMS)
            ends.append(float((y * weight.numpy()).sum()))
        assert value.grad is not None
        return float((step * value.grad).sum()), (ends[0] - ends[1]) / (2 * h)

    found, expected = zip(*(slopes(*item) for item in moved.items()), strict=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@every_transform
@pytest.mark.parametrize(("form", "least"), [("product", 0.85), ("gated", 0.25)], ids=FORMS)
def test_much_of_the_slope_is_between_different_tokens(
    transform: str, form: str, least: float
) -> None:
    mixer = build(Dims(hidden_dim=32, num_heads=4), transform_type=transform, form=form)
    jacobian = torch.autograd.functional.jacobian(mixer, tokens(24, 32))[0, :, :, 0]
    power = jacobian.square().sum((1, 3))  # (n to, n from)
    assert float(1 - power.diagonal().sum() / power.sum()) > least


@every_transform
@every_form
@pytest.mark.parametrize("n", [1, 16, 101, 512])
def test_power_is_kept_at_first(transform: str, form: str, n: int) -> None:
    mixer = build(Dims(hidden_dim=64, num_heads=4), transform_type=transform, form=form)
    with torch.no_grad():
        power = mixer(tokens(n, 64, b=max(1, 512 // n))).square().mean()
    assert 0.6 < float(power) < 1.5


@every_transform
@pytest.mark.parametrize("scale", [0.1, 30.0])
def test_the_product_grows_in_proportion_to_its_input(transform: str, scale: float) -> None:
    mixer, x = build(transform_type=transform, form="product", use_bias=False), tokens(31)
    torch.testing.assert_close(mixer(scale * x), scale * mixer(x), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_the_slope_of_the_product_does_not_depend_on_the_size_of_its_input(scale: float) -> None:
    mixer = build(Dims(hidden_dim=64, num_heads=4), form="product")
    x = (scale * tokens(64, 64)).requires_grad_()
    y = mixer(x)
    y.backward(torch.randn_like(y))
    assert x.grad is not None
    assert 1 < float(x.grad.square().mean().sqrt()) < 3


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_the_gate_never_enlarges_the_values(scale: float) -> None:
    mixer, x = build(form="gated", transform_type="mixed"), scale * tokens(31)
    torch.nn.init.eye_(mixer.heads.out.weight)
    values = x @ mixer.heads.qkv.weight[24:].mT
    assert bool(mixer(x).norm() < values.norm())


@every_transform
@every_form
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_every_dtype_is_kept_with_finite_values_and_gradients(
    transform: str, form: str, dtype: torch.dtype, scale: float
) -> None:
    mixer = build(transform_type=transform, form=form).to(dtype)
    x = (scale * tokens(21)).to(dtype).requires_grad_()
    y = mixer(x)
    y.float().sum().backward()
    assert y.dtype == dtype
    assert all(bool(z.isfinite().all()) for z in (y, x.grad, *(p.grad for p in mixer.parameters())))


@every_form
def test_a_zero_row_gives_zeros_and_no_slope_above_one(form: str) -> None:
    x = torch.zeros(1, 9, 12, dtype=torch.float64, requires_grad=True)
    y = build(form=form)(x)
    y.sum().backward()
    assert x.grad is not None
    assert not bool(y.any())
    assert float(x.grad.abs().max()) < 10


def test_the_same_seed_gives_the_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(7)
        states.append(build().state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_without_bias_there_is_none() -> None:
    assert not [key for key in build(use_bias=False).state_dict() if "bias" in key]
