"""What is seen of training: live bars on a terminal, plain lines anywhere else."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from spectrans.cli.terminal import clock, plain, rate
from spectrans.training.comparison import Outcomes
from spectrans.training.pool import Event, Failed, Finished, Job, Progressed
from spectrans.training.progress import Progress as Report
from spectrans.training.spec import RunSpec

# Lines that a single run writes where there is no terminal.
LINES = 10


def _bars(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    return Progress(*columns, console=console, transient=True)


def _note(report: Report) -> str:
    """Say how a run is doing."""
    parts = [f"loss {report.loss:.2f}"]
    if report.validation is not None:
        parts.append(f"validation {report.metric.show(report.validation)}")
    parts += [rate(report.tokens_per_second), f"{clock(report.seconds_left)} left"]
    return "  ".join(parts)


class TrainView:
    """Shows one run; call it with every report.

    Parameters
    ----------
    console
        Where to show it.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = _bars(console) if console.is_terminal and not console.quiet else None
        self.task: TaskID | None = None
        self.shown = 0

    def __enter__(self) -> "TrainView":
        if self.bars is not None:
            self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bars is not None:
            self.bars.stop()

    def __call__(self, report: Report) -> None:
        """Show a report."""
        if self.bars is None:
            if report.step * LINES // report.total_steps > self.shown:
                self.shown = report.step * LINES // report.total_steps
                self.console.print(f"step {report.step}/{report.total_steps}  {_note(report)}")
            return
        if self.task is None:
            self.task = self.bars.add_task("training", total=report.total_steps, note="")
        self.bars.update(self.task, completed=report.step, note=_note(report))


class RunsView:
    """Shows many runs; call it with every event.

    Parameters
    ----------
    console
        Where to show it.
    total
        Runs there will be; None where a time decides.
    before
        Runs that were finished before.
    noun
        What runs are called.
    """

    def __init__(
        self, console: Console, total: int | None, before: int, noun: str = "runs"
    ) -> None:
        self.console = console
        self.total, self.noun = total, noun
        self.before = self.ended = before
        self.shares: dict[Job, float] = {}
        self.bars = _bars(console) if console.is_terminal and not console.quiet else None
        self.tasks: dict[Job, TaskID] = {}
        self.overall: TaskID | None = None
        self.start = time.monotonic()

    def __enter__(self) -> "RunsView":
        if self.before:
            of = "" if self.total is None else f" of {self.total}"
            self.console.print(f"{self.before}{of} {self.noun} were finished before")
        if self.bars is not None:
            self.bars.start()
            self.overall = self.bars.add_task(
                f"all {self.noun}", total=self.total, completed=self.ended, note=""
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bars is not None:
            self.bars.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Progressed):
            self._progress(event.job, event.progress)
        elif isinstance(event, Finished):
            record = event.record
            shown = record.data.task.lead.show(record.validation)
            self._end(event.job, f"validation {shown}  {clock(record.metrics.seconds)}")
        elif isinstance(event, Failed):
            self._end(event.job, f"failed: {event.reason}")

    def _name(self, spec: RunSpec) -> str:
        return f"{spec.plan}  seed {spec.seed}  lr {spec.learning_rate:g}"

    def _progress(self, job: Job, report: Report) -> None:
        self.shares[job] = report.step / report.total_steps
        if self.bars is None or self.overall is None:
            return
        if job not in self.tasks:
            name = f"  {self._name(job.spec)}"
            self.tasks[job] = self.bars.add_task(name, total=report.total_steps, note="")
        self.bars.update(self.tasks[job], completed=report.step, note=_note(report))
        self._advance()

    def _end(self, job: Job, outcome: str) -> None:
        self.ended += 1
        self.shares.pop(job, None)
        of = "" if self.total is None else f"/{self.total}"
        number = f"[{self.ended}{of}]".rjust(7)
        left = "" if self.bars is not None else f"  {self._left()}"
        self.console.print(f"{number} {self._name(job.spec)}  {plain(outcome)}{left}".rstrip())
        if self.bars is not None and self.overall is not None:
            if job in self.tasks:
                self.bars.remove_task(self.tasks.pop(job))
            self._advance()

    def _advance(self) -> None:
        """Move the bar of all runs, runs under way included."""
        assert self.bars is not None
        assert self.overall is not None
        done = self.ended + sum(self.shares.values())
        self.bars.update(self.overall, completed=done, note=self._left())

    def _left(self) -> str:
        """Estimate how long the other runs will take, from what was done in this process."""
        if self.total is None:
            return ""
        done = self.ended - self.before + sum(self.shares.values())
        missing = self.total - self.before - done
        if done == 0 or missing <= 0:
            return ""
        return f"{clock((time.monotonic() - self.start) / done * missing)} left"


class ComparisonView(RunsView):
    """Shows all runs of a comparison.

    Parameters
    ----------
    console
        Where to show it.
    outcomes
        What was finished before.
    """

    def __init__(self, console: Console, outcomes: Outcomes) -> None:
        super().__init__(console, outcomes.total(), outcomes.done())
