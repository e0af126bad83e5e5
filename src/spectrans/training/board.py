"""The curves of a run for TensorBoard, beside the record that every run keeps."""

from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from transformers import TrainerCallback

from spectrans.disk import placing
from spectrans.training.watcher import Watcher

# In the folder of a run.
FOLDER = "tensorboard"


class Board(TrainerCallback):
    """Writes what the watcher reports, after it, so that a figure that ends the run is not there.

    Parameters
    ----------
    folder
        Of the run.
    watcher
        Of the same training.
    """

    def __init__(self, folder: Path, watcher: Watcher) -> None:
        self.folder, self.watcher = folder / FOLDER, watcher
        self.writer: SummaryWriter | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Go on with the curves; what was written after the checkpoint counts no more."""
        with placing(self.folder):
            self.writer = SummaryWriter(str(self.folder), purge_step=state.global_step + 1)

    def on_log(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Write a report."""
        logs = rest["logs"]
        if "loss" in logs:
            values = {name: logs[name] for name in ("loss", "grad_norm", "learning_rate")}
            values["tokens_per_second"] = self.watcher.tokens_per_second(state.global_step)
            self._write("train", values, state.global_step)

    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Write what an evaluation found; the test split has no curve."""
        if "eval_loss" in rest["metrics"]:
            self._write("validation", self.watcher.scores().values, state.global_step)

    def _write(self, group: str, values: dict[str, float], step: int) -> None:
        assert self.writer is not None, "training has begun"
        with placing(self.folder):
            for name, value in values.items():
                self.writer.add_scalar(f"{group}/{name}", value, step)
            # Whoever looks sees it now, and a process that dies has written it.
            self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        if self.writer is not None:
            with placing(self.folder):
                self.writer.close()
