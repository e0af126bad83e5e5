"""The page on adding a mixer, followed to the letter in a copy of the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.terminal import Shell
from tests.repository_copy import ROOT, copied
from tests.shell_lines import fences

PAGE = ROOT / "docs" / "add-a-mixer.md"
NEW = re.compile(r"^```python\n# (\S+)\n(.*?)^```", re.M | re.S)
CHANGED = re.compile(r"^```diff\n\+\+\+ (\S+)\n(.*?)^```", re.M | re.S)


def changed(text: str, hunks: str) -> str:
    """A file with the hunks of a fence applied, each at the one place that it fits."""
    for hunk in hunks.removeprefix("@@\n").split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        before, after = (
            "".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +")
        )
        assert text.count(before) == 1, f"stands {text.count(before)} times there:\n{before}"
        text = text.replace(before, after)
    return text


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the edits of the page."""
    copy = copied(tmp_path_factory.mktemp("repository"))
    page = PAGE.read_text("utf-8")
    for name, text in NEW.findall(page):
        assert not (copy / name).exists()
        (copy / name).write_text(text, "utf-8")
    for name, hunks in CHANGED.findall(page):
        file = copy / name
        file.write_text(changed(file.read_text("utf-8"), hunks), "utf-8")
    return copy


@pytest.mark.parametrize(
    "file", ["tests/test_contract.py", "tests/test_tensors.py"], ids=["contract", "bad input"]
)
def test_a_mixer_made_by_the_page_passes(followed: Path, file: str) -> None:
    pytest_of_its_own = ["-p", "no:cacheprovider", "-q", "--no-header"]
    chosen = "convolution"
    run = [sys.executable, "-m", "pytest", *pytest_of_its_own, file, "-k", chosen]
    # The copy comes before the installed library.
    environment = {"PYTHONPATH": f"{followed / 'src'}", "PATH": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        run, cwd=followed, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 30


def test_the_page_has_four_edits() -> None:
    page = PAGE.read_text("utf-8")
    assert re.findall(r"^## (\d)\. ", page, re.M) == ["1", "2", "3", "4"]
    parts = re.split(r"^## ", page, flags=re.M)
    assert all(NEW.search(part) or CHANGED.search(part) for part in parts[1:])


@pytest.mark.slow
def test_the_lines_of_the_page_run_in_the_copy(
    followed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(followed / "src"))
    # What runs in the copy is none of what a measurement of coverage is about.
    for name in [name for name in os.environ if name.startswith("COV")]:
        monkeypatch.delenv(name)
    lines = [line for fence in fences(PAGE) for line in fence.lines]
    shell = Shell(followed)
    try:
        assert len([shell.run(line) for line in lines]) == 2
    finally:
        shell.close()
