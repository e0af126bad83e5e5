"""Workers as seen by the process that gives the orders."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    imports
        Modules that all cases share.
    """

    def __init__(
        self, malloc: Malloc, library: Path | None = None, imports: tuple[str, ...] = ()
    ) -> None:
        self.malloc = malloc
        self.serving = False
        self.imports = imports
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

    @contextmanager
    def fresh(self) -> Iterator[int]:
        """Give the id of a fresh process that answers meanwhile."""
        child = self._answer({"imports": self.imports})
        self.serving = True
        try:
            yield child
        finally:
            if self.serving:
                self.serving = False
                self._answer({"do": "stop"})

    def ask(self, do: str, **arguments: Any) -> Any:
        """Give a worker's answer.

        Raises
        ------
        RefusedError
            The results of the case are unequal.
        BrokenError
            The worker ended.
        """
        return self._answer({"do": do, **arguments})

    def _answer(self, request: dict[str, Any]) -> Any:
        assert self.child.stdout is not None
        self._write(request)
        line = self.child.stdout.readline()
        answer = json.loads(line) if line else {"broken": self.child.wait()}
        if "broken" in answer:
            self.serving = False
            raise BrokenError(self._last_words())
        if "unequal" in answer:
            raise RefusedError(answer["unequal"])
        return answer["value"]

    def _write(self, request: dict[str, Any]) -> None:
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise BrokenError(self._last_words()) from None

    def _last_words(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else "a process was killed"
