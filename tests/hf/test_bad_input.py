"""Inputs that a model for transformers cannot take: one sentence that names the argument."""

from typing import Any

import pytest
import torch

from spectrans.hf import SpectransForMultipleChoice
from tests.hf.made import batch, build, every_task

pytestmark = pytest.mark.usefixtures("without_shape_checks")


@every_task
@pytest.mark.parametrize("name", ["input_ids", "attention_mask", "token_type_ids"])
def test_a_model_takes_tensors_only(cls: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} must be a tensor, got 'list'$"):
        build(cls)(**{**batch(cls), name: [[1, 2]]})


def test_choices_have_an_axis_of_their_own() -> None:
    model = build(SpectransForMultipleChoice)
    with pytest.raises(
        ValueError, match=r"^input_ids must have shape \(b, choices, n, \.\.\.\), got"
    ):
        model(torch.zeros(2, 5).long())
