"""What an export found out, as data and as text."""

from dataclasses import dataclass
from pathlib import Path

from spectrans.export.check import Speed
from spectrans.export.metadata import Metadata


@dataclass(frozen=True)
class Attempt:
    """One way to export the model: its route, and its error and speed or why it was refused."""

    route: str | None
    max_relative_error: float | None
    speed: Speed | None
    refused: str | None = None

    def __str__(self) -> str:
        """Give one line."""
        name = self.route or "no transform"
        if self.refused is not None:
            return f"{name}: refused, {self.refused}"
        assert self.speed is not None
        return f"{name}: error {self.max_relative_error:.1e}, {self.speed.ratio:.2f}x eager's speed"


@dataclass(frozen=True)
class Report:
    """Where an exported model went, how right it is and how fast.

    Parameters
    ----------
    path
        The file.
    bytes
        Its size.
    metadata
        What the file says of itself: inputs, output, lengths, route, opset, error.
    speed
        Times of the exported model and of the model itself, in turn on one batch.
    threads
        Threads that both had.
    probes
        Rows and lengths whose answers were compared.
    attempts
        Every route that was tried, the one in the file among them.
    """

    path: Path
    bytes: int
    metadata: Metadata
    speed: Speed
    threads: int
    probes: tuple[tuple[int, int], ...]
    attempts: tuple[Attempt, ...]

    @property
    def max_relative_error(self) -> float:
        """Give the largest difference over the largest value, of all probes."""
        return self.metadata.max_relative_error

    @property
    def speed_ratio(self) -> float:
        """Give the speed over eager's: below 1 the exported model is slower."""
        return self.speed.ratio

    def __str__(self) -> str:
        """Give a few lines to print."""
        found, speed = self.metadata, self.speed
        low, high = found.lengths
        form = found.format if found.opset is None else f"{found.format}, opset {found.opset}"
        lengths = f"{low} tokens" if low == high else f"{low} to {high or 'any number of'} tokens"
        tried = [a for a in self.attempts if a.route != found.route]
        lines = [
            f"file    {self.path}, {self.bytes:,} bytes, {form}",
            f"input   {', '.join(found.inputs)}: any number of rows, {lengths}",
            f"output  {found.output}",
            f"error   {self.max_relative_error:.1e} relative, worst of {len(self.probes)} probes",
            f"speed   {speed.ratio:.2f}x eager on {speed.rows} x {speed.length} tokens, "
            f"{self.threads} threads: {speed.exported_ms:.2f} ms for {speed.eager_ms:.2f} ms",
            f"route   {found.route or 'no transform'}",
            *(f"        {attempt}" for attempt in tried),
        ]
        return "\n".join(lines)
