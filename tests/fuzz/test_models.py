"""Any plan, on batches with any mask: padding changes nothing, and bad input is one sentence."""

from typing import Any

import jaxtyping
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import Tensor

from spectrans import HybridTransformer
from spectrans.blocks.hybrid import NormPosition
from spectrans.config.base import PositionalEncodingType
from spectrans.mixers import Dims
from tests.faults.tally import Tally
from tests.fuzz.made import plans
from tests.fuzz.test_mixers import long, refused, short

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
    "fault": st.sampled_from([None] * 12 + ["no rows", "no tokens", "too narrow"]),
    "seed": st.integers(0, 2**16),
}


def alone(model: HybridTransformer, x: Tensor, real: Tensor) -> Tensor:
    """The answers to each row's real tokens by themselves, one row after another."""
    return torch.cat(
        [model(inputs_embeds=row[keep][None]) for row, keep in zip(x, real, strict=True)]
    )


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
    seed: int,
) -> None:
    torch.manual_seed(seed)
    dims, layers = plan
    lengths = [] if fault == "no rows" else lengths
    n = 0 if fault == "no tokens" else max(lengths, default=1) + spare
    d = dims.hidden_dim - (fault == "too narrow")
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
        refused(error)
        return
    model = model.double().eval()
    x = torch.randn(len(lengths), n, d, dtype=torch.float64)
    real = MASKS[mask](torch.tensor(lengths, dtype=torch.int64), n)
    junk = torch.where(real[..., None], x, torch.nan)
    try:
        with torch.no_grad():
            together = model(inputs_embeds=junk, attention_mask=real.to(kind))
    except (TypeError, ValueError) as error:
        refused(error)
        return
    assert fault is None
    assert bool(together.isfinite().all())
    rows = real.any(1)
    event("answered")
    if not rows.any():
        return
    with torch.no_grad():
        if together.dim() == 2:
            apart = alone(model, x[rows], real[rows])
            torch.testing.assert_close(together[rows], apart, rtol=1e-7, atol=1e-7)
        else:
            apart = torch.cat(
                [
                    alone(model, r[None], k[None])[0]
                    for r, k in zip(x[rows], real[rows], strict=True)
                ]
            )
            torch.testing.assert_close(together[real], apart, rtol=1e-7, atol=1e-7)
            assert bool((together[~real] == 0).all()) or head == "tokens"


def answer(tally: Tally, **case: Any) -> None:
    with tally.fault():
        hold(**case)


few = settings(short, max_examples=250)
many = settings(long, max_examples=5_000)


@pytest.fixture(autouse=True, scope="module")
def _users_have_no_shape_checks() -> Any:
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


test_padding_of_a_generated_batch_changes_no_answer = few(given(**CASES)(answer))
test_padding_of_thousands_of_batches_does_not = pytest.mark.slow(many(given(**CASES)(answer)))
