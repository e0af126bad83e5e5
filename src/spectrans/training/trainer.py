"""`Trainer` with our order of rows, checkpoints that are whole, and errors that name a layer."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin, gather_object
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer

from spectrans.training import checkpoint, restored, sharded, state
from spectrans.training.arguments import factor
from spectrans.training.diagnosis import first_bad_gradient, first_bad_weight, first_non_finite
from spectrans.training.order import Order
from spectrans.training.progress import TrainingError
from spectrans.training.signals import LeftOff, Stopped
from spectrans.training.watcher import Watcher

# What a process has of an optimiser in parts that the main one gets.
_NOTHING: dict[str, Any] = {"state": {}, "param_groups": []}


class RunTrainer(Trainer):
    """Trains one run.

    Parameters
    ----------
    order
        Batches of this process.
    watcher
        What happens between steps.
    run
        Folder for checkpoints; None keeps none.
    **settings
        Those of `Trainer`.
    """

    def __init__(
        self, *, order: Order, watcher: Watcher, run: Path | None, **settings: Any
    ) -> None:
        self.order, self.watcher, self.run = order, watcher, run
        self.answering: Any = settings["model"]
        self.rows: Any = settings["train_dataset"]
        self.model: Any
        # Both are made when training begins.
        self.optimizer: Any
        self.lr_scheduler: Any
        self.pending: tuple[float, int] | None = None
        watcher.at_start = self._restore_sums
        super().__init__(callbacks=[watcher], **settings)
        self.remove_callback(PrinterCallback)

    def create_accelerator_and_postprocess(self) -> None:
        """Part the weights on CPU as well, where accelerate leaves them whole and says nothing."""
        super().create_accelerator_and_postprocess()
        if self.args.fsdp and not self.is_fsdp_enabled:
            found = self.accelerator.state
            found.distributed_type = DistributedType.FSDP
            found.fsdp_plugin = FullyShardedDataParallelPlugin(**self.args.fsdp_plugin_args)
            self.is_fsdp_enabled = True

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Give the batches of this process; accelerate would deal them out once more."""
        return DataLoader(
            self.rows,
            batch_sampler=self.order,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def _run_epoch(self, model: Any, epoch: int, *arguments: Any, **settings: Any) -> None:
        if self.control.should_training_stop:
            return
        self.order.epoch = epoch
        super()._run_epoch(model, epoch, *arguments, **settings)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Give a schedule by steps, or by the clock where the budget is a time."""
        spec = self.watcher.spec
        if spec.minutes is None:
            return super().create_scheduler(num_training_steps, optimizer)
        if self.lr_scheduler is None:
            by_clock = partial(_by_share, self.watcher)
            self.lr_scheduler = LambdaLR(optimizer or self.optimizer, by_clock)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Tensor:
        """Do a pass, and stop at a loss that is no number."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        # Elsewhere a look would wait for the device: there the next report sees it.
        if loss.device.type == "cpu" and not loss.isfinite():
            # One process alone could not run a model of which it holds a part.
            if sharded.is_sharded(self.answering):
                place = first_bad_weight(self.answering)
            else:
                place = first_non_finite(self.answering, self._prepare_inputs(inputs))
            raise self._diverged(f"the loss was {loss.item()}", place)
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        """Clip as `Trainer` does, but stop before all gradients are scaled by no number."""
        parameters = list(model.parameters())
        gradients = [p.grad for p in parameters if p.grad is not None]
        on_cpu = all(gradient.device.type == "cpu" for gradient in gradients)
        if not on_cpu or self._has_mixed_mesh_grads(model):
            return super()._clip_grad_norm(model)
        norm = self._finite(nn.utils.get_total_norm(gradients))
        nn.utils.clip_grads_with_norm_(parameters, self.args.max_grad_norm, norm)
        return norm

    def _finite(self, norm: Tensor) -> Tensor:
        """Give the norm of the gradients back, or stop at one that is no number."""
        # Elsewhere a look would wait for the device: there the next report sees it.
        if norm.device.type == "cpu" and not (value := sharded.whole(norm)).isfinite():
            place = first_bad_gradient(self.answering)
            what = f"the norm of the gradient was {value.item()}"
            raise self._diverged(what, place, "first in")
        return norm

    def evaluate(self, *arguments: Any, **settings: Any) -> dict[str, float]:
        """Score a split, unless somebody asks for the end.

        Parameters
        ----------
        *arguments
            Those of `Trainer`.
        **settings
            The same.

        Returns
        -------
        dict
            Figures.

        Raises
        ------
        Stopped
            Somebody asked for the end: what was trained is saved, and this comes first later.
        """
        try:
            return super().evaluate(*arguments, **settings)
        except LeftOff:
            # The test split is scored at the end of a run in any case.
            self.watcher.owed = self.is_in_train
        self._save_checkpoint(self.model, None)
        raise Stopped(*self.watcher.ending(self.state.global_step))

    def _diverged(self, what: str, place: str | None, first: str = "first behind") -> TrainingError:
        """Say what was no number, where it began, the way out, and what is left."""
        where = f", {first} {place.replace('model.', '', 1)}" if place else ""
        way = f"lower the learning rate of {self.watcher.spec.learning_rate:g}"
        message = f"{what} at step {self.state.global_step + 1}{where}: {way}"
        found = checkpoint.survey(self.run) if self.run else checkpoint.Survey()
        left = f"; the last good checkpoint is that of step {found.step}" if found.newest else ""
        return TrainingError(message + left)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        weights = self.watcher.weights()
        if not all(tensor.isfinite().all() for tensor in weights.values()):
            raise self._diverged("a weight was no number", first_bad_weight(self.answering))
        own = {"random": state.random_states(), "loss": self._tr_loss.item()}
        # A list of one entry is what every process puts in.
        processes = gather_object([own]) if self.args.world_size > 1 else [own]
        optimiser, groups = state.optimiser_files(
            sharded.optimiser(self.model, self.optimizer.optimizer) or _NOTHING
        )
        if not self.args.should_save:
            return
        assert self.run is not None, "the watcher asks for none without a folder"
        scheduler = self.lr_scheduler.state_dict()
        progress = {
            "groups": groups,
            "scheduler": {k: v for k, v in scheduler.items() if k != "lr_lambdas"},
            "logged": self._globalstep_last_logged,
            "processes": processes,
            "watcher": self.watcher.state(),
        }
        files = {
            state.WEIGHTS: state.to_tensors(weights),
            state.BEST: state.to_tensors(self.watcher.best),
            state.OPTIMISER: optimiser,
            state.PROGRESS: state.to_json(progress),
            state.TRAINER: state.to_json({**dataclasses.asdict(self.state), "log_history": []}),
        }
        notes = {"processes": len(processes), "torch": torch.__version__}
        checkpoint.save(self.run, self.state.global_step, files, notes)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder, model = Path(resume_from_checkpoint), self.answering.model
        restored.check_trainer(folder)
        sharded.set_weights(model, restored.weights(folder, state.WEIGHTS, model))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        folder = Path(checkpoint)
        stands, inner = restored.going(folder), self.optimizer.optimizer
        found = restored.optimiser(folder, stands, inner, self.model)
        sharded.set_optimiser(self.model, inner, found)
        schedule = {**self.lr_scheduler.state_dict(), "lr_lambdas": [None] * len(stands.groups)}
        with restored.belonging(folder, state.PROGRESS):
            self.lr_scheduler.load_state_dict(restored.settings(stands.scheduler, schedule))
        best = restored.weights(folder, state.BEST, self.answering.model)
        self.watcher.set_state(stands.watcher, best)
        self.args.eval_on_start = self.watcher.owed
        losses = [process.loss for process in stands.processes]
        same = len(losses) == self.args.world_size
        own = losses[self.args.process_index] if same else sum(losses) / len(losses)
        self.pending = own, stands.logged

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        folder = Path(checkpoint)
        states = restored.going(folder).processes
        # Of processes that there were not, the numbers are new, but always the same.
        with restored.belonging(folder, state.PROGRESS):
            state.set_random_states(states[self.args.process_index % len(states)].random)

    def _load_scaler(self, checkpoint: str | None) -> None:
        """Do nothing: bfloat16 needs no scaling."""

    def _restore_sums(self) -> None:
        """Go on with the sum of losses since the last report."""
        if self.pending is not None:
            loss, self._globalstep_last_logged = self.pending
            self._tr_loss.fill_(loss)


def _by_share(watcher: Watcher, step: int) -> float:
    return factor(watcher.share, watcher.spec.warmup_ratio, watcher.spec.schedule)
