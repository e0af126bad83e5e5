"""What happens between steps: reports, evaluations, the best weights, checkpoints, the end."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from transformers import TrainerCallback

from spectrans.tasks import Scores, Task
from spectrans.training.arguments import REPORTS
from spectrans.training.progress import Progress, TrainingError, Watch
from spectrans.training.restored import Remembered
from spectrans.training.signals import LeftOff, Wish
from spectrans.training.spec import RunSpec

# Seconds between checkpoints, unless somebody says how many steps.
SAVE_SECONDS = 60.0


def agreed(values: Sequence[float]) -> list[float]:
    """Give the largest of what the processes of a run say; alone, what was said."""
    if not (dist.is_available() and dist.is_initialized()):
        return list(values)
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    shared = torch.tensor(values, dtype=torch.float64, device=device)
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    return shared.tolist()


@dataclass(kw_only=True)
class Watcher(TrainerCallback):
    """Reports progress, keeps the best weights, and says when to evaluate, save and end."""

    spec: RunSpec
    task: Task
    steps_per_epoch: int
    tokens_per_step: float
    watch: Watch
    wish: Wish
    # Whether there is a folder for checkpoints, and the steps between them; None is about a minute.
    saves: bool
    save_every: int | None
    # Gives the weights of the model, whole.
    weights: Callable[[], dict[str, Tensor]]
    # Whether this is the process that writes and talks.
    main: bool = True
    # Ranks that the best evaluation must have reached after these steps, or training ends.
    floor: Mapping[int, float] = field(default_factory=dict)
    # Gives what the last evaluation found; and what is to be done before the first step.
    scores: Callable[[], Scores] = field(init=False)
    at_start: Callable[[], None] = field(init=False)
    history: list[dict[str, int | float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    kept: Scores | None = None
    best_step: int = 0
    latest: float | None = None
    # Whether an evaluation was cut short, and comes first when the run goes on.
    owed: bool = False
    share: float = 0.0
    logged: float = 0.0
    stopped: int = 0
    training: float = 0.0
    before: float = 0.0
    started: float = 0.0
    resumed: float = 0.0
    saved: float = 0.0
    save_now: bool = False

    @property
    def elapsed(self) -> float:
        """Seconds of training and evaluations, earlier parts of the run included."""
        return self.before + time.perf_counter() - self.started

    def tokens_per_second(self, step: int) -> float:
        """Give the speed of training up to a step."""
        return step * self.tokens_per_step / self.training

    def state(self) -> dict[str, Any]:
        """Give what a run has to remember, beside its weights, as plain data."""
        return {
            "history": self.history,
            "kept": None if self.kept is None else self.kept.model_dump(mode="json"),
            "best_step": self.best_step,
            "latest": self.latest,
            "owed": self.owed,
            "share": self.share,
            "training": self.training,
            "elapsed": self.elapsed,
        }

    def set_state(self, state: Remembered, best: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self.history, self.best = list(state.history), best
        self.kept = state.kept
        self.best_step, self.latest = state.best_step, state.latest
        self.owed, self.share = state.owed, state.share
        self.training, self.before = state.training, state.elapsed

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Start the clock."""
        self.started = self.resumed = self.saved = time.perf_counter()
        self.at_start()
        # A run that was stopped behind its last step has no other.
        control.should_training_stop = self.share >= 1

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Agree with the other processes, before the learning rate of the next step is set."""
        step = state.global_step + 1
        if self.spec.minutes is None:
            share, due = step / state.max_steps, False
        else:
            share = min(1.0, self.elapsed / (60 * self.spec.minutes))
            due = True
        if self.save_every is None:
            save, due = time.perf_counter() - self.saved > SAVE_SECONDS, True
        else:
            save = step % self.save_every == 0
        said = (share, float(save)) if self.main or not due else (0.0, 0.0)
        self.share, save_now, stop = agreed((*said, float(self.wish.signum)))
        self.save_now, self.stopped = bool(save_now), int(stop)

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Say what is to be done now, in the order report, evaluation, checkpoint, end."""
        now = time.perf_counter()
        self.training += now - self.resumed
        self.resumed = now
        if self.spec.minutes is not None:
            control.should_log = int(REPORTS * self.share) > int(REPORTS * self.logged)
            self.logged = self.share if control.should_log else self.logged
        ended = self.share >= 1
        if ended or state.global_step % self.steps_per_epoch == 0:
            control.should_evaluate = True
        control.should_training_stop |= ended
        if self.stopped and not ended:
            control.should_training_stop = True
        if self.saves and not ended and (self.save_now or self.stopped):
            control.should_save = True
            self.saved = now

    def on_log(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Report, and stop a run whose loss is no number."""
        logs = rest["logs"]
        if "loss" not in logs:
            return
        if not isfinite(logs["loss"]):
            way_out = f"lower the learning rate of {self.spec.learning_rate:g}"
            message = f"the loss was {logs['loss']} by step {state.global_step}: {way_out}"
            raise TrainingError(message)
        self.history.append({"step": state.global_step, **logs})
        passed, step = self.elapsed, state.global_step
        total = state.max_steps if self.spec.minutes is None else round(step / self.share)
        if not self.main:
            return
        self.watch(
            Progress(
                step=step,
                total_steps=max(step, total),
                loss=logs["loss"],
                metric=self.task.lead,
                validation=self.latest,
                tokens_per_second=self.tokens_per_second(step),
                seconds_left=passed / self.share * (1 - self.share),
            )
        )

    def on_prediction_step(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Leave an evaluation off when somebody asks for the end; all processes do it together."""
        (signum,) = agreed([float(self.wish.signum)])
        if signum:
            self.stopped = int(signum)
            raise LeftOff

    def ending(self, step: int) -> tuple[int, int, int]:
        """Give what `Stopped` says of a run that ends behind a step that is saved."""
        return self.stopped, step, max(step, round(step / self.share))

    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Keep the weights if they are the best so far, and the patience that is left."""
        if "eval_loss" not in rest["metrics"]:
            return  # the test split, after training
        self.owed = False
        scores = self.scores()
        self.latest, loss = scores.values[self.task.lead.name], scores.values["loss"]
        entry = {f"validation_{name}": value for name, value in scores.values.items()}
        self.history.append({"step": state.global_step, "epoch": state.epoch, **entry})
        if isfinite(loss) and self._rank(scores) > self._rank(self.kept):
            self.kept, self.best_step = scores, state.global_step
            self.best = {name: value.clone() for name, value in self.weights().items()}
        if self.spec.patience is not None:
            seen = [e["step"] for e in self.history if "validation_loss" in e]
            if sum(step > self.best_step for step in seen) >= self.spec.patience:
                control.should_training_stop = True
                self.share = 1.0
        if self._rank(self.kept)[0] < self.floor.get(state.global_step, -inf):
            control.should_training_stop = True
            self.share = 1.0
        self.resumed = time.perf_counter()

    def _rank(self, scores: Scores | None) -> tuple[float, float]:
        """Order evaluations; a few hundred rows often tie, and the loss then says more."""
        if scores is None:
            return -inf, 0.0
        return self.task.lead.rank(scores.values[self.task.lead.name]), -scores.values["loss"]
