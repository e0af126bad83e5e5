"""What a shell gets when TAB is pressed, by the variables with which it asks."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from spectrans.cli import completion
from spectrans.data import names
from spectrans.data.sources import FORMATS
from spectrans.mixers import MIXERS
from spectrans.training.compare import REQUEST
from spectrans.training.record import RECORD
from tests.cli.command import COMMAND


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with two runs, one more folder, and two files."""
    (tmp_path / "runs" / "digits-001").mkdir(parents=True)
    (tmp_path / "runs" / "digits-001" / RECORD).write_text(json.dumps({}))
    (tmp_path / "runs" / "digits-002").mkdir()
    (tmp_path / "runs" / "digits-002" / REQUEST).touch()
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "reviews.csv").touch()
    (tmp_path / "reviews.pdf").touch()
    return tmp_path


def offered(words: str, folder: Path) -> list[str]:
    """What bash is told when TAB is pressed after some words."""
    asked = {
        "_SPECTRANS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    program = ["-c", "from spectrans.cli import main; main()"]
    done = subprocess.run(
        [COMMAND[0], *program],
        cwd=folder,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("spectrans tr", ["train"]),
        ("spectrans data ch", ["check"]),
        ("spectrans plans wav", ["wavelet"]),
        ("spectrans train --plan 3xgfnet,att", ["3xgfnet,attention"]),
        ("spectrans compare -p 2xl", ["2xlst"]),
        ("spectrans train --plan lst(form=gated),att", ["lst(form=gated),attention"]),
        ("spectrans train --plan wavelet(", []),
        ("spectrans train --data languages1", ["languages128"]),
        ("spectrans train --data rev", ["reviews.csv"]),
        ("spectrans predict ", ["runs/digits-001", "runs/digits-002"]),
        ("spectrans predict runs/digits-001 --exa", ["--example"]),
    ],
)
def test_names_paths_and_options_are_offered(here: Path, words: str, wanted: list[str]) -> None:
    assert offered(words, here) == wanted


def test_a_folder_without_runs_is_offered_to_go_on_in(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    assert completion.runs("ru") == ["runs/"]
    assert completion.runs("nowhere/") == []


def test_the_names_are_those_of_the_library() -> None:
    assert set(completion.MIXERS) == {
        name for name, options in MIXERS.items() if options.__module__.startswith("spectrans.")
    }
    assert tuple(names()) == completion.DATA
    assert tuple(FORMATS) == completion.FORMATS


def test_completing_imports_nothing_slow() -> None:
    program = (
        "import sys; from spectrans.cli import completion;"
        "completion.plans('2x'), completion.data('d'), completion.runs('');"
        "sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([COMMAND[0], "-c", program], check=False).returncode == 0
