"""`spectrans train` through its real entry point: stopped, damaged, gone on with."""

import json
import re
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from spectrans.training.checkpoint import survey
from spectrans.training.lock import LOCK, locked
from tests.cli.command import COMMAND, ENVIRONMENT, Answer, hurry, spectrans, write_table

STEPS = 120
TRAIN = (
    "train", "--data", "colours.csv", "--plan", "attention", "--layers", "1", "--hidden-dim", "8",
    "--heads", "2", "--batch-size", "8", "--steps", str(STEPS), "--save-every", "5",
    "--class-weights", "balanced",
)  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    write_table(folder / "colours.csv")
    return folder


@pytest.fixture(scope="module")
def whole(here: Path) -> Path:
    """A run that nothing happened to."""
    done = spectrans(*TRAIN, "-o", "whole", "-q", folder=here)
    assert (done.code, done.err) == (0, "")
    return here / "whole"


def stop(folder: Path, out: str, signum: int, *more: str) -> Answer:
    """Start a run, and send it a signal after its first report."""
    process = subprocess.Popen(
        [*COMMAND, *TRAIN, "-o", out, *more],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts with & ignores Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("step "):
            break
    hurry(process.pid)
    process.send_signal(signum)
    rest = process.communicate(timeout=60)
    return Answer(process.returncode, rest[0], said + rest[1])


@pytest.fixture(scope="module")
def stopped(here: Path) -> Answer:
    return stop(here, "run", signal.SIGINT)


def test_ctrl_c_saves_the_step_and_says_how_to_go_on(here: Path, stopped: Answer) -> None:
    last = stopped.err.splitlines()[-1]
    found = re.fullmatch(
        rf"spectrans: stopped after step (\d+) of {STEPS}, which is saved: "
        r"spectrans train --resume run goes on from there",
        last,
    )
    assert found
    assert (stopped.code, stopped.out) == (130, "")
    assert survey(here / "run").step == int(found[1])
    assert not (here / "run" / "run.json").exists()


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read what TensorBoard would show of a run."""
    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    names = events.Tags()["scalars"]
    return {name: [(e.step, e.value) for e in events.Scalars(name)] for name in names}


@pytest.mark.slow
def test_the_curves_of_a_run_that_lost_steps_are_those_that_it_measured(
    here: Path, whole: Path
) -> None:
    stop(here, "tracked", signal.SIGINT, "--tensorboard")
    folder = here / "tracked"
    newest, written = survey(folder).newest, curves(folder)["train/loss"][-1][0]
    assert newest is not None
    shutil.rmtree(newest)
    assert survey(folder).step < written
    answer = spectrans("train", "--resume", "tracked", folder=here)
    assert answer.code == 0
    found = curves(folder)
    speeds = found.pop("train/tokens_per_second")
    assert [step for step, _ in speeds] == [step for step, _ in found["train/loss"]]
    assert min(speed for _, speed in speeds) > 0
    measured: dict[str, list[tuple[int, object]]] = {}
    for line in (whole / "metrics.jsonl").read_text().splitlines():
        values = json.loads(line)
        step, _ = values.pop("step"), values.pop("epoch")
        for name, value in values.items():
            place = (
                name.replace("validation_", "validation/")
                if "validation_" in name
                else f"train/{name}"
            )
            measured.setdefault(place, []).append((step, pytest.approx(value, rel=1e-6)))
    assert found == measured


@pytest.mark.slow
def test_a_comparison_writes_the_curves_of_each_run(here: Path) -> None:
    small = [*TRAIN[1:3], *TRAIN[5:-6], "--steps", "5", "--lengths", "none", "--seeds", "2"]
    run = ("compare", *small, "-p", "attention", "-o", "both", "-q", "--tensorboard")
    assert spectrans(*run, folder=here).code == 0
    runs = sorted((here / "both" / "runs").iterdir())
    assert [[step for step, _ in curves(run)["train/loss"]] for run in runs] == [[*range(1, 6)]] * 2


@pytest.mark.parametrize("command", ["train", "compare"])
def test_without_tensorboard_the_install_line_is_said_and_nothing_is_made(
    here: Path, command: str
) -> None:
    run = "import sys; sys.modules['tensorboard'] = None; from spectrans.cli import main; main()"
    done = subprocess.run(
        [COMMAND[0], "-c", run, command, "--data", "colours.csv", "--tensorboard", "-o", "none"],
        cwd=here, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wanted = 'spectrans: curves need tensorboard: pip install "spectrans-hybrid[track]"\n'
    assert (done.returncode, done.stderr) == (1, wanted)
    assert not (here / "none").exists()


def copied(here: Path, name: str) -> Path:
    return Path(shutil.copytree(here / "run", here / name))


def test_a_run_goes_on_with_the_numbers_of_one_that_was_never_stopped(
    here: Path, stopped: Answer, whole: Path
) -> None:
    folder = copied(here, "again")
    # Left by a process that died.
    (folder / LOCK).write_text("999999999\n")
    answer = spectrans("train", "--resume", "again", folder=here)
    assert answer.code == 0
    assert f"going on with again after step {survey(here / 'run').step}" in answer.err
    assert (folder / "metrics.jsonl").read_text() == (whole / "metrics.jsonl").read_text()
    assert (folder / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not (folder / "checkpoints").exists()
    assert not (folder / LOCK).exists()
    once_more = spectrans("train", "again", "--resume", folder=here)
    assert once_more.err.startswith("spectrans: the run must not be finished, to go on with it")
    assert once_more.code == 2


@pytest.mark.slow
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(
    here: Path, stopped: Answer, whole: Path
) -> None:
    folder = copied(here, "damaged")
    found = survey(folder)
    assert found.newest is not None
    weights = bytearray((found.newest / "optimizer.safetensors").read_bytes())
    weights[-1] ^= 1
    (found.newest / "optimizer.safetensors").write_bytes(weights)
    (folder / "checkpoints" / ".tmp-000999-1").mkdir()
    answer = spectrans("train", "--resume", "damaged", folder=here)
    assert answer.code == 0
    wrong = "damaged, optimizer.safetensors has another checksum than it was written with"
    assert f"passed over: checkpoint {found.newest.name} is {wrong}" in answer.err
    assert "passed over: checkpoint .tmp-000999-1 is half written" in answer.err
    assert f"after step {(found.step - 1) // 5 * 5}" in answer.err
    assert (folder / "metrics.jsonl").read_text() == (whole / "metrics.jsonl").read_text()


def test_a_folder_in_use_is_refused(here: Path, stopped: Answer) -> None:
    folder = copied(here, "used")
    with locked(folder):
        answer = spectrans("train", "--resume", "used", folder=here)
    assert answer.code == 2
    assert re.fullmatch(
        r"spectrans: the folder of a run must not be in use, process \d+ trains in it, got 'used'\n",
        answer.err,
    )


def test_data_that_changed_are_refused(here: Path, stopped: Answer, tmp_path: Path) -> None:
    shutil.copytree(here / "run", tmp_path / "run")
    write_table(tmp_path / "colours.csv", rows=61)
    answer = spectrans("train", "--resume", "run", folder=tmp_path)
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == (
        "spectrans: run was begun with other data of the name 'colours.csv': "
        "bring them back, or start a new run"
    )


@pytest.mark.slow
def test_sigterm_ends_with_143(here: Path) -> None:
    answer = stop(here, "ended", signal.SIGTERM)
    assert answer.code == 143
    assert "which is saved: spectrans train --resume ended goes on from there" in answer.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_too_little_memory_is_said_with_what_to_lower(here: Path) -> None:
    limited = "import resource as r; r.setrlimit(r.RLIMIT_AS, (6 << 30, 6 << 30)); "
    run = f"{limited} from spectrans.cli import main; main()"
    large = ("--hidden-dim", "1024", "--batch-size", "60", "--layers", "40", "--steps", "1", "-q")
    done = subprocess.run(
        [COMMAND[0], "-c", run, "train", "--data", "colours.csv", "-p", "attention", *large],
        cwd=here, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "out of memory with 42 rows of up to" in done.stderr
    assert "--accumulate 2 needs less" in done.stderr


@pytest.mark.slow
def test_minutes_are_a_budget(here: Path) -> None:
    answer = spectrans(*TRAIN[:-6], "--minutes", "0.03", "--json", "-o", "timed", "-q", folder=here)
    assert (answer.code, answer.err) == (0, "")
    metrics = json.loads(answer.out)["metrics"]
    assert 1.8 <= metrics["seconds"] < 10
    history = (here / "timed" / "metrics.jsonl").read_text().splitlines()
    rates = [json.loads(line).get("learning_rate") for line in history]
    assert [rate for rate in rates if rate is not None][-1] < 2e-3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits files as Linux does")
def test_a_full_disk_keeps_what_was_saved(here: Path, stopped: Answer) -> None:
    folder = copied(here, "full")
    # A file that is too large for the limit: the system says so as it does of a full disk.
    run = (
        "import resource as r, signal as s; s.signal(s.SIGXFSZ, s.SIG_IGN);"
        "r.setrlimit(r.RLIMIT_FSIZE, (2000, 2000));"
        "from spectrans.cli import main; main()"
    )
    before = survey(folder)
    done = subprocess.run(
        [COMMAND[0], "-c", run, "train", "--resume", "full"],
        cwd=here, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "file too large" in done.stderr
    assert "bytes are needed" in done.stderr
    assert "what was saved before is kept, spectrans train --resume full" in done.stderr
    assert survey(folder) == before
