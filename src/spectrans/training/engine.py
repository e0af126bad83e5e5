"""One training run on the `Trainer` of transformers."""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import EvalPrediction
from transformers.utils import logging as transformers_logging

from spectrans.data import Dataset
from spectrans.models import BaseModel
from spectrans.tasks import Scores, Task
from spectrans.training import sharded
from spectrans.training.arguments import arguments
from spectrans.training.batches import Collator, LabelledSequences, feed
from spectrans.training.diagnosis import memory_in_words
from spectrans.training.order import Order
from spectrans.training.precision import resolved
from spectrans.training.progress import TrainingError, Watch
from spectrans.training.sharded import set_weights
from spectrans.training.signals import Stopped, Wish
from spectrans.training.spec import RunSpec
from spectrans.training.trainer import RunTrainer
from spectrans.training.watcher import Watcher


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
    best
        The kept weights; in parts, those of the main process.
    precision
        In which products were computed.
    device
        On what.
    processes
        How many trained.
    """

    validation: Scores
    best_step: int
    steps: int
    test: Scores
    seconds: float
    history: tuple[dict[str, int | float], ...]
    best: dict[str, Tensor]
    precision: str
    device: str
    processes: int


@dataclass(frozen=True)
class Keeping:
    """Where a run keeps itself while it is under way, and what ends it early.

    Parameters
    ----------
    folder
        Of the run; None keeps nothing.
    save_every
        Steps between checkpoints; None is about a minute.
    resume
        Checkpoint to go on from.
    wish
        Whether somebody asked for the end.
    fsdp
        Whether processes hold parts of the weights.
    tensorboard
        Whether curves are written for TensorBoard.
    floor
        Ranks that the best evaluation must have reached after these steps, or training ends.
    """

    folder: Path | None = None
    save_every: int | None = None
    resume: Path | None = None
    wish: Wish = Wish()  # noqa: RUF009 - nobody asks one that is not listening
    fsdp: bool = False
    tensorboard: bool = False
    floor: Mapping[int, float] = field(default_factory=dict)


class Answering(nn.Module):
    """A model as `Trainer` wants it: labels in, loss and outputs out.

    Parameters
    ----------
    model
        A model with the head of the task.
    task
        What it learns to answer.
    weights
        Of classes, in training; None for all alike.
    """

    # A step's loss is a sum over all its parts, divided by the labels that these have together.
    accepts_loss_kwargs = True

    def __init__(self, model: BaseModel, task: Task, weights: Tensor | None = None) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.weights: Tensor | None
        self.register_buffer("weights", weights, persistent=False)

    def forward(
        self,
        inputs: Tensor,
        labels: Tensor,
        attention_mask: Tensor | None = None,
        filler: bool = False,
        num_items_in_batch: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Give the loss of a batch, and the outputs."""
        outputs = feed(self.model, inputs, attention_mask)
        # Losses are computed in float32 or wider.
        outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        if filler:
            return {"loss": 0 * outputs.sum(), "outputs": outputs}
        items = None if num_items_in_batch is None else num_items_in_batch.clamp(min=1)
        weights = None
        if self.training and self.weights is not None:
            weights = self.weights.to(outputs.dtype)
        return {"loss": self.task.loss(outputs, labels, weights, items), "outputs": outputs}


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


def fit(
    model: BaseModel, dataset: Dataset, spec: RunSpec, watch: Watch, keeping: Keeping = Keeping()
) -> Fit:
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
    keeping
        Checkpoints.

    Returns
    -------
    Fit
        Metrics.

    Raises
    ------
    TrainingError
        The loss became infinite or no number, or memory was too small.
    Stopped
        Somebody asked for the end, and the step is saved.
    """
    transformers_logging.set_verbosity_error()
    with ExitStack() as stack, memory_in_words(spec, dataset.train.tokens.lengths):
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="spectrans-"))
        trainer, judge = _trainer(model, dataset, spec, watch, keeping, Path(scratch))
        watcher = trainer.watcher
        if keeping.tensorboard and keeping.folder is not None and watcher.main:
            # Its package is optional.
            from spectrans.training.board import Board

            board = Board(keeping.folder, watcher)
            stack.callback(board.close)
            trainer.add_callback(board)
        trainer.train(None if keeping.resume is None else str(keeping.resume))
        seconds, steps = watcher.elapsed, trainer.state.global_step
        if watcher.share < 1:
            raise Stopped(*watcher.ending(steps))
        if watcher.kept is None:
            raise TrainingError("the loss on validation was no number: lower the learning rate")
        set_weights(model, watcher.best)
        trainer.evaluate(LabelledSequences(dataset.test, dataset.task), metric_key_prefix="test")
    if not keeping.fsdp:
        model.cpu().eval()
    return Fit(
        validation=watcher.kept,
        best_step=watcher.best_step,
        steps=steps,
        test=judge.scores,
        seconds=seconds,
        history=tuple(watcher.history),
        best=watcher.best,
        precision=resolved(spec),
        device=trainer.args.device.type,
        processes=trainer.args.world_size,
    )


def _trainer(
    model: BaseModel, dataset: Dataset, spec: RunSpec, watch: Watch, keeping: Keeping, scratch: Path
) -> tuple[RunTrainer, _Judge]:
    """Put together what trains."""
    task, rows = dataset.task, dataset.train
    steps_per_epoch = -(-len(rows) // spec.batch_size)
    settings = arguments(spec, steps_per_epoch, resolved(spec), scratch, keeping.fsdp)
    # Joins the processes of a run, if there are several.
    world, rank = settings.world_size, settings.process_index
    lengths = rows.tokens.lengths
    order = Order(lengths, spec.batch_size, spec.seed, spec.accumulate, world, rank)
    judge = _Judge(task)
    watcher = Watcher(
        spec=spec,
        task=task,
        steps_per_epoch=steps_per_epoch,
        tokens_per_step=float(lengths.mean()) * spec.batch_size,
        watch=watch,
        wish=keeping.wish,
        saves=keeping.folder is not None,
        save_every=keeping.save_every,
        weights=partial(sharded.weights, model),
        main=rank == 0,
        floor=keeping.floor,
    )
    watcher.scores = lambda: judge.scores
    weights = task.balance(rows.labels) if spec.class_weights else None
    parts: dict[str, Any] = {
        "model": Answering(model, task, weights),
        "args": settings,
        "data_collator": Collator(dataset),
        "train_dataset": LabelledSequences(rows, task),
        "eval_dataset": LabelledSequences(dataset.validation, task),
        "compute_metrics": judge,
    }
    return RunTrainer(order=order, watcher=watcher, run=keeping.folder, **parts), judge
