"""What the command line runs on: processor, memory allocator, and where runs are written."""

import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from spectrans.training.pool import cores
from spectrans.transforms import routes

# Where less is free, a run may not fit.
FEW_BYTES = 2**30


def facts() -> dict[str, Any]:
    """Give what speed depends on, as plain data."""
    cuda = torch.cuda.is_available()
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "fast_products": fast_products(),
        "allocator": allocator(),
    }


def fast_products() -> bool:
    """Say whether large products in inference take oneDNN, where that was measured faster."""
    # A product that is large enough, of no memory at all.
    return routes.onednn(2**20, torch.empty(1024, 1024, device="meta"), torch.float32)


def allocator() -> dict[str, str]:
    """Give the settings of the memory allocator that the environment makes."""
    names = ("MALLOC_", "LD_PRELOAD", "GLIBC_TUNABLES", "DYLD_INSERT_LIBRARIES")
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(names)}


def writing(folder: Path) -> tuple[float, int]:
    """Write and bring to disk a small file where a folder is or would be made.

    Parameters
    ----------
    folder
        A folder, or a name for one.

    Returns
    -------
    tuple
        Seconds that took, and the bytes that are free there.

    Raises
    ------
    OSError
        It cannot be written.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    start = time.perf_counter()
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(b"spectrans")
        file.flush()
        os.fsync(file.fileno())
    return time.perf_counter() - start, shutil.disk_usage(place).free


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
