"""Ctrl-C while rows are scored or answered: at once, in a sentence, and nothing is lost."""

import json
import re
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from spectrans.training.checkpoint import survey
from tests.cli.command import COMMAND, ENVIRONMENT, spectrans
from tests.cli.made import WORDS, write_lines

# Seconds until a busy machine has loaded a model.
PATIENCE = 120


def started(folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts with & ignores Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=PATIENCE)


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answering all of it takes minutes."""
    rows = ({"text": f"{n:06d}", "label": WORDS[n % 3]} for n in range(200_000))
    return write_lines(tmp_path_factory.mktemp("long") / "long.jsonl", rows)


def test_predict_ends_with_whole_lines_and_their_number(workplace: Path, long_file: Path) -> None:
    run = ("predict", "runs/texts", "--file", long_file, "--json")
    with started(workplace, *run) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        # Not by `communicate`, which knows nothing of lines that came with the first one.
        out, err = process.stdout.read(), process.stderr.read()
    assert process.returncode == 130
    found = re.fullmatch(r"spectrans: interrupted after ([\d,]+) rows\n", err.splitlines(True)[-1])
    assert found
    answers = [json.loads(line) for line in (first + out).splitlines()]
    assert [answer["row"] for answer in answers] == [*range(1, len(answers) + 1)]
    assert 0 <= len(answers) - int(found[1].replace(",", "")) <= 1


def test_predict_leaves_no_part_of_a_file(workplace: Path, long_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    process = started(workplace, "predict", "runs/texts", "--file", long_file, "--out", out)
    end = time.monotonic() + PATIENCE
    while not any(path.stat().st_size for path in tmp_path.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.01)
    _, err = interrupt(process)
    assert process.returncode == 130
    told = rf"spectrans: interrupted after [\d,]+ rows: {out} is written only when it is whole\n"
    assert re.fullmatch(told, err.splitlines(True)[-1])
    assert list(tmp_path.iterdir()) == []


def test_evaluate_ends_at_once(workplace: Path, long_file: Path) -> None:
    process = started(workplace, "evaluate", "runs/pieces", "--data", long_file)
    assert process.stderr is not None
    # Said before the first row is scored.
    assert "rows were cut" in process.stderr.readline()
    out, err = interrupt(process)
    assert (process.returncode, out, err) == (130, "", "spectrans: interrupted\n")


@pytest.mark.slow
def test_train_leaves_an_evaluation_off_and_makes_up_for_it_later(
    long_file: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    lines = long_file.read_text().splitlines(keepends=True)
    for name, rows in (("train", 80), ("validation", 4000), ("test", 10)):
        (data / f"{name}.jsonl").write_text("".join(lines[:rows]))
        del lines[:rows]
    run = (
        "train", "--data", data, "--plan", "attention", "--layers", "1", "--hidden-dim", "8", "--heads",
        "2", "--batch-size", "8", "--steps", "20", "--save-every", "100",
    )  # fmt: skip
    process = started(tmp_path, *run, "-o", "cut")
    assert process.stderr is not None
    # Ten steps are an epoch: this line comes before the rows to choose by are scored.
    while not process.stderr.readline().startswith("step 10/20"):
        assert process.poll() is None
    _, err = interrupt(process)
    stopped = "spectrans: stopped after step 10 of 20, which is saved: spectrans train --resume cut"
    assert err.splitlines()[-1] == f"{stopped} goes on from there"
    assert process.returncode == 130
    assert survey(tmp_path / "cut").step == 10
    assert spectrans("train", "--resume", "cut", "-q", folder=tmp_path).code == 0
    assert spectrans(*run, "-o", "whole", "-q", folder=tmp_path).code == 0
    measured = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("cut", "whole")]
    assert measured[0] == measured[1]
