"""The page on adding a mixer, followed to the letter in a copy of the repository."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "add-a-mixer.md"
NEW = re.compile(r"^```python\n# (\S+)\n(.*?)^```", re.M | re.S)
CHANGED = re.compile(r"^```diff\n\+\+\+ (\S+)\n(.*?)^```", re.M | re.S)
COPIED = ("src", "tests", "docs", "benchmarks", "examples", "scripts")


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
    copy = tmp_path_factory.mktemp("repository")
    ignored = shutil.ignore_patterns("__pycache__", "*.png", "*.egg-info")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for file in ROOT.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, copy)
    page = PAGE.read_text("utf-8")
    for name, text in NEW.findall(page):
        assert not (copy / name).exists()
        (copy / name).write_text(text, "utf-8")
    for name, hunks in CHANGED.findall(page):
        file = copy / name
        file.write_text(changed(file.read_text("utf-8"), hunks), "utf-8")
    return copy


@pytest.mark.parametrize(
    ("file", "chosen"),
    [
        ("tests/test_contract.py", "convolution"),
        ("tests/test_tensors.py", "convolution"),
        pytest.param(
            *("tests/test_repository.py", "convolution or file or import or described or place"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["contract", "bad input", "repository"],
)
def test_a_mixer_made_by_the_page_passes(followed: Path, file: str, chosen: str) -> None:
    pytest_of_its_own = ["-p", "no:cacheprovider", "-q", "--no-header"]
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
