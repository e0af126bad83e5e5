"""How fast rows are done, said on the way."""

import time
from types import TracebackType

from rich.console import Console

# Seconds between two lines where there is no terminal.
EVERY = 10.0


class Pace:
    """Counts rows, and shows how many were done in a second.

    Parameters
    ----------
    console
        Where to show it.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.status = console.status("") if console.is_terminal and not console.quiet else None
        self.rows = 0
        self.start = self.shown = time.perf_counter()

    def __enter__(self) -> "Pace":
        if self.status is not None:
            self.status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.status is not None:
            self.status.stop()

    def __call__(self) -> None:
        """Count a row."""
        self.rows += 1
        now = time.perf_counter()
        if self.status is not None and now - self.shown > 0.2:
            self.status.update(str(self))
            self.shown = now
        elif self.status is None and now - self.shown > EVERY:
            self.console.print(str(self))
            self.shown = now

    def __str__(self) -> str:
        speed = self.rows / max(1e-9, time.perf_counter() - self.start)
        return f"{self.rows:,} rows, {speed:,.0f} rows/s"
