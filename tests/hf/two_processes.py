"""Trains every kind of loss for two steps, in as many processes as it is started in.

Run: python -m torch.distributed.run --nproc-per-node 2 -m tests.hf.two_processes out.pt
"""

import os
import sys
import tempfile
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from transformers import Trainer, TrainingArguments

from spectrans.hf import (
    SpectransForMaskedLM,
    SpectransForMultipleChoice,
    SpectransForQuestionAnswering,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
)
from tests.hf.made import VOCABULARY, config

# Two steps of two passes each, of which the last has six rows, and one process has two of them.
ROWS, BATCH, PARTS, STEPS = 30, 8, 2, 2
# Trainer counts what is called labels. Of answers it takes the mean over passes and processes.
EVEN = {"answers": PARTS * STEPS * BATCH}

# One class of models with each way of counting labels.
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "masked": (SpectransForMaskedLM, {}),
    "tokens": (SpectransForTokenClassification, {}),
    "classes": (SpectransForSequenceClassification, {}),
    "several": (SpectransForSequenceClassification, {"problem_type": "multi_label_classification"}),
    "numbers": (SpectransForSequenceClassification, {"problem_type": "regression"}),
    "choices": (SpectransForMultipleChoice, {}),
    "answers": (SpectransForQuestionAnswering, {}),
}


def rows(kind: str) -> list[dict[str, Any]]:
    """Rows of seven ids, and labels of which some rows have many and others few."""
    random, count = torch.Generator().manual_seed(0), EVEN.get(kind, ROWS)
    ids = torch.randint(0, VOCABULARY, (count, 7), generator=random)
    classes = torch.randint(0, 3, (count, 7), generator=random)
    few = torch.arange(7) < 1 + 2 * (torch.arange(count)[:, None] % 4)
    labels: dict[str, Any] = {
        "masked": {"labels": ids.masked_fill(~few, -100)},
        "tokens": {"labels": classes.masked_fill(~few, -100)},
        "classes": {"labels": classes[:, 0]},
        "several": {"labels": (classes[:, :3] > 0).float()},
        "numbers": {"labels": classes[:, :3].float()},
        "choices": {"labels": classes[:, 0] % 2},
        "answers": {"start_positions": classes[:, 0], "end_positions": classes[:, 1] + 3},
    }[kind]
    inputs = torch.stack([ids, ids.flip(0)], 1) if kind == "choices" else ids
    return [
        {"input_ids": inputs[row], **{k: v[row] for k, v in labels.items()}} for row in range(count)
    ]


def train(kind: str, folder: str) -> dict[str, Any]:
    """Give the losses, the gradients of every step and the weights after two, in float64."""
    cls, changes = KINDS[kind]
    torch.manual_seed(0)
    model = cls(config(**changes)).double()
    settings = TrainingArguments(
        output_dir=folder, max_steps=STEPS, gradient_accumulation_steps=PARTS,
        per_device_train_batch_size=BATCH // int(os.environ.get("WORLD_SIZE", "1")),
        learning_rate=0.1, lr_scheduler_type="constant", optim="sgd", max_grad_norm=1e9,
        train_sampling_strategy="sequential", logging_steps=1, save_strategy="no",
        report_to="none", disable_tqdm=True, use_cpu=True, dataloader_pin_memory=False,
        ddp_backend="gloo" if "WORLD_SIZE" in os.environ else None, average_tokens_across_devices=True,
        # Else rows of the beginning are taken again until all processes have as many.
        accelerator_config={"even_batches": False},
    )  # fmt: skip
    gradients: list[dict[str, torch.Tensor]] = []

    def look(*call: object) -> None:
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})

    trainer = Trainer(model=model, args=settings, train_dataset=rows(kind))
    hook = register_optimizer_step_pre_hook(look)
    trainer.train()
    hook.remove()
    logs = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "loss": torch.tensor([entry["loss"] for entry in logs]),
        "grad_norm": torch.tensor([entry["grad_norm"] for entry in logs]),
        "gradients": gradients,
        "weights": {name: p.detach() for name, p in model.named_parameters()},
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = {kind: train(kind, folder) for kind in KINDS}
    if os.environ.get("RANK", "0") == "0":
        torch.save(found, sys.argv[1])


if __name__ == "__main__":
    main()
