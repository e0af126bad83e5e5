"""What is seen of a search."""

from rich.console import Console

from spectrans.cli.progress import RunsView
from spectrans.cli.terminal import clock
from spectrans.search.run import Ended
from spectrans.search.tried import Found, Tried
from spectrans.training.pool import Event, Progressed
from spectrans.training.spec import RunSpec


class SearchView(RunsView):
    """Shows all trials of a search; call it with every event.

    Parameters
    ----------
    console
        Where to show it.
    found
        What was tried before.
    total
        Plans to try in all; None where a time decides.
    """

    def __init__(self, console: Console, found: Found, total: int | None) -> None:
        super().__init__(console, total, len(found.tried), "plans")
        self.lead = found.lead

    def __call__(self, event: Event | Ended) -> None:
        """Show an event."""
        if isinstance(event, Progressed):
            self._progress(event.job, event.progress)
        elif isinstance(event, Ended):
            self._end(event.job, self._outcome(event.tried))

    def _name(self, spec: RunSpec) -> str:
        return spec.plan

    def _outcome(self, tried: Tried) -> str:
        if tried.validation is None or tried.latency is None:
            return f"failed: {tried.reason}"
        early = f"  stopped after step {tried.steps:,}" if tried.state == "stopped" else ""
        shown = self.lead.show(tried.validation)
        return f"validation {shown}  {tried.latency:.2f} x attention  {clock(tried.seconds)}{early}"
