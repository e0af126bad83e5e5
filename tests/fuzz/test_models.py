"""Any plan, on batches with any mask: padding changes nothing, and bad input is one sentence."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import Tensor

from spectrans import HybridTransformer
from spectrans.blocks.hybrid import NormPosition
from spectrans.config import HybridModelConfig
from spectrans.config.base import PositionalEncodingType
from spectrans.mixers import MIXERS, Dims
from tests.faults.tally import Tally
from tests.fuzz.made import LAYOUTS, Layout, plans
from tests.fuzz.test_mixers import SIZES, long, refused, short

# As users have it.
pytestmark = pytest.mark.usefixtures("without_shape_checks")

HEADS: dict[str, dict[str, Any]] = {
    "none": {"output_type": "none"},
    "mean": {"num_classes": 3},
    "first": {"num_classes": 3, "pooling": "cls"},
    "largest": {"output_type": "pooled", "pooling": "max"},
    "tokens": {"output_type": "sequence", "num_classes": 2},
}
MASKS = {
    "right": lambda lengths, n: torch.arange(n) < lengths[:, None],
    "left": lambda lengths, n: torch.arange(n).flip(0) < lengths[:, None],
    "holes": lambda lengths, n: torch.rand(len(lengths), n).argsort(1) < lengths[:, None],
}
# What makes a good batch one that no model takes, and the argument that is named for it.
FAULTS: dict[str, tuple[str, Callable[[Tensor], Any]]] = {
    "no rows": ("inputs_embeds", lambda x: x[:0]),
    "no tokens": ("inputs_embeds", lambda x: x[:, :0]),
    "too narrow": ("inputs_embeds", lambda x: x[..., 1:]),
    "one row alone": ("inputs_embeds", lambda x: x.sum(0)),
    "whole numbers": ("inputs_embeds", lambda x: x.nan_to_num().long()),
    "complex": ("inputs_embeds", lambda x: x + 0j),
    "another type": ("inputs_embeds", lambda x: x.half()),
    "an array": ("inputs_embeds", lambda x: x.numpy()),
    "a mask of twos": ("attention_mask", lambda mask: mask.long() * 0 + 2),
    "a mask of halves": ("attention_mask", lambda mask: mask * 0.5 + 0.5 * ~mask),
    "a mask of no numbers": ("attention_mask", lambda mask: mask.double() * torch.nan),
    "a mask of one row": ("attention_mask", lambda mask: mask.sum(0)),
    "a mask too long": ("attention_mask", lambda mask: torch.cat([mask, mask], 1)),
    "a list of a mask": ("attention_mask", lambda mask: mask.tolist()),
}
# Rows of three blocks with sums in another order; in float64 7 digits of 15 are left for products.
BOUNDS = {torch.float64: 1e-7, torch.float32: 1e-3}
NAMES = {
    *HybridModelConfig.model_fields,
    *SIZES,
    *(f for m in MIXERS.values() for f in m.model_fields),
}
CASES = {
    "plan": plans(),
    "head": st.sampled_from(sorted(HEADS)),
    "positions": st.sampled_from(
        ["sinusoidal"] * 3 + ["none", "none", "learned", "rotary", "alibi"]
    ),
    "norm_position": st.sampled_from(["pre", "post"]),
    "lengths": st.lists(st.integers(0, 50), min_size=1, max_size=4),
    "spare": st.integers(1, 3),
    "mask": st.sampled_from(sorted(MASKS)),
    "kind": st.sampled_from([torch.bool, torch.int64, torch.float32]),
    "fault": st.sampled_from([None] * 4 * len(FAULTS) + sorted(FAULTS)),
    "dtype": st.sampled_from([torch.float64, torch.float32]),
    "layout": st.sampled_from(LAYOUTS),
    "way": st.sampled_from(["no_grad", "inference", "grad"]),
    "copied": st.sampled_from([None, None, None, *("deepcopy", "pickle", "state dict")]),
    "seed": st.integers(0, 2**16),
}


def alone(model: HybridTransformer, x: Tensor, real: Tensor) -> Tensor:
    """The answers to each row's real tokens by themselves, one row after another."""
    return torch.cat(
        [model(inputs_embeds=row[keep][None]) for row, keep in zip(x, real, strict=True)]
    )


