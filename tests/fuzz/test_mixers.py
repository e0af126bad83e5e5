"""Any mixer with any options, on any batch: equal to its definition, or refused in a sentence."""

import copy
import io
import pickle
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from spectrans.mixers import MIXERS, Dims, Mixer, resolve
from tests.faults.tally import Tally
from tests.fuzz.made import LAYOUTS, LENGTHS, Layout, reference, sized

# As users have it.
pytestmark = pytest.mark.usefixtures("without_shape_checks")

# Largest error over the largest value of the definition, or over one where all are smaller; in 16
# bits 32 units in the last place of the largest value, for tokens go through up to three products.
BOUNDS = {
    torch.float64: 1e-9,
    torch.float32: 1e-4,
    **{dtype: 32 * torch.finfo(dtype).eps for dtype in (torch.float16, torch.bfloat16)},
}
# Inputs that no mixer takes, made of one that it does.
FAULTS: dict[str, Callable[[Tensor], Any]] = {
    "too wide": lambda x: torch.nn.functional.pad(x, (0, 1)),
    "too narrow": lambda x: x[..., 1:],
    "one row alone": lambda x: x.sum(0),
    "a picture": lambda x: x[:, None],
    "whole numbers": lambda x: x.long(),
    "truth values": lambda x: x > 0,
    "complex": lambda x: torch.complex(x.float(), x.float()),
    "an array": lambda x: x.float().numpy(),
    "a list": lambda x: x.tolist(),
    "sparse": lambda x: x.to_sparse(),
}
CASES = {
    "made": sized(),
    "b": st.sampled_from([0, 1, 2, 2, 3, 3, 4, 4]),
    "n": LENGTHS,
    "dtype": st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]),
    "layout": st.sampled_from(LAYOUTS),
    "way": st.sampled_from(["grad", "no_grad", "inference", "func", "samples", "twice"]),
    "fault": st.sampled_from([None] * 4 * len(FAULTS) + sorted(FAULTS)),
    "seed": st.integers(0, 2**16),
}
SIZES = [field.name for field in fields(Dims)]


def refused(error: Exception, names: Iterable[str]) -> None:
    """One sentence that says what must be, and of which of the arguments of these names."""
    sentence = str(error)
    assert "\n" not in sentence
    assert re.search(r"\b(must|unknown)\b", sentence), sentence
    assert re.search(rf"\b({'|'.join(map(re.escape, names))})\b", sentence), sentence
    event("refused")


def build(made: tuple[Dims, str, dict[str, Any]], seed: int) -> Mixer | None:
    dims, name, chosen = made
    torch.manual_seed(seed)
    try:
        mixer = resolve({"type": name, **chosen}).build(dims)
    except (TypeError, ValueError) as error:
        refused(error, [*MIXERS[name].model_fields, *SIZES])
        return None
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return mixer.eval()


def slope(mixer: Mixer, x: Tensor) -> Tensor:
    """The gradient of the squares of what a mixer gives, by autograd."""
    leaf = x.detach().requires_grad_()
    (found,) = torch.autograd.grad(mixer(leaf).square().sum(), leaf)
    return found


def power(mixer: Mixer) -> Callable[[Tensor], Tensor]:
    return lambda x: mixer(x).square().sum()


def run(mixer: Mixer, x: Tensor, way: str) -> Tensor:
    """The mixer's answer, with what gradients there are on the way."""
    if way == "inference":
        with torch.inference_mode():
            return mixer(x)
    if way == "grad":
        leaf = x.detach().requires_grad_()
        y = mixer(leaf)
        y.sum().backward()
        assert leaf.grad is not None
        assert bool(leaf.grad.isfinite().all())
        return y.detach()
    with torch.no_grad():
        y = mixer(x)
    if way in ("func", "samples"):
        near(by_function(mixer, x, way), slope(mixer, x))
    if way == "twice":
        check_curvature(mixer, x)
    return y


