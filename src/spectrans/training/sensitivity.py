"""How much a trained model needs each of its mixers: take one away, or put another in its place."""

import json
from pathlib import Path
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Strict
from torch import Tensor

from spectrans.blocks.hybrid import HybridBlock
from spectrans.data import Dataset
from spectrans.mixers import Fourier
from spectrans.mixers.base import Dims, Mixer
from spectrans.models import BaseModel
from spectrans.options import Options
from spectrans.tasks import Metric
from spectrans.training.batches import Collator, LabelledSequences, feed
from spectrans.training.folders import write_whole
from spectrans.training.record import read_json

SENSITIVITY = "sensitivity.json"
# Rows per forward pass.
BATCH = 64


class Silent(Mixer):
    """Adds nothing to the residual stream: what is left of a layer whose mixer is taken away."""

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Give zeros."""
        return torch.zeros_like(x)


class LayerNeed(Options):
    """What becomes of the score when one layer is changed, and nothing is trained again.

    Parameters
    ----------
    layer
        Number, from 0.
    mixer
        Name of its mixer.
    without
        Score on validation with the mixer taken away.
    fourier
        The same with a Fourier transform in its place; None where it is one.
    """

    layer: int
    mixer: str
    without: float
    fourier: float | None


class Sensitivity(Options):
    """What every layer of a trained model is worth.

    Parameters
    ----------
    format
        Version of this layout.
    metric
        The figure that decides.
    score
        Of the whole model on validation.
    layers
        From the input to the output.
    """

    format: Literal["spectrans-sensitivity-1"] = "spectrans-sensitivity-1"
    metric: Metric
    score: float
    layers: Annotated[tuple[LayerNeed, ...], Strict(False)]

    def loss(self, layer: LayerNeed) -> float:
        """Give by how much the score falls without a layer's mixer; above 0 where it is needed."""
        return self.metric.rank(self.score) - self.metric.rank(layer.without)


def sensitivity(model: BaseModel, dataset: Dataset) -> Sensitivity:
    """Score a trained model on validation with one mixer changed at a time.

    Parameters
    ----------
    model
        A trained model; as it was, afterwards.
    dataset
        Its data. The test rows are not looked at.

    Returns
    -------
    Sensitivity
        One entry per layer.
    """
    layers = []
    for number, (block, options) in enumerate(zip(model.blocks, model.config.plan(), strict=True)):
        assert isinstance(block, HybridBlock), "the model builds no other"
        fourier = None
        if options.name != "fourier":
            fourier = _with(
                model, dataset, block, Fourier().build(Dims(hidden_dim=model.config.hidden_dim))
            )
        layers.append(
            LayerNeed(
                layer=number,
                mixer=options.name,
                without=_with(model, dataset, block, Silent()),
                fourier=fourier,
            )
        )
    lead = dataset.task.lead
    return Sensitivity(metric=lead, score=_score(model, dataset), layers=tuple(layers))


def _with(model: BaseModel, dataset: Dataset, block: HybridBlock, mixer: Mixer) -> float:
    """Score a model with another mixer in one of its blocks."""
    before = block.mixer
    block.mixer = mixer
    try:
        return _score(model, dataset)
    finally:
        block.mixer = before


def _score(model: BaseModel, dataset: Dataset) -> float:
    """Give the figure that decides on the validation rows."""
    task, split = dataset.task, dataset.validation
    rows, collate, meter = LabelledSequences(split, task), Collator(dataset), task.meter()
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(split), BATCH):
            batch = collate([rows[k] for k in range(start, min(start + BATCH, len(split)))])
            labels = batch.pop("labels")
            outputs = feed(model, **{name: value.to(device) for name, value in batch.items()})
            meter.add(outputs.float().cpu(), labels)
    return meter.scores().values[task.lead.name]


def save_sensitivity(found: Sensitivity, folder: Path) -> None:
    """Write `sensitivity.json`."""
    written = found.model_dump(mode="json")
    write_whole(folder / SENSITIVITY, json.dumps(written, indent=2) + "\n")


def read_sensitivity(folder: Path) -> Sensitivity | None:
    """Read `sensitivity.json`; None where there is none."""
    path = folder / SENSITIVITY
    return Sensitivity(**read_json(path)) if path.is_file() else None
