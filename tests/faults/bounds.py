"""Time and memory that something may take, whatever else the machine does."""

import resource
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

import pyarrow as pa

Found = TypeVar("Found")


def seconds(body: Callable[[], Found]) -> tuple[Found, float]:
    """Do something, and give the seconds that this process was at work on it."""
    start = time.process_time()
    found = body()
    return found, time.process_time() - start


def peak() -> float:
    """Give the most memory that this process ever held, of any library, in mebibytes."""
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def mebibytes(body: Callable[[], Found]) -> tuple[Found, float]:
    """Do something, and give the most memory that it held at one time, of Python and of Arrow."""
    before = pa.default_memory_pool()
    arrow = pa.proxy_memory_pool(before)
    pa.set_memory_pool(arrow)
    tracemalloc.start()
    try:
        found = body()
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    return found, (most + (arrow.max_memory() or 0)) / 2**20