def by_function(mixer: Mixer, x: Tensor, way: str) -> Tensor:
    """The same gradient by `torch.func`, of the batch or of each of its rows by itself."""
    if way == "func":
        return torch.func.grad(power(mixer))(x)
    # Torch's attention on CPU knows no vmap, and says where it goes a slow way.
    with sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
        return torch.func.vmap(torch.func.grad(lambda row: power(mixer)(row[None])))(x)


def check_curvature(mixer: Mixer, x: Tensor) -> None:
    """Second slopes are finite, and those of a function: their matrix is symmetric."""
    leaf, (u, v) = x.detach().requires_grad_(), torch.randn(2, *x.shape, dtype=x.dtype)
    (first,) = torch.autograd.grad(power(mixer)(leaf), leaf, create_graph=True)
    by_u, by_v = (
        torch.autograd.grad((first * along).sum(), leaf, retain_graph=True)[0] for along in (u, v)
    )
    assert bool(by_u.isfinite().all())
    assert bool(by_v.isfinite().all())
    if x.dtype == torch.float64:
        size = float(by_u.abs().max() * v.abs().sum())
        assert abs(float((by_u * v).sum() - (by_v * u).sum())) <= 1e-9 * max(1.0, size)


def near(found: Tensor, wanted: Tensor) -> None:
    """Two gradients are finite and, in wide types, nearly equal."""
    assert bool(found.isfinite().all())
    assert bool(wanted.isfinite().all())
    found, wanted = found.detach(), wanted.detach()
    bound = {torch.float64: 1e-9, torch.float32: 1e-3}.get(found.dtype, torch.inf)
    assert float((found - wanted).abs().max()) <= bound * max(1.0, float(wanted.abs().max()))


def hold(
    made: tuple[Dims, str, dict[str, Any]],
    b: int,
    n: int,
    dtype: torch.dtype,
    layout: Layout,
    way: str,
    fault: str | None,
    seed: int,
) -> None:
    dims, name, chosen = made
    mixer = build(made, seed)
    if mixer is None:
        return
    options = resolve({"type": name, **chosen})
    mixer = mixer.to(dtype)
    x = layout.lay(torch.randn(b, n, dims.hidden_dim).to(dtype))
    if fault is not None or not x.numel():
        with pytest.raises((TypeError, ValueError)) as caught:
            mixer(x if fault is None else FAULTS[fault](x))
        refused(caught.value, ["x"])
        return
    before = x.clone()
    try:
        y = run(mixer, x, way)
    except ValueError as error:
        # Only of rows that are no grid.
        if getattr(options, "grid", None) is None:
            raise
        refused(error, ["grid"])
        return
    event("answered")
    assert torch.equal(x, before)
    assert (y.shape, y.dtype) == (x.shape, dtype)
    assert bool(y.isfinite().all())
    state = {key: value.double().numpy() for key, value in mixer.state_dict().items()}
    if torch.finfo(dtype).bits == 16 and "heads.qk_norm.q_length" in state:
        state["eps"] = np.array(torch.finfo(dtype).eps)
    expected = reference(options, dims)(x.double().numpy(), state)
    off = np.abs(y.double().numpy() - expected).max()
    assert off <= BOUNDS[dtype] * max(1.0, np.abs(expected).max())
    check_copies(mixer, x, run(mixer, x, "no_grad"))


def check_copies(mixer: Mixer, x: Tensor, expected: Tensor) -> None:
    saved = io.BytesIO()
    torch.save(mixer.state_dict(), saved)
    saved.seek(0)
    loaded = copy.deepcopy(mixer)
    loaded.load_state_dict(torch.load(saved, weights_only=True))
    for twin in (loaded, pickle.loads(pickle.dumps(mixer))):
        assert torch.equal(run(twin, x, "no_grad"), expected)


def answer(tally: Tally, **case: Any) -> None:
    with tally.fault():
        hold(**case)


# One tally counts all cases.
short = settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    database=None,
)
long = settings(
    max_examples=7_000,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
test_a_generated_mixer_equals_its_definition_or_is_refused = short(given(**CASES)(answer))
test_thousands_of_generated_mixers_do = pytest.mark.slow(long(given(**CASES)(answer)))
