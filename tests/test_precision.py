"""Every precision trains, and stays near float64; norms and zero rows stay sound in all of them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spectrans import HybridTransformer
from spectrans.blocks import Norm
from tests.cases import CASES, Case, ids

every_mixer = pytest.mark.parametrize("case", CASES, ids=ids)


def custom(layers: Any, **changes: Any) -> HybridTransformer:
    return HybridTransformer(
        hidden_dim=24,
        num_layers=2,
        max_sequence_length=16,
        num_heads=3,
        dropout=0.0,
        alternation_pattern="custom",
        layer_types=layers,
        **changes,
    )


@every_mixer
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_one_step_trains_in_every_precision(case: Case, dtype: torch.dtype) -> None:
    model = custom([case.options] * 2, vocab_size=9, num_classes=3).to(dtype)
    step(model, torch.randint(0, 9, (4, 16)))


@every_mixer
def test_one_step_trains_under_autocast(case: Case) -> None:
    model = custom([case.options] * 2, vocab_size=9, num_classes=3)
    with torch.autocast("cpu", torch.bfloat16):
        step(model, torch.randint(0, 9, (4, 16)))


@every_mixer
def test_one_step_trains_under_autocast_with_padding(case: Case) -> None:
    model = custom([case.options] * 2, vocab_size=9, num_classes=3)
    mask = torch.ones(4, 16)
    mask[0, 7:] = 0
    with torch.autocast("cpu", torch.bfloat16):
        step(model, torch.randint(0, 9, (4, 16)), attention_mask=mask)


def step(model: nn.Module, ids: Tensor, **inputs: Tensor) -> None:
    before = [p.detach().clone() for p in model.parameters()]
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = nn.functional.cross_entropy(model(ids, **inputs).float(), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(bool(g.isfinite().all()) for g in gradients)
    optimiser.step()
    moved = [not torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True)]
    assert sum(moved) > len(moved) / 2


@every_mixer
@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float32, 1e-4), (torch.bfloat16, 0.15), (torch.float16, 0.03)]
)
def test_a_model_in_low_precision_stays_near_float64(
    case: Case, dtype: torch.dtype, bound: float
) -> None:
    model = custom([case.options] * 2, output_type="none").to(dtype).double().eval()
    x = torch.randn(2, 16, 24).to(dtype).double()
    expected = model(inputs_embeds=x)
    found = model.to(dtype)(inputs_embeds=x.to(dtype)).double()
    assert (found - expected).abs().max().item() < bound * expected.abs().max().item()


@every_mixer
@pytest.mark.parametrize("zeros", [slice(None), slice(3, 5)], ids=["whole row", "two tokens"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_a_zero_row_gives_no_nan_and_no_huge_gradient(
    case: Case, zeros: slice, dtype: torch.dtype
) -> None:
    model = custom([case.options] * 2, output_type="none", positional_encoding_type="none")
    x = torch.randn(1, 9, 24, dtype=dtype)
    x[:, zeros] = 0
    x.requires_grad_()
    y = model.to(dtype)(inputs_embeds=x)
    y.backward(torch.randn_like(y))
    assert bool(y.isfinite().all())
    assert x.grad is not None
    # The slope of one norm at zero is 1e6 with the epsilon of 1e-12, and here are five in a row.
    assert x.grad.abs().max().item() < 100


@pytest.mark.parametrize("strange", [torch.nan, torch.inf])
def test_a_norm_does_not_hide_what_is_not_a_number(strange: float) -> None:
    x = torch.randn(3, 16)
    x[1, 2] = strange
    assert Norm(16)(x).isnan().all(1).tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_norm_equals_torch_where_the_epsilon_does_not_matter(dtype: torch.dtype) -> None:
    norm = Norm(16, eps=1e-5).to(dtype)
    x = torch.randn(3, 16, dtype=dtype)
    torch.testing.assert_close(norm(x), nn.functional.layer_norm(x, (16,), eps=1e-5))
