"""Runs that are made in a moment: models as they are before training, saved like trained ones."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from spectrans.data import DataSpec, load
from spectrans.training.record import DataRecord, Metrics, Run, RunRecord
from spectrans.training.saving import save_run
from spectrans.training.spec import RunSpec

WORDS = ("red", "green", "blue")
SMALL: dict[str, Any] = {"plan": "attention", "num_layers": 1, "hidden_dim": 8, "num_heads": 2}


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write a JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_run(folder: Path, **data: Any) -> Run:
    """Save a run of a small model that was not trained, and give it."""
    torch.manual_seed(0)
    spec = RunSpec(data=DataSpec(**data), **SMALL)
    dataset = load(spec.data)
    figures = {metric.name: 0.5 for metric in dataset.task.metrics} | {"loss": 1.0}
    metrics = Metrics(
        test=figures, validation=figures, best_step=1, steps=1, seconds=1.0, parameters=1
    )
    record = RunRecord(spec=spec, data=DataRecord.of(dataset), metrics=metrics, versions={})
    model = spec.build(dataset)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)  # answers that differ
    assert dataset.reading is not None
    run = Run(record, model.eval(), (), dataset.reading.split, dataset.tokenizer)
    save_run(run, folder)
    return run
