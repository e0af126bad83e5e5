"""One training run on the `Trainer` of transformers: the only file that imports it."""

import tempfile
import time
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

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
from spectrans.tasks import Scores, Task
from spectrans.training.batches import Collator, LabelledSequences, feed
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
    validation
        Best of all evaluations: the one whose weights were kept.
    best_step
        Optimiser steps before that evaluation.
    steps
        Optimiser steps in all.
    test
        Of the kept weights, measured once.
    seconds
        Time of training and evaluations.
    history
        Everything that was measured on the way, in order.
    """

    validation: Scores
    best_step: int
    steps: int
    test: Scores
    seconds: float
    history: tuple[dict[str, int | float], ...]


class Answering(nn.Module):
    """A model as `Trainer` wants it: labels in, loss and outputs out.

    Parameters
    ----------
    model
        A model with the head of the task.
    task
        What it learns to answer.
    """

    # Else Trainer takes the loss for a sum over the items of all processes, and does not average.
    accepts_loss_kwargs = False

    def __init__(self, model: BaseModel, task: Task) -> None:
        super().__init__()
        self.model = model
        self.task = task

    def forward(
        self, inputs: Tensor, labels: Tensor, attention_mask: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Give the mean loss of a batch, and the outputs."""
        outputs = feed(self.model, inputs, attention_mask)
        return {"loss": self.task.loss(outputs, labels), "outputs": outputs}


@dataclass
class _Watcher(TrainerCallback):
    """Reports progress, keeps the best weights, and stops a run whose loss is no number."""

    spec: RunSpec
    model: BaseModel
    task: Task
    judge: "_Judge"
    watch: Watch
    tokens_per_step: float
    history: list[dict[str, int | float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    kept: Scores | None = None
    best_rank: tuple[float, float] = (float("-inf"), 0.0)
    best_step: int = 0
    latest: float | None = None
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
                metric=self.task.lead,
                validation=self.latest,
                tokens_per_second=state.global_step * self.tokens_per_step / self.training,
                seconds_left=passed / state.global_step * (state.max_steps - state.global_step),
            )
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if "eval_loss" not in rest["metrics"]:
            return  # the test split, after training
        scores = self.judge.scores
        self.latest, loss = scores.values[self.task.lead.name], scores.values["loss"]
        entry = {f"validation_{name}": value for name, value in scores.values.items()}
        self.history.append({"step": state.global_step, "epoch": state.epoch, **entry})
        # A few hundred rows often tie; the loss then says more.
        rank = (self.task.lead.rank(self.latest), -loss)
        if isfinite(loss) and rank > self.best_rank:
            self.best_rank, self.kept = rank, scores
            self.best_step = state.global_step
            weights = self.model.state_dict()
            self.best = {name: value.detach().clone() for name, value in weights.items()}
        self.resumed = time.perf_counter()


class _Judge:
    """Scores a split batch by batch, as `Trainer` hands the batches out.

    Parameters
    ----------
    task
        What is scored.
    """

    scores: Scores

    def __init__(self, task: Task) -> None:
        self.task = task
        self.meter = task.meter()

    def __call__(self, prediction: EvalPrediction, compute_result: bool = True) -> dict[str, float]:
        """Count a batch; after the last one give the figures and start anew."""
        outputs, targets = prediction.predictions, prediction.label_ids
        assert isinstance(outputs, Tensor), "the only output beside the loss"
        assert isinstance(targets, Tensor), "Trainer hands batches on as they are"
        self.meter.add(outputs, targets)
        if not compute_result:
            return {}
        self.scores = self.meter.scores()
        self.meter = self.task.meter()
        return dict(self.scores.values)


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
    task = dataset.task
    sequences = LabelledSequences(dataset.train, task, fixed=False)
    tokens = float(dataset.train.tokens.lengths.mean()) * spec.batch_size
    judge = _Judge(task)
    watcher = _Watcher(spec, model, task, judge, watch, tokens)
    with tempfile.TemporaryDirectory(prefix="spectrans-") as scratch:
        trainer = Trainer(
            model=Answering(model, task),
            args=_arguments(spec, dataset, scratch),
            data_collator=Collator(dataset),
            train_dataset=sequences,
            eval_dataset=LabelledSequences(dataset.validation, task),
            compute_metrics=judge,
            callbacks=[watcher],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        seconds = time.perf_counter() - watcher.started
        if watcher.kept is None:
            raise TrainingError("the loss on validation was no number: lower the learning rate")
        model.load_state_dict(watcher.best)
        trainer.evaluate(LabelledSequences(dataset.test, task), metric_key_prefix="test")
    model.eval()
    return Fit(
        validation=watcher.kept,
        best_step=watcher.best_step,
        steps=trainer.state.global_step,
        test=judge.scores,
        seconds=seconds,
        history=tuple(watcher.history),
    )


def _arguments(spec: RunSpec, dataset: Dataset, scratch: str) -> TrainingArguments:
    """Put a spec in Trainer's words."""
    per_epoch = -(-len(dataset.train) // spec.batch_size)
    total = spec.steps or per_epoch * (spec.epochs or 1)
    lengths = dataset.train.tokens.lengths
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
        # The outputs for a whole split need not fit into memory.
        batch_eval_metrics=True,
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=max(1, total // REPORTS),
        # Its default hides a loss that is no number.
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        # Mixers work on rows of one length: neighbours in length make fewer and larger batches.
        train_sampling_strategy="random" if lengths.min() == lengths.max() else "group_by_length",
        dataloader_pin_memory=torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
    )
