"""`spectrans train --fsdp`: each process holds a part of the weights, and a run goes on in any number."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from spectrans.training import Stopped, state, train
from spectrans.training.begun import read_begun
from spectrans.training.checkpoint import survey
from tests.cli.command import spectrans, write_table
from tests.cli.two_processes import TRAIN, history, started


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    write_table(folder / "colours.csv")
    return folder


@pytest.fixture(scope="module")
def two(here: Path) -> Path:
    """A run in two processes that nothing happened to."""
    done = spectrans(*TRAIN, "--nproc", "2", "-o", "two", "--json", "-q", folder=here)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["metrics"]["processes"] == 2
    return here / "two"


@pytest.fixture(scope="module")
def parted(here: Path) -> Path:
    """The folder of a run in two processes with a part of the weights each, which was stopped."""
    process, said = started(here, "parts", "--fsdp")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, said + err
    return here / "parts"


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_weights_in_parts_have_the_losses_of_whole_ones_and_go_on_in_any_number_of_processes(
    here: Path, two: Path, parted: Path, processes: int
) -> None:
    folder = shutil.copytree(parted, here / f"parts-{processes}")
    together = ("--nproc", str(processes)) if processes > 1 else ()
    done = spectrans("train", "--resume", folder.name, *together, "-q", folder=here)
    assert (done.code, done.err) == (0, "")
    wanted = [entry["loss"] for entry in history(two) if "loss" in entry]
    found = [entry["loss"] for entry in history(folder) if "loss" in entry]
    assert found == pytest.approx(wanted, rel=2e-3, abs=1e-5)
    alone = spectrans("predict", folder.name, "abc red", folder=here)
    assert alone.out == spectrans("predict", "two", "abc red", folder=here).out


@pytest.mark.slow
def test_one_process_begins_with_the_bits_of_weights_and_optimiser_that_several_held_in_parts(
    here: Path, parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    folder = shutil.copytree(parted, here / "bits")
    newest = survey(folder).newest
    assert newest is not None
    weights = state.read_tensors(newest / state.WEIGHTS)
    moments = state.read_tensors(newest / state.OPTIMISER)
    wanted = {
        weight.numpy().tobytes(): {
            name: moments[f"model.{key}|{name}"].numpy().tobytes()
            for name in ("step", "exp_avg", "exp_avg_sq")
        }
        for key, weight in weights.items()
    }
    found: list[dict[bytes, dict[str, bytes]]] = []

    def look(optimiser: torch.optim.Optimizer, *rest: object) -> None:
        """See what the first step begins with, and ask for the end."""
        found.append(
            {
                weight.detach().numpy().tobytes(): {
                    name: value.numpy().tobytes() for name, value in values.items()
                }
                for weight, values in optimiser.state.items()
            }
        )
        os.kill(os.getpid(), signal.SIGTERM)

    hook = register_optimizer_step_pre_hook(look)
    with pytest.raises(Stopped):
        train(read_begun(folder).spec, folder=folder)
    hook.remove()
    assert found == [wanted]
    # No two weights are alike by now.
    assert len(wanted) == len(weights)


def test_parts_need_several_processes(here: Path) -> None:
    answer = spectrans(*TRAIN, "--fsdp", "-o", "none", folder=here)
    assert answer.code == 2
    assert answer.err == (
        "spectrans: --fsdp must come with several processes: --nproc 2, or torchrun\n"
    )
