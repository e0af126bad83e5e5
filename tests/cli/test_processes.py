"""`spectrans train` in two processes, which meet over gloo."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from spectrans.training.checkpoint import survey
from spectrans.training.lock import locked
from tests.cli.command import (
    COMMAND,
    ENVIRONMENT,
    Answer,
    hurry,
    inside,
    spectrans,
    write_table,
)
from tests.cli.two_processes import SOME, TRAIN, WAIT, history, started
from tests.faults.disks import Disk


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    write_table(folder / "colours.csv")
    return folder


@pytest.fixture(scope="module")
def two(here: Path) -> Path:
    """A run in two processes that nothing happened to."""
    done = spectrans(*TRAIN, "--nproc", "2", "-o", "two", "--json", "-q", folder=here)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["metrics"]["processes"] == 2
    return here / "two"


def test_two_processes_have_the_losses_of_one(here: Path, two: Path) -> None:
    assert spectrans(*TRAIN, "-o", "one", "-q", folder=here).code == 0
    alone, together = history(here / "one"), history(two)
    assert [set(entry) for entry in together] == [set(entry) for entry in alone]
    for name in ("loss", "grad_norm", "validation_loss"):
        wanted = [entry[name] for entry in alone if name in entry]
        found = [entry[name] for entry in together if name in entry]
        assert found == pytest.approx(wanted, rel=2e-3, abs=1e-5)
        assert found[:5] == pytest.approx(wanted[:5], rel=1e-5)


def worker(parent: int, rank: int = 1) -> int:
    """The process of a rank."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    found = [
        int(child)
        for child in children
        if b"\0RANK=%d\0" % rank in b"\0" + Path(f"/proc/{child}/environ").read_bytes()
    ]
    return found[0]


@pytest.fixture(scope="module")
def killed(here: Path) -> tuple[Answer, int]:
    """What a run says of which a process was killed, and the step of its last checkpoint."""
    process, said = started(here, "killed")
    os.kill(worker(process.pid), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, said + err), survey(here / "killed").step


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux does")
def test_a_killed_process_ends_the_run_with_one_sentence(killed: tuple[Answer, int]) -> None:
    answer, step = killed
    assert (answer.code, answer.out) == (1, "")
    assert [line for line in answer.err.splitlines() if line.startswith("spectrans:")] == [
        "spectrans: process 1 of 2 was killed by signal 9, and the run ended: "
        "spectrans train --resume goes on from the last checkpoint"
    ]
    assert "Traceback" not in answer.err
    assert step >= 5


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux does")
@pytest.mark.slow
@pytest.mark.usefixtures("killed")
def test_a_relaunch_goes_on_exactly(here: Path, two: Path) -> None:
    answer = spectrans("train", "--resume", "killed", "--nproc", "2", folder=here)
    assert answer.code == 0
    assert re.search(r"going on with killed after step \d+", answer.err)
    assert history(here / "killed") == history(two)
    weights = [(folder / "model.safetensors").read_bytes() for folder in (here / "killed", two)]
    assert weights[0] == weights[1]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux does")
@pytest.mark.slow
def test_a_process_that_is_slow_changes_nothing(here: Path, two: Path) -> None:
    process, said = started(here, "slow")
    late = worker(process.pid)
    os.kill(late, signal.SIGSTOP)
    time.sleep(SOME)
    assert process.poll() is None
    os.kill(late, signal.SIGCONT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, said + out + err
    assert history(here / "slow") == history(two)
    weights = [(folder / "model.safetensors").read_bytes() for folder in (here / "slow", two)]
    assert weights[0] == weights[1]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux does")
@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 1], ids=["main", "other"])
def test_a_process_that_does_not_answer_ends_the_run_with_one_sentence(
    here: Path, late: int
) -> None:
    process, said = started(here, f"late-{late}")
    os.kill(worker(process.pid, late), signal.SIGSTOP)
    begun = time.monotonic()
    assert process.stderr is not None
    for line in process.stderr:
        said += line
        if line.startswith("spectrans:"):
            break
    assert time.monotonic() - begun < WAIT + 30
    # torch gives the one that does not answer 30 seconds to end.
    out, err = process.communicate(timeout=90)
    assert (process.returncode, out) == (1, "")
    assert [line for line in (said + err).splitlines() if line.startswith("spectrans:")] == [
        f"spectrans: process {1 - late} of 2: another process of the run did not answer for {WAIT} "
        f"seconds (SPECTRANS_TIMEOUT), and the run ends: spectrans train --resume late-{late} goes on "
        "from the last checkpoint"
    ]
    assert "Traceback" not in err
    assert survey(here / f"late-{late}").step >= 5


@pytest.mark.slow
def test_a_run_of_two_processes_goes_on_in_one(here: Path, two: Path) -> None:
    process, said = started(here, "fewer")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, said + err
    done = spectrans("train", "--resume", "fewer", "-q", folder=here)
    assert (done.code, done.err) == (0, "")
    wanted = [entry["loss"] for entry in history(two) if "loss" in entry]
    found = [entry["loss"] for entry in history(here / "fewer") if "loss" in entry]
    assert found == pytest.approx(wanted, rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf"])
def test_a_time_to_wait_is_a_number(
    seconds: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPECTRANS_TIMEOUT", seconds)
    found = inside(monkeypatch, capfd, "train", "--nproc", "2")
    assert (found.code, found.out) == (2, "")
    assert found.err == (
        "spectrans: SPECTRANS_TIMEOUT must be a number of seconds above 0 and below 31,536,000, "
        f"got {seconds!r}\n"
    )


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux does")
@pytest.mark.slow
def test_ctrl_c_reaches_all_processes(here: Path) -> None:
    process, _ = started(here, "stopped")
    for pid in (process.pid, worker(process.pid, 0), worker(process.pid, 1)):
        hurry(pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert re.search(r"stopped after step (\d+) of 100, which is saved", err)
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_disk_that_gets_full_under_two_processes_ends_both(here: Path, two: Path) -> None:
    (here / "disk").mkdir()
    disk = Disk(here / "disk", 2**20)
    try:
        process, said = started(here, "disk/run")
        disk.fill()
        _, err = process.communicate(timeout=100)
        assert process.returncode == 3, said + err
        (told,) = (line for line in err.splitlines() if line.startswith("spectrans:"))
        assert re.match(
            r"spectrans: disk/run/[\w/.]+: no space left on device, [\d,]+ bytes are needed and "
            r"[\d,]+ bytes are free; what was saved before is kept, spectrans train --resume",
            told,
        )
        assert "Traceback" not in err
        disk.free()
        answer = spectrans("train", "--resume", "disk/run", "--nproc", "2", "-q", folder=here)
        assert (answer.code, answer.err) == (0, "")
        assert history(here / "disk/run") == history(two)
    finally:
        disk.unmount()


@pytest.mark.slow
def test_a_run_in_use_is_refused_once_by_two_processes(here: Path) -> None:
    process, said = started(here, "used")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, said + err
    with locked(here / "used"):
        answer = spectrans("train", "--resume", "used", "--nproc", "2", folder=here)
    assert (answer.code, answer.err) == (
        2,
        f"spectrans: the folder of a run must not be in use, process {os.getpid()} trains in it, "
        "got 'used'\n",
    )


def test_processes_do_not_start_processes(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "train", "--nproc", "2"],
        cwd=tmp_path, env={**ENVIRONMENT, "WORLD_SIZE": "2", "RANK": "0"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "spectrans: --nproc must be left out under torchrun, which starts the processes\n"
    )