def run(model: HybridTransformer, x: Tensor, mask: Tensor, way: str) -> Tensor:
    if way == "inference":
        with torch.inference_mode():
            return model(inputs_embeds=x, attention_mask=mask)
    if way == "no_grad":
        with torch.no_grad():
            return model(inputs_embeds=x, attention_mask=mask)
    leaf = x.detach().requires_grad_()
    y = model(inputs_embeds=leaf, attention_mask=mask)
    y.square().sum().backward()
    assert leaf.grad is not None
    assert bool(leaf.grad.isfinite().all())
    return y.detach()


def twin(model: HybridTransformer, how: str) -> HybridTransformer:
    if how == "pickle":
        return pickle.loads(pickle.dumps(model))
    copied = copy.deepcopy(model)
    if how == "state dict":
        saved = io.BytesIO()
        torch.save(model.state_dict(), saved)
        saved.seek(0)
        with torch.no_grad():
            for parameter in copied.parameters():
                parameter.zero_()
        copied.load_state_dict(torch.load(saved, weights_only=True))
    return copied


def hold(
    plan: tuple[Dims, list[tuple[str, dict[str, Any]]]],
    head: str,
    positions: PositionalEncodingType,
    norm_position: NormPosition,
    lengths: list[int],
    spare: int,
    mask: str,
    kind: torch.dtype,
    fault: str | None,
    dtype: torch.dtype,
    layout: Layout,
    way: str,
    copied: str | None,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    dims, layers = plan
    n = max(lengths) + spare
    try:
        model = HybridTransformer(
            hidden_dim=dims.hidden_dim,
            num_layers=len(layers),
            num_heads=dims.num_heads,
            max_sequence_length=dims.max_sequence_length,
            alternation_pattern="custom",
            layer_types=[{"type": name, **chosen} for name, chosen in layers],
            positional_encoding_type=positions,
            norm_position=norm_position,
            **HEADS[head],
        )
    except (TypeError, ValueError) as error:
        refused(error, NAMES)
        return
    model = model.to(dtype).eval()
    x = torch.randn(len(lengths), n, dims.hidden_dim, dtype=dtype)
    real = MASKS[mask](torch.tensor(lengths), n)
    junk = layout.lay(torch.where(real[..., None], x, torch.nan))
    if fault is not None:
        inputs = {"inputs_embeds": x, "attention_mask": real}
        name, spoil = FAULTS[fault]
        with pytest.raises((TypeError, ValueError)) as caught:
            model(**{**inputs, name: spoil(inputs[name])})
        refused(caught.value, [name])
        return
    if layout.name.endswith("expanded"):
        # All rows are the first one, or all tokens of a row are: so must their masks be.
        real = real[:1].expand_as(real) if "row" in layout.name else real[:, :1].expand_as(real)
    x = torch.where(real[..., None], junk, 0)
    try:
        together = run(model, junk, real.to(kind), way)
    except ValueError as error:
        refused(error, ["grid", "max_sequence_length"])
        return
    if copied is not None:
        answered = run(model, junk, real.to(kind), "no_grad")
        assert torch.equal(run(twin(model, copied), junk, real.to(kind), "no_grad"), answered)
    assert bool(together.isfinite().all())
    rows = real.any(1)
    event("answered")
    if not rows.any():
        return
    bound = BOUNDS[dtype]
    with torch.no_grad():
        if together.dim() == 2:
            apart = alone(model, x[rows], real[rows])
            torch.testing.assert_close(together[rows], apart, rtol=bound, atol=bound)
        else:
            apart = torch.cat(
                [
                    alone(model, r[None], k[None])[0]
                    for r, k in zip(x[rows], real[rows], strict=True)
                ]
            )
            torch.testing.assert_close(together[real], apart, rtol=bound, atol=bound)
            assert bool((together[~real] == 0).all()) or head == "tokens"


def answer(tally: Tally, **case: Any) -> None:
    with tally.fault():
        hold(**case)


few = settings(short, max_examples=300)
many = settings(long, max_examples=5_000)


test_padding_of_a_generated_batch_changes_no_answer = few(given(**CASES)(answer))
test_padding_of_thousands_of_batches_does_not = pytest.mark.slow(many(given(**CASES)(answer)))
