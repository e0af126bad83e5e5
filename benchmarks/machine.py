"""Where and from what the numbers come."""

import os
import platform
import subprocess
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from benchmarks.process import ROOT

_PACKAGES = (
    "torch",
    "transformers",
    "performer-pytorch",
    "pytorch-wavelets",
    "ptwt",
    "torch-dct",
    "numpy",
)


def cores() -> int:
    """Give the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, str | int]:
    """Give processor, memory and system."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": _memory(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Give the versions of torch and of the peers that are installed."""
    installed = {}
    for name in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed


def commit(of: Path = ROOT) -> str:
    """Give the commit of a checkout, marked where its code differs from it."""
    git = ["git", "-C", str(of)]
    asked = [*git, "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        return "unknown"
    changed = [*git, "diff", "--quiet", "HEAD", "--", "src", "benchmarks/*.py"]
    dirty = subprocess.run(changed, check=False).returncode
    return done.stdout.strip() + ("-dirty" if dirty else "")


def uncommitted(of: Path) -> list[str]:
    """Give the files of library, tests and benchmarks that the commit says nothing of."""
    asked = ["git", "-C", str(of), "status", "--porcelain", "--", "src", "tests", "benchmarks/*.py"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return [line[3:] for line in told.splitlines()]


class Others:
    """How busy other processes are, from when this is made.

    Parameters
    ----------
    own
        A process that does not count.
    """

    def __init__(self, own: int) -> None:
        self.own = own
        self.start, self.before = time.perf_counter(), self._ticks()

    def busy(self) -> float | None:
        """Give the mean number of cores that other processes were running on."""
        now = self._ticks()
        if now is None or self.before is None:
            return None
        seconds = (now - self.before) / os.sysconf("SC_CLK_TCK")
        return max(0.0, seconds / (time.perf_counter() - self.start))

    def _ticks(self) -> int | None:
        """Give the clock ticks that all processes but one, and its children, have run for."""
        whole = Path("/proc/stat")
        if not whole.exists():
            return None
        user, nice, system = (int(n) for n in whole.read_text().split()[1:4])
        # After the name, which may hold spaces: utime, stime, cutime and cstime are 14 to 17.
        fields = Path(f"/proc/{self.own}/stat").read_text().rpartition(")")[2].split()
        return user + nice + system - sum(int(n) for n in fields[11:15])


def _processor() -> str:
    """Give the processor's name and its widest instructions, which decide most of the speed."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = info.read_text().split("\n\n")[0].splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    fields = {key.strip(): value.strip() for key, value in pairs}
    name = fields.get("model name", platform.machine())
    flags = fields.get("flags", "").split()
    widest = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name} ({' '.join(widest)})" if widest else name


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
