"""Small cases with known answers, for the tests of the benchmark."""

from typing import Any

import torch

from benchmarks.case import Case, Equal, EqualsTruth, NoResult, NoWorse, Work

MIB = 2**20


def numbers(n: int, plus: float = 0.0) -> Work:
    x = torch.randn(n) + plus
    return lambda: (x,)


def takes(n: int, mib: int) -> Work:
    """Give work that holds two tensors of so many MiB at once, after a larger build."""
    torch.zeros(3 * mib * MIB, dtype=torch.uint8).fill_(1)

    def work() -> tuple[torch.Tensor, ...]:
        first = torch.ones(mib * MIB, dtype=torch.uint8)
        return (first + 1,)

    return work


def shifted(n: int) -> Work:
    return numbers(n, plus=0.1)


def twice_shifted(n: int) -> Work:
    return numbers(n, plus=0.2)


_SHARED: Any = {"family": "test", "sizes": {"n": 8}, "against": "itself"}

CASES = {
    case.name: case
    for case in (
        Case(name="equal", ours=numbers, peer=numbers, check=Equal(1e-6), **_SHARED),
        Case(name="unequal", ours=numbers, peer=shifted, check=Equal(1e-6), **_SHARED),
        Case(
            name="unlike the truth",
            ours=shifted,
            peer=shifted,
            truth=numbers,
            check=EqualsTruth(1e-6),
            **_SHARED,
        ),
        Case(
            name="better",
            ours=shifted,
            peer=twice_shifted,
            truth=numbers,
            check=NoWorse(),
            **_SHARED,
        ),
        Case(
            name="worse",
            ours=twice_shifted,
            peer=shifted,
            truth=numbers,
            check=NoWorse(),
            **_SHARED,
        ),
        Case(
            name="memory",
            family="test",
            sizes={"n": 8},
            ours=lambda n: takes(n, 40),
            peer=lambda n: takes(n, 80),
            against="twice as much",
            check=NoResult("sizes differ"),
        ),
    )
}
