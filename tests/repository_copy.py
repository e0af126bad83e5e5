"""A copy of the repository, where a line of a page may change files and `make` has nothing to install."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "docs", "benchmarks", "examples", "scripts")
STAMPS = (".installed", ".installed-docs", ".installed-bench")


def copied(copy: Path) -> Path:
    """Copy what is no picture, and lend the copy this environment."""
    ignored = shutil.ignore_patterns("__pycache__", "*.png", "*.egg-info")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for file in ROOT.iterdir():
        if file.is_file() and file.name not in (".git", ".coverage"):
            shutil.copy(file, copy)
    environment = copy / ".venv"
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name not in STAMPS:
            (environment / part.name).symlink_to(part)
    # The environment is as new as can be: `make` would install the copy into it.
    for name in ("pyproject.toml", "constraints.txt"):
        os.utime(copy / name, (0, 0))
    for name in STAMPS:
        (environment / name).touch()
    return copy
