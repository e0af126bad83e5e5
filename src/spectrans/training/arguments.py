"""A run's settings in the words of `Trainer`, and the schedule of runs that have a time."""

import math
from pathlib import Path
from typing import Any

import torch
from transformers import TrainingArguments

from spectrans.training.spec import RunSpec, Schedule

# Reports per run, evaluations not counted.
REPORTS = 100
# Rows per forward pass in evaluation.
EVALUATION_BATCH = 64
# FSDP2, block by block.
_SHARDED: dict[str, Any] = {
    "fsdp": True,
    "fsdp_config": {
        "version": 2,
        "transformer_layer_cls_to_wrap": ["HybridBlock"],
        "cpu_ram_efficient_loading": False,
    },
}
# Steps of a run that ends by the clock.
ENDLESS = 10**9


def arguments(
    spec: RunSpec, steps_per_epoch: int, precision: str, folder: Path, fsdp: bool = False
) -> TrainingArguments:
    """Put a spec in Trainer's words; what is evaluated, saved and timed, the watcher says.

    Parameters
    ----------
    spec
        Of the run.
    steps_per_epoch
        Optimiser steps of a pass over the training rows.
    precision
        "float32" or "bfloat16".
    folder
        Where `Trainer` may write; it does not.
    fsdp
        Whether processes hold parts of the weights.

    Returns
    -------
    TrainingArguments
        For one process or several.
    """
    total = spec.steps or steps_per_epoch * (spec.epochs or 1)
    cuda = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=ENDLESS if spec.minutes is not None else total,
        per_device_train_batch_size=spec.batch_size,
        per_device_eval_batch_size=EVALUATION_BATCH,
        gradient_accumulation_steps=spec.accumulate,
        learning_rate=spec.learning_rate,
        lr_scheduler_type=spec.schedule,
        warmup_steps=round(spec.warmup_ratio * total),
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        bf16=precision == "bfloat16",
        seed=spec.seed,
        eval_strategy="no",
        # The outputs for a whole split need not fit into memory.
        batch_eval_metrics=True,
        save_strategy="no",
        logging_strategy="no" if spec.minutes is not None else "steps",
        logging_steps=max(1, total // REPORTS),
        # Its default hides a loss that is no number.
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=cuda,
        use_cpu=not cuda,
        **(_SHARDED if fsdp else {}),
        # Every weight of a model has a part in every answer.
        ddp_find_unused_parameters=False,
    )


def factor(share: float, warmup: float, schedule: Schedule) -> float:
    """Give the learning rate as a part of its peak, when a share of the budget is used."""
    if share < warmup:
        return share / warmup
    left = 1 - min(1.0, (share - warmup) / (1 - warmup))
    return left if schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))
