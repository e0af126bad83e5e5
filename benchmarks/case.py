"""What a case is: two pieces of work on the same input, and how their results must relate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

Result = tuple[Tensor, ...]
Work = Callable[[], Result]
# Gets the case's sizes by name. The seed is set before each call, so that two builders that draw
# the same numbers first get the same input and weights.
Builder = Callable[..., Work]


class UnequalError(Exception):
    """The results of a case do not relate as they must, so its times would mean nothing."""


class Check(Protocol):
    """How the results of both sides must relate; gives the error that is reported."""

    def __call__(self, ours: Result, peer: Result, truth: Result | None) -> float | None:
        """Give the error of our result, or raise `UnequalError`."""
        ...


@dataclass(frozen=True)
class Equal:
    """Ours equals the peer's, up to an error relative to the root mean square."""

    tolerance: float

    def __call__(self, ours: Result, peer: Result, truth: Result | None) -> float:
        return _within(self.tolerance, error(ours, peer), "the peer's result")


@dataclass(frozen=True)
class EqualsTruth:
    """Ours equals a third computation, because the peer computes another function by design."""

    tolerance: float

    def __call__(self, ours: Result, peer: Result, truth: Result | None) -> float:
        assert truth is not None, "a case with this check has a truth"
        return _within(self.tolerance, error(ours, truth), "the reference")


@dataclass(frozen=True)
class NoWorse:
    """Both sides approximate a truth, and our error is not the larger one, by the mean square."""

    def __call__(self, ours: Result, peer: Result, truth: Result | None) -> float:
        assert truth is not None, "a case with this check has a truth"
        allowed, found = mean_error(peer, truth), mean_error(ours, truth)
        return _within(allowed, found, "the exact result")


@dataclass(frozen=True)
class NoResult:
    """There is nothing to compare, for a reason that the table repeats."""

    reason: str

    def __call__(self, ours: Result, peer: Result, truth: Result | None) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table.

    Parameters
    ----------
    name
        Unique; what `--filter` searches.
    family
        Heading it stands under.
    sizes
        Keyword arguments of the builders.
    ours
        Builds our side.
    peer
        Builds the other side.
    against
        The other side in words.
    check
        How the results must relate.
    truth
        Builds the third computation that some checks need.
    check_sizes
        Sizes to check at instead, where the truth would take too long.
    target
        Least peer time over our time, on one thread.
    memory_target
        Greatest peak memory of ours over the peer's.
    short
        Whether it belongs to the short set.
    one_thread
        Whether more threads say nothing new about it.
    elsewhere
        Whether the work is done by other processes, whose time this one's clock does not count.
    slow
        Whether one run takes so long that two rounds without a warm-up must do.
    """

    name: str
    family: str
    sizes: dict[str, int]
    ours: Builder
    peer: Builder
    against: str
    check: Check
    truth: Builder | None = None
    check_sizes: dict[str, int] = field(default_factory=dict)
    target: float | None = None
    memory_target: float | None = None
    short: bool = False
    one_thread: bool = False
    elsewhere: bool = False
    slow: bool = False

    def build(self, arm: str, sizes: dict[str, int] | None = None) -> Work:
        """Build one side, "ours", "peer" or "truth", from the same seed as the others."""
        builder: Builder = getattr(self, arm)
        torch.manual_seed(0)
        return builder(**(sizes or self.sizes))

    def verify(self, ours: Work, peer: Work) -> float | None:
        """Give the error of our result, or raise `UnequalError`."""
        if self.check_sizes:
            sizes = self.sizes | self.check_sizes
            ours, peer = self.build("ours", sizes), self.build("peer", sizes)
        truth = None
        if self.truth is not None:
            truth = self.build("truth", self.sizes | self.check_sizes)()
        return self.check(ours(), peer(), truth)


def error(got: Result, wanted: Result) -> float:
    """Give the largest difference over the root mean square of what is wanted."""
    if len(got) != len(wanted):
        raise UnequalError(f"{len(got)} tensors against {len(wanted)}")
    worst = 0.0
    for one, other in zip(got, wanted, strict=True):
        if one.shape != other.shape:
            raise UnequalError(f"shape {tuple(one.shape)} against {tuple(other.shape)}")
        wide = other.double()
        difference = (one.double() - wide).abs().max() / wide.square().mean().sqrt()
        # A NaN is larger than everything.
        worst = max(worst, float(difference.nan_to_num(torch.inf)))
    return worst


def mean_error(got: Result, wanted: Result) -> float:
    """Give the root mean square of the difference over that of what is wanted."""
    parts = [(one.double() - other.double(), other) for one, other in zip(got, wanted, strict=True)]
    missed = sum(float(difference.square().sum()) for difference, _ in parts)
    return (missed / sum(float(other.double().square().sum()) for _, other in parts)) ** 0.5


def _within(bound: float, found: float, of: str) -> float:
    if not found <= bound:
        raise UnequalError(f"error {found:.1e} against {of}, allowed {bound:.1e}")
    return found
