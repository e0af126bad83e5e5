"""Mixers that take packed rows at once give what they give row by row."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from spectrans import HybridEncoder
from spectrans.mixers import AttentionMixer
from spectrans.packing import pack_rows
from tests.cases import CASES, VARIANTS, Case, ids


def real(*lengths: int) -> Tensor:
    """Mask of rows of these lengths, 16 with their padding."""
    return torch.arange(16) < torch.tensor(lengths)[:, None]


@pytest.mark.parametrize("case", CASES + VARIANTS, ids=ids)
@pytest.mark.parametrize("recorded", [False, True], ids=["inference", "training"])
def test_packed_rows_give_what_one_call_per_length_gives(case: Case, recorded: bool) -> None:
    mixer, mask = case.build(), real(9, 16, 1, 0, 9)
    rows = pack_rows(mask, mask.shape)
    assert rows is not None
    x = torch.randn(35, 12, dtype=torch.float64, requires_grad=recorded)
    expected = torch.cat(
        [
            mixer(part.view(count, length, 12)).flatten(0, 1)
            for part, (count, length) in zip(x.split([1, 18, 16]), rows.groups, strict=True)
        ]
    )
    with torch.set_grad_enabled(recorded):
        found = rows.mix(mixer, x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


class Louder(AttentionMixer):
    """A mixer with a `forward` of its own, above one that knows packed rows."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def with_another_forward(mixer: AttentionMixer) -> None:
    mixer.__class__ = Louder


def with_a_patched_forward(mixer: AttentionMixer) -> None:
    plain = mixer.forward
    mixer.forward = lambda x: 2 * plain(x)  # type: ignore[method-assign]


def with_a_hook(mixer: AttentionMixer) -> None:
    mixer.register_forward_hook(lambda mixer, args, y: 2 * y)


@pytest.mark.parametrize(
    "change", [with_another_forward, with_a_patched_forward, with_a_hook], ids=lambda f: f.__name__
)
def test_what_changes_a_mixers_answer_changes_it_for_padded_batches_too(
    change: Callable[[AttentionMixer], None],
) -> None:
    model = HybridEncoder(hidden_dim=24, num_layers=2, max_sequence_length=16, num_heads=3).eval()
    model.double()
    x, mask = torch.randn(1, 8, 24, dtype=torch.float64), real(5, 3)[:1, :8]
    before = model(inputs_embeds=x, attention_mask=mask)[:, :5]
    mixer = model.get_submodule("blocks.1.mixer")
    assert isinstance(mixer, AttentionMixer)
    change(mixer)
    after = model(inputs_embeds=x, attention_mask=mask)[:, :5]
    torch.testing.assert_close(after, model(inputs_embeds=x[:, :5]), rtol=1e-12, atol=1e-12)
    assert not torch.allclose(after, before)
