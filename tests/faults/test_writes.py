"""Where commands write: into the folder that was named, and into no other but the documented ones."""

import os
from pathlib import Path

import pytest
from transformers import BertConfig, BertModel

from tests.cli.command import write_table
from tests.cli.made import make_run
from tests.faults.watched import alone, commands

SIZES = ("-p", "gfnet,attention", "--layers", "2", "--hidden-dim", "8", "--heads", "2", "--steps", "2")  # fmt: skip
# What stands in a working folder before.
GIVEN = {"colours.csv", "bert", "run"}
CONVERT = """
from spectrans.pretrained import load
load("bert").model.save_pretrained("out")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A working folder with a home and a folder for temporary files beside it."""
    for name in ("work", "home", "temporary"):
        (tmp_path / name).mkdir()
    return tmp_path / "work"


def watched(place: Path) -> dict[str, str]:
    home = place.parent
    return {
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "temporary"),
        "WATCHED_WRITES": str(home / "told"),
        # What Python itself keeps of modules is no business of a command.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def stray(place: Path, folder: str) -> list[str]:
    """What was written outside of a folder; of that beside it that is left, too."""
    home = place.parent
    told = set((home / "told").read_text().splitlines())
    assert any(path.startswith(str(place / folder)) for path in told)
    # What is made beside a folder to become it as a whole; folders that are there already.
    told = {path for path in told if not path.startswith(f"{place}/.exporting-")}
    told -= {str(place), f"{home}/temporary"}
    # A library in C tells nobody: what it leaves lies in one of these.
    told |= {str(path) for path in (home / "home").rglob("*")}
    told |= {str(path) for path in place.iterdir() if path.name not in GIVEN}
    # SECURITY.md names them.
    fonts = [f"{home}/home/.{kind}" for kind in ("cache", "config")]
    allowed = (str(place / folder), f"{home}/temporary/", *(f"{one}/matplotlib" for one in fonts))
    return [p for p in told if not (p.startswith(allowed) or p in (*fonts, os.devnull))]


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("out", ("train", "--data", "colours.csv", *SIZES, "-o", "out")),
        ("run", ("report", "run")),
        pytest.param("out", ("export", "run", "--to", "both", "-o", "out"), marks=pytest.mark.slow),
        pytest.param(
            "out",
            ("compare", "--data", "colours.csv", *SIZES, "-p", "fourier", "--seeds", "1", "-o", "out"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["train", "report", "export", "compare"],
)  # fmt: skip
def test_a_command_writes_into_the_folder_that_was_named(
    folder: str, words: tuple[str, ...], place: Path
) -> None:
    make_run(place / "run", source=str(write_table(place / "colours.csv")))
    done = commands(words, folder=place, **watched(place))
    assert done.returncode == 0, done.stderr
    assert stray(place, folder) == []


def test_foreign_weights_are_converted_into_the_folder_that_was_named(place: Path) -> None:
    config = BertConfig(vocab_size=50, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)  # fmt: skip
    BertModel(config).save_pretrained(place / "bert")
    done = alone(CONVERT, place, **watched(place))
    assert done.returncode == 0, done.stderr
    assert stray(place, "out") == []


@pytest.mark.parametrize(
    "write",
    [
        "open('../stray', 'w')",
        "os.mkdir('../stray')",
        "os.rename('here', '../stray')",
        "os.symlink('here', '../stray')",
        "os.mkdir('stray', dir_fd=os.open('..', os.O_RDONLY))",
        "os.symlink('../..', 'out/up'); open('out/up/stray', 'w')",
        "subprocess.run([sys.executable, '-c', 'open(\"../stray\", \"w\")'])",
    ],
)
def test_the_look_out_sees_what_is_written_elsewhere(write: str, place: Path) -> None:
    begin = "import os, subprocess, sys; os.mkdir('out'); open('out/here', 'w'); open('here', 'w');"
    done = alone(begin + write, place, **watched(place))
    assert done.returncode == 0, done.stderr
    assert str(place.parent / "stray") in stray(place, "out")
