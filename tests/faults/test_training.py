"""Training that goes wrong by itself or is told to end."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer

from spectrans.training import (
    Progress,
    RunSpec,
    Stopped,
    TrainingError,
    checkpoint,
    train,
)
from spectrans.training.trainer import RunTrainer
from tests.cli.command import COMMAND, ENVIRONMENT, SOON, hurry, write_table
from tests.training.made import order_task

SPEC = RunSpec(plan="attention", steps=12, num_layers=2, hidden_dim=8, num_heads=2, batch_size=8)
TASK = order_task(40)


def poison(monkeypatch: pytest.MonkeyPatch, step: int, value: float) -> None:
    """Spoil a weight of the second block before a step."""
    plain = RunTrainer.training_step

    def spoilt(self: RunTrainer, *arguments: object) -> torch.Tensor:
        if self.state.global_step == step - 1:
            with torch.no_grad():
                self.answering.model.blocks[1].ffn.up.weight[0, 0] = value
        return plain(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(RunTrainer, "training_step", spoilt)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run_with_step_layer_and_last_good_checkpoint(
    value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(monkeypatch, 8, value)
    with pytest.raises(
        TrainingError,
        match=r"^the loss was nan at step 8, first behind the weight blocks\.1\.ffn\.up\.weight: "
        r"lower the learning rate of 0\.\d+; the last good checkpoint is that of step 6$",
    ):
        train(SPEC, TASK, folder=tmp_path, save_every=2)
    found = checkpoint.survey(tmp_path)
    assert (found.step, found.faults) == (6, ())
    assert not (tmp_path / "run.json").exists()
    monkeypatch.undo()
    done = train(SPEC, TASK, folder=tmp_path, save_every=2)
    assert done.history == train(SPEC, TASK).history


def spoil(monkeypatch: pytest.MonkeyPatch, name: str, step: int, which: str = "") -> None:
    """Make gradients of a step no numbers, all or those of a name, after a method of the trainer."""
    plain = getattr(RunTrainer, name)

    def spoilt(self: RunTrainer, *arguments: Any, **settings: Any) -> object:
        found = plain(self, *arguments, **settings)
        if self.state.global_step == step - 1:
            for weight, parameter in self.answering.named_parameters():
                if which in weight:
                    parameter.grad.view(-1)[-1] = torch.nan
        return found

    monkeypatch.setattr(RunTrainer, name, spoilt)


def test_weights_that_are_no_numbers_are_never_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the last step of the second epoch: what is evaluated then gives no number.
    spoil(monkeypatch, "_get_grad_norm", 10)
    with pytest.raises(TrainingError, match="step 11"):
        train(SPEC, TASK, folder=tmp_path, save_every=5)
    found = checkpoint.survey(tmp_path)
    assert found.step == 5


def test_a_run_of_which_no_evaluation_gave_a_number_has_no_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(monkeypatch, "_get_grad_norm", 3)
    with pytest.raises(TrainingError, match=r"^the loss on validation was no number: lower"):
        train(SPEC.model_copy(update={"steps": 3}), TASK)


@pytest.mark.parametrize(
    ("which", "first"),
    [
        ("", r"embedding\.weight"),
        ("blocks.", r"blocks\.0\.norm1\.weight"),
        ("blocks.1.mixer.heads.out.bias", r"blocks\.1\.mixer\.heads\.out\.bias"),
        ("output_head", r"output_head\.linear\.weight"),
    ],
)
def test_a_gradient_that_is_no_number_ends_the_run_before_it_is_used(
    which: str, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, "training_step", 8, which)
    with pytest.raises(
        TrainingError,
        match=rf"^the norm of the gradient was nan at step 8, first in the gradient of {first}: "
        r"lower the learning rate of 0\.\d+; the last good checkpoint is that of step 6$",
    ):
        train(SPEC, TASK, folder=tmp_path, save_every=2)


def test_a_loss_at_which_nobody_looks_at_once_ends_the_run_at_the_next_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a GPU, where each look would wait.
    for name in ("training_step", "_clip_grad_norm"):
        monkeypatch.setattr(RunTrainer, name, getattr(Trainer, name))
    poison(monkeypatch, 8, float("nan"))
    with pytest.raises(TrainingError, match=r"^the loss was nan by step 8: lower the learn"):
        train(SPEC, TASK, folder=tmp_path, save_every=2)
    assert checkpoint.survey(tmp_path).step == 6


# Process 1 holds the last rows of every weight, and process 0 hears of them from it.
IN_PARTS = """
import sys, torch
from spectrans.training.trainer import RunTrainer
from spectrans.__main__ import main
plain = RunTrainer.training_step
def spoilt(self, *arguments):
    loss = plain(self, *arguments)
    weights = dict(self.answering.named_parameters())
    if self.state.global_step == 7 and self.args.process_index == 1:
        for name in ("model.blocks.0.ffn.up.weight", "model.blocks.1.norm1.weight"):
            weights[name].grad.to_local().view(-1)[-1] = torch.nan
    return loss
