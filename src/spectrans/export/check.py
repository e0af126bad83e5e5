"""Whether an exported model gives the model's answers, and how fast it is."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from spectrans.export.options import ExportOptions
from spectrans.export.program import Batch, Subject

Call = Callable[[Batch], Tensor]

# Lengths where transforms go wrong first: one, odd, prime, a power of two, and around it.
_LENGTHS = (1, 2, 3, 7, 16, 31, 64, 97)
# Timing stops after so many seconds, but not before three calls of each.
_SECONDS = 0.5


@dataclass(frozen=True)
class Speed:
    """Median times of one call, in milliseconds, on a batch of `rows` and `length`."""

    rows: int
    length: int
    eager_ms: float
    exported_ms: float

    @property
    def ratio(self) -> float:
        """Give how many calls of the exported model take as long as one of the model itself."""
        return self.eager_ms / self.exported_ms


def probe_shapes(
    subject: Subject,
    options: ExportOptions,
    lengths: tuple[int, int | None],
    doubted: list[int],
) -> list[tuple[int, int]]:
    """Give rows and lengths to try: short, odd, prime and doubted ones, the longest meant for."""
    low, high = lengths
    longest = options.length or min(subject.model.config.sequence_length, high or 2**31)
    asked = sorted({*_LENGTHS, low, longest - 1, longest})
    fit = [n for n in asked if low <= n <= min(max(longest, 97), high or 2**31)]
    doubts = [(rows, n) for n in doubted for rows in (1, 3)]
    return [*((1 + i % 3, n) for i, n in enumerate(fit)), *doubts]


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """Give the largest difference over the largest value; infinite for another shape or a NaN."""
    if found.shape != wanted.shape or not bool(found.isfinite().all()):
        return float("inf")
    gap = (found.double() - wanted.double()).abs().max()
    size = wanted.double().abs().max().clamp(min=torch.finfo(torch.float64).tiny)
    return float(gap / size)


def errors(subject: Subject, call: Call, shapes: list[tuple[int, int]]) -> Iterator[float]:
    """Give the relative error of every probe."""
    for seed, (rows, length) in enumerate(shapes):
        batch = subject.batch(rows, length, seed)
        yield relative_error(call(batch), subject.run(batch))


def default_tolerance(dtype: torch.dtype) -> float:
    """Give the error that is allowed unless the options say otherwise."""
    if dtype in (torch.float32, torch.float64):
        return 1e-5
    return 8 * torch.finfo(dtype).eps


def speed(subject: Subject, call: Call, rows: int, length: int) -> Speed:
    """Time the model and its exported form in turn, after two calls of each to warm up."""
    batch = subject.batch(rows, length)
    for _ in range(2):
        subject.run(batch)
        call(batch)
    times: tuple[list[float], list[float]] = ([], [])
    start = time.perf_counter()
    while len(times[0]) < 3 or time.perf_counter() - start < _SECONDS:
        for run, spent in zip((subject.run, call), times, strict=True):
            before = time.perf_counter()
            run(batch)
            spent.append(1000 * (time.perf_counter() - before))
    eager, exported = (median(spent) for spent in times)
    return Speed(rows, length, eager, exported)
