"""One training run on the `Trainer` of transformers: the only file that imports it."""

import tempfile
import time
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    EvalPrediction,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.utils import logging as transformers_logging

from spectrans.data import Dataset
from spectrans.models import BaseModel
from spectrans.training.batches import LabelledSequences, collate
from spectrans.training.progress import Progress, TrainingError, Watch
from spectrans.training.spec import RunSpec

# Reports per run, evaluations not counted.
REPORTS = 100
# Rows per forward pass in evaluation.
EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Fit:
    """What training gave; the model itself holds the weights that were chosen.

    Parameters
    ----------
    validation_accuracy
        Best of all evaluations: the one whose weights were kept.
    best_step
        Optimiser steps before that evaluation.
    steps
        Optimiser steps in all.
    test_accuracy
        Of the kept weights, measured once.
    test_loss
        Cross entropy of the kept weights.
    seconds
        Time of training and evaluations.
    history
        Everything that was measured on the way, in order.
    """

    validation_accuracy: float
    best_step: int
    steps: int
    test_accuracy: float
    test_loss: float
    seconds: float
    history: tuple[dict[str, int | float], ...]


class Classifier(nn.Module):
    """A model as `Trainer` wants it: labels in, loss and logits out.

    Parameters
    ----------
    model
        A model with a classification head.
    """

    # Else Trainer takes the loss for a sum over the items of all processes, and does not average.
    accepts_loss_kwargs = False

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, labels: Tensor, attention_mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Give the mean cross entropy of a batch, and the logits."""
        logits = self.model(input_ids, attention_mask=attention_mask)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


@dataclass
class _Watcher(TrainerCallback):
    """Reports progress, keeps the best weights, and stops a run whose loss is no number."""

    spec: RunSpec
    model: BaseModel
    watch: Watch
    tokens_per_step: float
    history: list[dict[str, int | float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    best_step: int = 0
    accuracy: float | None = None
    started: float = 0.0
    training: float = 0.0
    resumed: float = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.started = self.resumed = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        now = time.perf_counter()
        self.training += now - self.resumed
        self.resumed = now

    def on_log(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        logs = rest["logs"]
        if "loss" not in logs:
            return
        if not isfinite(logs["loss"]):
            way_out = f"lower the learning rate of {self.spec.learning_rate:g}"
            message = f"the loss was {logs['loss']} by step {state.global_step}: {way_out}"
            raise TrainingError(message)
        self.history.append({"step": state.global_step, **logs})
        passed = time.perf_counter() - self.started
        self.watch(
            Progress(
                step=state.global_step,
                total_steps=state.max_steps,
                loss=logs["loss"],
                validation_accuracy=self.accuracy,
                tokens_per_second=state.global_step * self.tokens_per_step / self.training,
                seconds_left=passed / state.global_step * (state.max_steps - state.global_step),
            )
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        metrics = rest["metrics"]
        self.accuracy, loss = metrics["eval_accuracy"], metrics["eval_loss"]
        entry = {"validation_accuracy": self.accuracy, "validation_loss": loss}
        self.history.append({"step": state.global_step, "epoch": state.epoch, **entry})
        # A few hundred rows often tie; the loss then says more.
        if (self.accuracy, -loss) > (self.best_accuracy, -self.best_loss):
            self.best_accuracy, self.best_loss = self.accuracy, loss
            self.best_step = state.global_step
            weights = self.model.state_dict()
            self.best = {name: value.detach().clone() for name, value in weights.items()}
        self.resumed = time.perf_counter()


def fit(model: BaseModel, dataset: Dataset, spec: RunSpec, watch: Watch) -> Fit:
    """Train a model, leave in it the weights that were best on validation, and test these.

    Parameters
    ----------
    model
        Fresh model; changed in place.
    dataset
        Where to train, choose and test.
    spec
        How.
    watch
        Told of progress.

    Returns
    -------
    Fit
        Metrics.

    Raises
    ------
    TrainingError
        The loss became infinite or no number.
    """
    transformers_logging.set_verbosity_error()
    sequences = LabelledSequences(dataset.train)
    tokens = sum(map(len, dataset.train.tokens)) / len(sequences) * spec.batch_size
    watcher = _Watcher(spec, model, watch, tokens)
    with tempfile.TemporaryDirectory(prefix="spectrans-") as scratch:
        trainer = Trainer(
            model=Classifier(model),
            args=_arguments(spec, dataset, scratch),
            data_collator=collate,
            train_dataset=sequences,
            eval_dataset=LabelledSequences(dataset.validation),
            compute_metrics=_accuracy,
            callbacks=[watcher],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        seconds = time.perf_counter() - watcher.started
        if not watcher.best:
            raise TrainingError("the loss on validation was no number: lower the learning rate")
        model.load_state_dict(watcher.best)
        test = trainer.predict(LabelledSequences(dataset.test)).metrics
        assert test is not None, "there are labels"
    model.eval()
    return Fit(
        validation_accuracy=watcher.best_accuracy,
        best_step=watcher.best_step,
        steps=trainer.state.global_step,
        test_accuracy=test["test_accuracy"],
        test_loss=test["test_loss"],
        seconds=seconds,
        history=tuple(watcher.history),
    )


def _arguments(spec: RunSpec, dataset: Dataset, scratch: str) -> TrainingArguments:
    """Put a spec in Trainer's words."""
    per_epoch = -(-len(dataset.train) // spec.batch_size)
    total = spec.steps or per_epoch * (spec.epochs or 1)
    lengths = {len(tokens) for tokens in dataset.train.tokens}
    return TrainingArguments(
        output_dir=scratch,
        num_train_epochs=spec.epochs or 1,
        max_steps=spec.steps or -1,
        per_device_train_batch_size=spec.batch_size,
        per_device_eval_batch_size=EVALUATION_BATCH,
        learning_rate=spec.learning_rate,
        lr_scheduler_type=spec.schedule,
        warmup_steps=round(spec.warmup_ratio * total),
        weight_decay=spec.weight_decay,
        max_grad_norm=spec.max_grad_norm,
        seed=spec.seed,
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=max(1, total // REPORTS),
        # Its default hides a loss that is no number.
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        # Mixers work on rows of one length: neighbours in length make fewer and larger batches.
        train_sampling_strategy="random" if len(lengths) == 1 else "group_by_length",
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
    )


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    assert isinstance(prediction.predictions, np.ndarray), "the only output beside the loss"
    hits = prediction.predictions.argmax(-1) == prediction.label_ids
    return {"accuracy": float(np.mean(hits))}