RunTrainer.training_step = spoilt
sys.exit(main())
"""


@pytest.mark.slow
def test_a_gradient_that_is_no_number_in_the_part_of_one_process_is_named(tmp_path: Path) -> None:
    write_table(tmp_path / "colours.csv")
    (tmp_path / "spoilt.py").write_text(IN_PARTS)
    sizes = ("--layers", "2", "--hidden-dim", "8", "--heads", "2", "--steps", "20")
    two = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    done = subprocess.run(
        [
            sys.executable, *two, "spoilt.py", "train", "--data", "colours.csv", "-p", "attention",
            *sizes, "--save-every", "3", "--fsdp", "-o", "run",
        ],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=270,
    )  # fmt: skip
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("spectrans: the norm")]
    assert len(said) == 1
    assert re.fullmatch(
        r"spectrans: the norm of the gradient was nan at step 8, first in the gradient of "
        r"blocks\.0\.ffn\.up\.weight: lower the learning rate of 0\.\d+; the last good checkpoint "
        r"is that of step 6",
        said[0],
    )


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def hear_all() -> None:
    """Ignore no signal: what starts tests may ignore some, and then a process does so too."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_DFL)


@pytest.fixture
def heard() -> Iterator[None]:
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    hear_all()
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_saves_the_step(signum: signal.Signals, tmp_path: Path) -> None:
    asked: list[float] = []

    def watch(report: Progress) -> None:
        if report.step == 4:
            asked.append(time.process_time())
            os.kill(os.getpid(), signum)

    with pytest.raises(Stopped, match="after step 5 of 12, which is saved") as stopped:
        train(SPEC, TASK, watch, tmp_path)
    # Of its own time: the clock goes on while others have the processor.
    assert time.process_time() - asked[0] < SOON
    assert stopped.value.signum == signum
    assert {signal.getsignal(one) for one in SIGNALS} == {signal.SIG_DFL}
    assert checkpoint.survey(tmp_path).step == 5
    assert train(SPEC, TASK, folder=tmp_path).history == train(SPEC, TASK).history


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_that_the_process_ignores_stays_ignored(
    signum: signal.Signals, tmp_path: Path
) -> None:
    # As SIGHUP under nohup, and Ctrl-C in what a shell starts with &.
    signal.signal(signum, signal.SIG_IGN)

    def watch(report: Progress) -> None:
        if report.step == 4:
            os.kill(os.getpid(), signum)

    done = train(SPEC, TASK, watch, tmp_path)
    assert done.record.metrics.steps == 12
    assert signal.getsignal(signum) == signal.SIG_IGN


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_second_signal_ends_the_process_at_once(signum: signal.Signals) -> None:
    program = f"""
import os, time
from spectrans.training.signals import listening
with listening() as wish:
    os.kill(os.getpid(), {int(signum)})
    assert wish.signum == {int(signum)}
    print("asked", flush=True)
    os.kill(os.getpid(), {int(signum)})
    time.sleep(60)
"""
    run = [sys.executable, "-c", program]
    done = subprocess.run(
        run, capture_output=True, text=True, check=False, timeout=50, preexec_fn=hear_all
    )
    assert (done.returncode, done.stdout) == (128 + signum, "asked\n")


@pytest.mark.slow
def test_a_run_whose_terminal_is_closed_saves_the_step(tmp_path: Path) -> None:
    write_table(tmp_path / "colours.csv")
    outer, inner = pty.openpty()

    def take() -> None:
        """Make the terminal that of the process, so that its end is heard."""
        hear_all()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    sizes = ("--layers", "1", "--hidden-dim", "8", "--heads", "2", "--steps", "100000")
    process = subprocess.Popen(
        [*COMMAND, "train", "--data", "colours.csv", "-p", "attention", *sizes, "-o", "run"],
        cwd=tmp_path, env=ENVIRONMENT, stdin=inner, stdout=inner, stderr=inner,
        start_new_session=True, preexec_fn=take,
    )  # fmt: skip
    os.close(inner)
    seen = b""
    while b"loss" not in seen:
        seen += os.read(outer, 4096)
    hurry(process.pid)
    os.close(outer)
    assert process.wait(60) == 128 + signal.SIGHUP
    assert checkpoint.survey(tmp_path / "run").step > 0
