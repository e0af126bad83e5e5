"""What every mixer promises, over every mixer and every option that changes what it computes."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from spectrans.mixers import Dims, Mixer
from tests.cases import CASES, DIMS, GRIDS, VARIANTS, Case, ids

ALL = CASES + VARIANTS + GRIDS
every_length = pytest.mark.parametrize(
    ("case", "n"), [pytest.param(c, n, id=f"{c.id}-{n}") for c in ALL for n in c.lengths]
)
every_case = pytest.mark.parametrize("case", ALL, ids=ids)
every_mixer = pytest.mark.parametrize("case", CASES, ids=ids)


def arrays(mixer: Mixer) -> dict[str, Any]:
    return {key: value.double().numpy() for key, value in mixer.state_dict().items()}


def shaken(case: Case) -> Mixer:
    """A float64 mixer none of whose parameters is left at a special value."""
    mixer = case.build()
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return mixer


def reference(case: Case, x: Tensor, state: dict[str, Any]) -> Any:
    return case.reference(x.numpy(), state, case.options, case.dims)


@every_length
def test_values_equal_the_reference(case: Case, n: int) -> None:
    mixer = shaken(case)
    x = torch.randn(2, n, DIMS.hidden_dim, dtype=torch.float64)
    expected = reference(case, x, arrays(mixer))
    np.testing.assert_allclose(mixer(x).detach().numpy(), expected, rtol=1e-9, atol=1e-9)


@every_length
def test_gradients_equal_the_reference_slope(case: Case, n: int) -> None:
    mixer = shaken(case)
    x = torch.randn(1, n, DIMS.hidden_dim, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(1, n, DIMS.hidden_dim, dtype=torch.float64)
    (mixer(x) * weight).sum().backward()

    moved = {"": x, **dict(mixer.named_parameters())}
    step = {key: torch.randn_like(value) for key, value in moved.items()}
    slope = sum(float((step[k] * v.grad).sum()) for k, v in moved.items() if v.grad is not None)
    state, h = arrays(mixer), 1e-6

    def value(t: float) -> float:
        there = {k: v + t * step[k].numpy() if k in step else v for k, v in state.items()}
        y = reference(case, x.detach() + t * step[""], there)
        return float((y * weight.numpy()).sum())

    measured = (value(h) - value(-h)) / (2 * h)
    assert slope == pytest.approx(measured, rel=1e-5, abs=1e-5)


@every_case
def test_every_token_reaches_every_token_it_should(case: Case) -> None:
    n = case.tokens(16)
    mixer = case.build()
    x = torch.randn(1, n, DIMS.hidden_dim, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(mixer, x)[0, :, :, 0]  # (n, d, n, d)
    influence = jacobian.square().sum((1, 3)).sqrt()  # (n to, n from)
    place = torch.arange(n)
    distance = (place[:, None] - place).abs()
    expected = torch.ones(n, n, dtype=torch.bool)
    if case.circular:
        distance = torch.minimum(distance, n - distance)
    if case.reach is not None:
        expected = distance <= case.reach
    assert bool((influence[expected] > 1e-6).all())


@every_mixer
def test_mixing_is_a_good_part_of_what_a_mixer_does_at_first(case: Case) -> None:
    n = 16
    x = torch.randn(1, n, DIMS.hidden_dim, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(case.build(), x)[0, :, :, 0]
    power = jacobian.square().sum((1, 3))
    share = 1 - power.diagonal().sum() / power.sum()
    assert share > 0.05


@every_mixer
def test_power_is_kept_at_first(case: Case) -> None:
    dims = Dims(hidden_dim=96, num_heads=4, max_sequence_length=64)
    options = case.options.model_copy(update={"num_blocks": 8} if case.name == "afno" else {})
    x = torch.randn(4, 64, 96)
    with torch.no_grad():
        gain = options.build(dims)(x).square().mean().sqrt()
    # Softmax averages 64 random values, so attention gives an eighth or more.
    assert 0.1 < gain < 2


@every_case
@pytest.mark.parametrize(
    ("dtype", "bound"),
    [(torch.float32, 1e-5), (torch.bfloat16, 0.08), (torch.float16, 0.01)],
    ids=["float32", "bfloat16", "float16"],
)
def test_precision_stays_within_its_bound_and_dtype(
    case: Case, dtype: torch.dtype, bound: float
) -> None:
    mixer = case.build()
    x = torch.randn(2, case.tokens(21), DIMS.hidden_dim, dtype=torch.float64)
    x = x.to(dtype).double()
    for parameter in mixer.parameters():
        parameter.data = parameter.data.to(dtype).double()
    expected = mixer(x)
    y = mixer.to(dtype)(x.to(dtype))
    assert y.dtype == dtype
    assert (y.double() - expected).abs().max().item() < bound * expected.abs().max().item()


@every_case
def test_rows_do_not_see_each_other(case: Case) -> None:
    mixer = case.build()
    x = torch.randn(3, case.tokens(13), DIMS.hidden_dim, dtype=torch.float64)
    apart = torch.cat([mixer(row[None]) for row in x])
    torch.testing.assert_close(mixer(x), apart, rtol=0, atol=1e-12)


@every_case
def test_memory_layout_changes_nothing(case: Case) -> None:
    mixer = case.build()
    x = torch.randn(2, DIMS.hidden_dim, case.tokens(13), dtype=torch.float64).transpose(1, 2)
    torch.testing.assert_close(mixer(x), mixer(x.contiguous()), rtol=0, atol=1e-12)


@every_case
def test_the_input_is_left_as_it_was(case: Case) -> None:
    x = torch.randn(2, case.tokens(13), DIMS.hidden_dim, dtype=torch.float64)
    before = x.clone()
    case.build()(x)
    assert torch.equal(x, before)


@every_case
def test_a_state_dict_copy_or_pickle_is_the_same_mixer(case: Case) -> None:
    mixer = shaken(case)
    loaded = case.build()
    loaded.load_state_dict(mixer.state_dict())
    x = torch.randn(2, case.tokens(13), DIMS.hidden_dim, dtype=torch.float64)
    expected = mixer(x)
    for twin in (loaded, copy.deepcopy(mixer), pickle.loads(pickle.dumps(mixer))):
        assert torch.equal(twin(x), expected)


@every_case
def test_the_same_seed_gives_the_same_weights(case: Case) -> None:
    torch.manual_seed(7)
    first = case.build().state_dict()
    torch.manual_seed(7)
    second = case.build().state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@every_case
def test_no_weight_is_complex_and_no_buffer_is_left_out_of_the_checkpoint(case: Case) -> None:
    mixer = case.build()
    assert not any(value.is_complex() for value in mixer.state_dict().values())
    assert {name for name, _ in mixer.named_buffers()} <= mixer.state_dict().keys()


@every_case
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_zero_row_gives_finite_values_and_gradients(case: Case, dtype: torch.dtype) -> None:
    mixer = case.build(dtype)
    x = torch.zeros(1, case.tokens(9), DIMS.hidden_dim, dtype=dtype, requires_grad=True)
    y = mixer(x)
    y.sum().backward()
    assert bool(y.isfinite().all())
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


@every_case
def test_options_survive_a_round_trip_as_data(case: Case) -> None:
    from spectrans.mixers import resolve

    assert resolve(case.options.to_dict()) == case.options
