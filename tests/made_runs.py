"""Finished runs without the training: fresh weights, and figures that are made up."""

from pathlib import Path
from typing import Any

import torch

from spectrans.data import DataSpec, load
from spectrans.training.record import DataRecord, Metrics, Run, RunRecord
from spectrans.training.saving import save_run
from spectrans.training.spec import RunSpec

SMALL = {"num_layers": 2, "hidden_dim": 16, "num_heads": 2}


def made_run(source: str | Path, plan: str = "gfnet,attention", **settings: Any) -> Run:
    """Give a run on a data set, as if it had been trained."""
    dataset = load(source)
    spec = RunSpec(plan=plan, data=DataSpec(source=str(source)), **{**SMALL, **settings})
    torch.manual_seed(0)
    model = spec.build(dataset)
    figures = {metric.name: 0.5 for metric in dataset.task.metrics}
    metrics = Metrics(
        test=figures,
        validation=figures,
        best_step=1,
        steps=1,
        seconds=0.1,
        parameters=model.summary().parameters,
    )
    data = DataRecord.of(dataset)
    record = RunRecord(spec=spec, data=data, metrics=metrics, versions={})
    return Run(record, model.eval(), (), None, dataset.tokenizer)


def saved_run(folder: Path, source: str | Path, **settings: Any) -> Path:
    """Write such a run into a folder."""
    save_run(made_run(source, **settings), folder)
    return folder
