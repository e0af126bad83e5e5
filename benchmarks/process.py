"""Workers as seen by the process that gives the orders."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

ROOT = Path(__file__).parent.parent
Malloc = Literal["kept", "default", "returned"]

# Read by glibc when a process starts. Kept: freed memory stays with the process, so that no call
# pays for page faults, which otherwise make identical work differ by a factor of two. Returned: all
# of it goes back at once, so that the resident set is what is in use.
MALLOC: dict[Malloc, dict[str, str]] = {
    "kept": {
        "MALLOC_MMAP_THRESHOLD_": "4000000000",
        "MALLOC_TRIM_THRESHOLD_": "4000000000",
        "MALLOC_TOP_PAD_": "400000000",
    },
    "default": {},
    "returned": {"MALLOC_MMAP_THRESHOLD_": "65536"},
}


class RefusedError(Exception):
    """A case that may not be timed: its results are unequal."""


class BrokenError(Exception):
    """A worker that ended: the case cannot be built or run there."""


class Process:
    """A worker process; asks one thing at a time.

    Parameters
    ----------
    malloc
        What freed memory does.
    library
        Folder to import the library from; None takes this checkout's.
    """

    def __init__(self, malloc: Malloc, library: Path | None = None) -> None:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        path = os.pathsep.join(str(p) for p in (library or ROOT / "src", ROOT))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
        environment |= MALLOC[malloc] | {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            cwd=ROOT,
            text=True,
        )

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.child.kill()
        self.child.communicate()
        self.errors.close()

    def ask(self, do: str, **arguments: Any) -> Any:
        """Give a worker's answer.

        Raises
        ------
        RefusedError
            The results of the case are unequal.
        BrokenError
            The worker ended.
        """
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        try:
            self.child.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise BrokenError(self._last_words()) from None
        line = self.child.stdout.readline()
        if not line:
            raise BrokenError(self._last_words())
        answer = json.loads(line)
        if "unequal" in answer:
            raise RefusedError(answer["unequal"])
        return answer["value"]

    def _last_words(self) -> str:
        self.child.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else f"exit code {self.child.returncode}"
