"""Any mixer with any options, on any batch: equal to its definition, or refused in a sentence."""

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from torch import Tensor

from spectrans.mixers import Dims, Mixer, resolve
from tests.faults.tally import Tally
from tests.fuzz.made import LAYOUTS, LENGTHS, Layout, mixers, reference

# Largest error over the largest value of the definition; lower ones for what cancels.
BOUNDS = {torch.float64: 1e-8, torch.float32: 1e-3}
CASES = {
    "made": mixers(),
    "hidden_dim": st.integers(1, 24),
    "num_heads": st.integers(1, 4),
    "longest": st.integers(1, 40),
    "b": st.integers(1, 4),
    "n": LENGTHS,
    "dtype": st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]),
    "layout": st.sampled_from(LAYOUTS),
    "way": st.sampled_from(["grad", "no_grad", "inference"]),
    "seed": st.integers(0, 2**16),
}


def refused(error: Exception) -> None:
    """One sentence that says what must be, and of what."""
    sentence = str(error)
    assert "\n" not in sentence
    assert " must " in sentence or "unknown" in sentence, sentence
    event("refused")


def build(made: tuple[str, dict[str, Any]], dims: Dims, seed: int) -> Mixer | None:
    name, chosen = made
    torch.manual_seed(seed)
    try:
        mixer = resolve({"type": name, **chosen}).build(dims)
    except (TypeError, ValueError) as error:
        refused(error)
        return None
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return mixer.eval()


def run(mixer: Mixer, x: Tensor, way: str) -> Tensor:
    """The mixer's answer, with a backward pass where gradients are on."""
    if way == "inference":
        with torch.inference_mode():
            return mixer(x)
    if way == "no_grad":
        with torch.no_grad():
            return mixer(x)
    leaf = x.detach().requires_grad_()
    y = mixer(leaf)
    y.sum().backward()
    assert leaf.grad is not None
    assert bool(leaf.grad.isfinite().all())
    return y.detach()


def hold(
    made: tuple[str, dict[str, Any]],
    hidden_dim: int,
    num_heads: int,
    longest: int,
    b: int,
    n: int,
    dtype: torch.dtype,
    layout: Layout,
    way: str,
    seed: int,
) -> None:
    dims = Dims(hidden_dim=hidden_dim, num_heads=num_heads, max_sequence_length=longest)
    mixer = build(made, dims, seed)
    if mixer is None:
        return
    options = resolve({"type": made[0], **made[1]})
    mixer = mixer.to(dtype)
    x = layout.lay(torch.randn(b, n, hidden_dim).to(dtype))
    before = x.clone()
    try:
        y = run(mixer, x, way)
    except ValueError as error:
        # Only of rows that are no grid.
        if getattr(options, "grid", None) is None:
            raise
        refused(error)
        return
    event("answered")
    assert torch.equal(x, before)
    assert (y.shape, y.dtype) == (x.shape, dtype)
    assert bool(y.isfinite().all())
    if dtype in BOUNDS:
        state = {key: value.double().numpy() for key, value in mixer.state_dict().items()}
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
    max_examples=250,
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
