"""Models capture as one graph, and captured graphs give eager's values."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

from spectrans import HybridEncoder
from tests.cases import CASES, Case, ids

pytestmark = [
    pytest.mark.usefixtures("without_shape_checks", "fresh_graphs"),
    # torch's compilers use parts of torch that torch has deprecated.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def fresh_graphs() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def encoder(case: Case, **changes: Any) -> HybridEncoder:
    settings: dict[str, Any] = {
        "hidden_dim": 12, "num_layers": 2, "max_sequence_length": 31, "num_heads": 3, "dropout": 0.0
    }  # fmt: skip
    plan = {"alternation_pattern": "custom", "layer_types": [case.options] * 2}
    return HybridEncoder(**{**settings, **plan, **changes})


def assert_compiled_equals_eager(model: nn.Module, backend: str) -> None:
    compiled = torch.compile(model, fullgraph=True, backend=backend)
    results = []
    for call in (model, compiled):
        model.zero_grad()
        x = torch.randn(2, 31, 12, generator=torch.Generator().manual_seed(1)).requires_grad_()
        y = call(inputs_embeds=x)
        y.square().sum().backward()
        results.append([y, x.grad, *(p.grad for p in model.parameters() if p.grad is not None)])
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_forward_and_backward_are_one_graph(case: Case) -> None:
    assert_compiled_equals_eager(encoder(case), "aot_eager")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Torchinductor does not support code generation for complex")
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_forward_and_backward_compile_with_inductor(case: Case) -> None:
    assert_compiled_equals_eager(encoder(case), "inductor")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Torchinductor does not support code generation for complex")
@pytest.mark.parametrize("name", ["fourier", "gfnet", "afno"])
def test_a_transform_behind_attention_compiles_with_inductor(name: str) -> None:
    (case,) = (case for case in CASES if case.name == name)
    assert_compiled_equals_eager(encoder(case, layer_types=["attention", case.options]), "inductor")


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_export_takes_any_batch_and_length(case: Case) -> None:
    model = encoder(case).eval()
    # Not Dim(min=3): export cannot prove that n // 2 + 1 frequencies are more than one.
    dynamic = torch.export.Dim.DYNAMIC
    program = torch.export.export(
        model,
        (),
        {"inputs_embeds": torch.randn(3, 20, 12)},
        dynamic_shapes={"inputs_embeds": {0: dynamic, 1: dynamic}},
    )
    for shape in ((3, 20, 12), (1, 31, 12), (5, 64, 12), (2, 3, 12)):
        x = torch.randn(shape)
        torch.testing.assert_close(program.module()(inputs_embeds=x), model(inputs_embeds=x))


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_new_row_lengths_need_no_new_graph(case: Case) -> None:
    model = encoder(case).eval()
    compiled = torch.compile(model, backend="aot_eager")
    counters.clear()
    graphs = []
    for step in range(16):
        lengths = torch.randint(1, 32, (4,), generator=torch.Generator().manual_seed(step))
        mask = torch.arange(32) < lengths[:, None]
        x = torch.randn(4, 32, 12)
        with torch.no_grad():
            padded = compiled(inputs_embeds=x, attention_mask=mask)
            torch.testing.assert_close(padded, model(inputs_embeds=x, attention_mask=mask))
        graphs.append(counters["stats"]["unique_graphs"])
    # Six pieces that all layers share, each once for the first size and once for any size.
    assert graphs[-1] <= 12
    assert graphs[-1] == graphs[2]


@pytest.mark.slow
def test_a_plan_of_all_mixers_compiles_as_often_as_a_plan_of_one() -> None:
    program = """
import torch
from spectrans import MIXERS, HybridEncoder
torch._dynamo.config.fail_on_recompile_limit_hit = True
model = HybridEncoder(
    hidden_dim=24, num_layers=7, num_heads=3, max_sequence_length=32,
    alternation_pattern="custom", layer_types=list(MIXERS),
).eval()
compiled = torch.compile(model, backend="aot_eager")
for length in (5, 9, 14):
    mask = torch.arange(32) < torch.tensor([[length], [32]])
    with torch.no_grad():
        compiled(inputs_embeds=torch.randn(2, 32, 24), attention_mask=mask)
"""
    # In a process without the shape checks, whose wrappers are compiled over and over.
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
