"""Counting faults."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Tally:
    """How many faults were tried, and how many of them did no harm."""

    tried: int = 0
    held: int = 0

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Try one fault; what fails meanwhile is harm."""
        self.tried += 1
        yield
        self.held += 1
