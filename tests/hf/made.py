"""Small models of every plan and task, batches for them, and what a loss is by its definition."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spectrans.hf import (
    SpectransConfig,
    SpectransForMaskedLM,
    SpectransForMultipleChoice,
    SpectransForQuestionAnswering,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
    SpectransModel,
)
from spectrans.hf.base import SpectransPreTrainedModel
from spectrans.mixers import MIXERS

VOCABULARY = 30
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_dim": 16, "num_layers": 2, "num_heads": 2,
    "sequence_length": 12, "dropout": 0.0, "num_labels": 3,
}  # fmt: skip
SETTINGS = {"spectral_attention": {"num_features": 8}, "afno": {"num_blocks": 2}}

# Every mixer of ours alone, and one plan of two.
PLANS: dict[str, Any] = {
    name: [{"type": name, **SETTINGS.get(name, {})}] * 2
    for name, options in MIXERS.items()
    if options.__module__.startswith("spectrans.mixers.")
}
PLANS["hybrid"] = ["gfnet", "attention"]
TASKS = (
    SpectransModel,
    SpectransForMaskedLM,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
    SpectransForQuestionAnswering,
    SpectransForMultipleChoice,
)
every_task = pytest.mark.parametrize("cls", TASKS, ids=lambda cls: cls.__name__[9:])
# Rows of a padded batch: real tokens.
LENGTHS = (7, 4, 9)


def config(plan: str = "hybrid", **changes: Any) -> SpectransConfig:
    return SpectransConfig(**{**SMALL, "mixers": PLANS[plan], **changes})


def build(cls: Any, plan: str = "hybrid", **changes: Any) -> Any:
    return cls(config(plan, **changes)).eval()


def batch(cls: type[SpectransPreTrainedModel], *, padded: bool = True) -> dict[str, Tensor]:
    """Ids for a class of models, with a mask that hides the ends of rows."""
    rows, n = len(LENGTHS), max(LENGTHS)
    ids = torch.arange(rows * n).view(rows, n) * 7 % VOCABULARY
    inputs = {"input_ids": ids}
    if padded:
        inputs["attention_mask"] = (torch.arange(n) < torch.tensor(LENGTHS)[:, None]).long()
    if cls is SpectransForMultipleChoice:
        inputs = {name: torch.stack([x, x.flip(0)], 1) for name, x in inputs.items()}
    return inputs


def labels(cls: type[SpectransPreTrainedModel]) -> dict[str, Tensor]:
    """Labels for the batch of a class, every one of them at a real token."""
    tokens = batch(cls)["attention_mask"]
    if cls is SpectransModel:
        return {}
    if cls is SpectransForQuestionAnswering:
        return {
            "start_positions": torch.tensor([1, 0, 3]),
            "end_positions": torch.tensor([2, 3, 8]),
        }
    if cls is SpectransForSequenceClassification:
        return {"labels": torch.tensor([0, 2, 1])}
    if cls is SpectransForMultipleChoice:
        return {"labels": torch.tensor([0, 1, 1])}
    classes = torch.arange(tokens.numel()).view_as(tokens) % 3
    return {"labels": classes.masked_fill(tokens == 0, -100)}


def answers(output: Any) -> list[Tensor]:
    """What a model answers, as the tensors of its output without the loss."""
    return [x for name, x in output.items() if name != "loss" and isinstance(x, Tensor)]


def gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def saved(model: SpectransPreTrainedModel, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder
