"""Programs that may not speak to anybody, and whose writes are told."""

import os
import subprocess
import sys
from pathlib import Path

# Its sitecustomize.py comes first in every Python that a program starts, too.
WATCHING = Path(__file__).parent / "watching"
MAIN = """
import sys
from spectrans.cli import main
for words in {commands!r}:
    sys.argv = ["spectrans", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (words, end.code)
"""


def environment(**variables: str) -> dict[str, str]:
    """Nothing but what a program needs to be found and watched."""
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(WATCHING), **variables}


def alone(program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program that fails where it speaks to the network, with nothing else in its environment."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


def commands(
    *several: tuple[str, ...], folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run commands one after the other in one process that is watched; each must end well."""
    return alone(MAIN.format(commands=several), folder, **variables)
