"""What holds on a CPU holds on a GPU: values, slopes, padding, compiled models, training."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spectrans import HybridEncoder
from spectrans.data import DataSpec, load
from spectrans.mixers import MIXERS
from spectrans.training import RunSpec, TrainingError, train
from tests.cases import CASES, GRIDS, VARIANTS, Case, ids
from tests.test_packing import SMALL, right

pytestmark = pytest.mark.gpu

EVERY = sorted(MIXERS)
ROWS = (9, 16, 1, 0, 9, 14)


def encoder(layout: str, **settings: Any) -> HybridEncoder:
    """A small one with these layers, on the GPU."""
    given = {**SMALL, "alternation_pattern": "custom", "layer_types": layout, **settings}
    return HybridEncoder(**given).cuda()


def slopes(module: nn.Module, y: Tensor, x: Tensor) -> list[Tensor]:
    """Of the same function of the output, by the input and every weight."""
    weight = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape).to(y)
    found = torch.autograd.grad((y * weight).sum(), [x, *module.parameters()], allow_unused=True)
    return [slope.cpu().double() for slope in found if slope is not None]


@pytest.mark.parametrize("case", CASES + VARIANTS + GRIDS, ids=ids)
@pytest.mark.parametrize("n", [1, 31, 64])
def test_values_and_slopes_are_those_of_a_cpu(case: Case, n: int) -> None:
    mixer = case.build()
    x = torch.randn(3, case.tokens(n), 12, dtype=torch.float64)
    there = case.build()
    there.load_state_dict(mixer.state_dict())
    there = there.to("cuda", torch.float32)
    x, y = x.requires_grad_(), x.float().cuda().requires_grad_()
    wanted, found = mixer(x), there(y)
    torch.testing.assert_close(found.cpu().double(), wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        slopes(there, found, y), slopes(mixer, wanted, x), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("mixer", EVERY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_padding_changes_no_real_token(mixer: str, dtype: torch.dtype) -> None:
    model = encoder(f"{mixer},attention")
    mask = right(ROWS, 16).cuda()
    x = torch.randn(*mask.shape, 24, device="cuda")
    junk = torch.where(mask[..., None], x, 1e3 * torch.randn_like(x))
    with torch.autocast("cuda", dtype, enabled=dtype != torch.float32):
        together = model(inputs_embeds=junk, attention_mask=mask).float()
        for row, real, found in zip(x, mask, together, strict=True):
            if real.any():
                alone = model(inputs_embeds=row[real][None])[0].float()
                bound = 1e-4 if dtype == torch.float32 else 0.1
                torch.testing.assert_close(found[real], alone, rtol=bound, atol=bound)
    assert not together[~mask].any()


@pytest.mark.parametrize("options", ["", "(qk_norm=true)", "(window=4)", "(position=rotary)"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_rows_of_many_lengths_attend_as_they_do_alone(options: str, dtype: torch.dtype) -> None:
    model = encoder(f"attention{options}", num_layers=1, hidden_dim=48).to(dtype)
    mask = right((3, 16, 7, 1, 12, 7), 16).cuda()
    x = torch.randn(*mask.shape, 48, device="cuda", dtype=dtype, requires_grad=True)
    weight = torch.randn_like(x) * mask[..., None]
    together = model(inputs_embeds=x, attention_mask=mask)
    found = torch.autograd.grad((together * weight).sum(), [x, *model.parameters()])
    wide, rows = model.double(), []
    y = x.detach().double().requires_grad_()
    for row, real in zip(y, mask, strict=True):
        alone = wide(inputs_embeds=row[real][None])[0]
        rows.append(torch.zeros_like(row).masked_scatter(real[:, None].expand_as(row), alone))
    wanted = torch.stack(rows)
    expected = torch.autograd.grad((wanted * weight.double()).sum(), [y, *wide.parameters()])
    names = ("y", "x", *(name for name, _ in model.named_parameters()))
    for name, a, b in zip(names, (together, *found), (wanted, *expected), strict=True):
        error = (a.double() - b).norm() / b.norm().clamp(min=1e-3)
        bound = 4e-3 if dtype == torch.float16 else 3e-2
        # Slopes of lengths are sums that nearly cancel: one by one on a CPU, rows are wrong by up to
        # 1e-2 and 5e-2 there (20 seeds).
        assert error < (2.5 * bound if "_length" in name else bound), name


# What torch's compiler warns of is not about the model.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("mixer", EVERY)
def test_a_compiled_model_gives_the_same(mixer: str, without_shape_checks: None) -> None:
    torch._dynamo.reset()
    model = encoder(f"{mixer},attention")
    compiled = torch.compile(model)
    for n in (16, 13):
        x = torch.randn(2, n, 24, device="cuda", requires_grad=True)
        y = x.detach().clone().requires_grad_()
        wanted, found = model(inputs_embeds=x), compiled(inputs_embeds=y)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            slopes(model, found, y), slopes(model, wanted, x), rtol=1e-3, atol=1e-3
        )


def spec(**settings: Any) -> RunSpec:
    """Of a small run that tells languages apart."""
    small = {"plan": "gfnet,attention", "data": DataSpec(source="languages32"), "num_layers": 2}
    return RunSpec(**{**small, **settings})


def test_a_run_trains_there_and_repeats_itself(tmp_path: Path) -> None:
    settings = spec(steps=60, learning_rate=4e-3)
    dataset = load(settings.data)
    record, again = (train(settings, dataset, folder=tmp_path / n).record for n in ("a", "b"))
    assert (record.metrics.device, record.metrics.precision) == ("cuda", "bfloat16")
    assert record.test > 0.08  # guessing gives 0.016
    assert abs(again.test - record.test) < 0.05


def test_a_model_that_was_trained_there_answers_alike_on_a_cpu() -> None:
    settings = spec(steps=5, precision="float32")
    model = train(settings, load(settings.data)).model
    tokens = torch.randint(3, 60, (4, 20))
    mask = right((20, 11, 1, 7), 20)
    with torch.no_grad():
        wanted = model(tokens, attention_mask=mask)
        found = model.cuda()(tokens.cuda(), attention_mask=mask.cuda())
    torch.testing.assert_close(found.cpu(), wanted, rtol=1e-3, atol=1e-3)


def test_too_little_memory_is_said_in_a_sentence() -> None:
    settings = spec(batch_size=4096, steps=2, hidden_dim=512)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.005)
    try:
        with pytest.raises(TrainingError, match="out of memory with 4096 rows of up to 32 tokens"):
            train(settings, load(settings.data))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
