"""Try plans one after the other, on the engine that `train` and `compare` have."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from spectrans.data import Dataset
from spectrans.errors import must
from spectrans.search.folder import begin, without_test
from spectrans.search.median import best_so_far, floor
from spectrans.search.request import Search
from spectrans.search.space import Space
from spectrans.search.study import Begun, Study, require_optuna
from spectrans.search.tried import Found, Tried, finalists, save
from spectrans.tasks import Metric
from spectrans.training.crossover import Spread
from spectrans.training.folders import FolderError, plan_slug
from spectrans.training.lengths import latency
from spectrans.training.lock import locked
from spectrans.training.pool import Event, Failed, Finished, Job, run_jobs, workers
from spectrans.training.record import HISTORY, RunRecord
from spectrans.training.run import require_engine

TRIALS = "trials"
# Seconds to wait for the workers of a search that was killed.
_PATIENCE = 60.0


@dataclass(frozen=True)
class Ended:
    """A trial has ended, and is kept."""

    tried: Tried
    job: Job


Watch = Callable[[Event | Ended], None]


def search(
    asked: Search,
    directory: str | Path,
    dataset: Dataset,
    jobs: int | None = None,
    watch: Watch | None = None,
) -> Found:
    """Try plans until the budget is used, and keep every one that was tried.

    The test rows are not looked at: what trains gets the validation rows in their place.

    Parameters
    ----------
    asked
        What to search.
    directory
        Folder, made if missing. A search that was begun there goes on.
    dataset
        What `asked.shared.data` names.
    jobs
        Trials at a time, by default as in `compare`. With one, the same search tries the same
        plans, as far as they do not follow from measured times.
    watch
        Told of every event, in this process.

    Returns
    -------
    Found
        All that was tried, and the finalists.

    Raises
    ------
    ValueError
        The folder holds something else, a mixer does not fit, or `jobs` is below 1.
    ModuleNotFoundError
        optuna, transformers or accelerate is not installed.

    Examples
    --------
    A worker imports the program that calls this, so that belongs behind
    ``if __name__ == "__main__":``.

    >>> from tempfile import TemporaryDirectory
    >>> from spectrans.data import load
    >>> from spectrans.data.spec import DataSpec
    >>> from spectrans.training.spec import RunSpec
    >>> data = DataSpec(source="recall32?train=32&validation=16&test=16")
    >>> size = {"num_layers": 1, "hidden_dim": 8, "num_heads": 1}
    >>> shared = RunSpec(plan="fourier", data=data, steps=2, **size)
    >>> asked = Search(trials=2, mixers="fourier", shared=shared)
    >>> with TemporaryDirectory() as folder:
    ...     found = search(asked, folder, load(data.source), jobs=1)
    >>> sorted(trial.plan for trial in found.tried)
    ['attention', 'fourier']
    """
    if jobs is not None and jobs < 1:
        raise ValueError(must("jobs", "be at least 1", jobs))
    require_optuna()
    require_engine()
    folder, seen = Path(directory), without_test(dataset)
    space = Space(asked, seen.max_length)
    before = begin(asked, folder, seen).seconds
    with locked(folder):
        study = Study(folder, space, asked.seed, seen.task.lead)
        going = _Going(asked, folder, seen, study, watch or (lambda event: None), before=before)
        run_jobs(going.next_job, seen, jobs or workers(), going.see)
        return going.end()


@dataclass
class _Going:
    """A search under way."""

    asked: Search
    folder: Path
    seen: Dataset
    study: Study
    watch: Watch
    found: Found = field(init=False)
    left_over: list[Begun] = field(init=False)
    measured: dict[Job, tuple[Begun, Spread]] = field(default_factory=dict)
    before: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    ended: str | None = None

    def __post_init__(self) -> None:
        self.left_over = self.study.left_over()
        self.found = Found.begun(self.asked, self.seen)
        self._keep()

    @property
    def lead(self) -> Metric:
        return self.seen.task.lead

    def next_job(self) -> Job | None:
        """Give the next trial; None where the budget is used."""
        while True:
            begun = self._next()
            if begun is None:
                return None
            spec, folder = self.asked.spec(begun.plan), self._place(begun)
            try:
                times = latency(spec, self.seen, self.asked.seconds)
            except (ValueError, RuntimeError) as error:
                failed = Tried(
                    number=begun.place, plan=begun.plan, state="failed", reason=str(error)
                )
                self._end(begun, failed, Job(spec, folder))
                continue
            job = Job(spec, folder, floor=self._floor(times.median))
            self.measured[job] = begun, times
            return job

    def _place(self, begun: Begun) -> Path:
        return self.folder / TRIALS / f"{begun.place:03d}-{plan_slug(begun.plan)}"

    def _next(self) -> Begun | None:
        if self.left_over:
            begun = self.left_over.pop(0)
            _wait_for(self._place(begun))
            return begun
        if self.ended is not None:
            return None
        under_way = len(self.measured)
        trials, minutes = self.asked.trials, self.asked.minutes
        if trials is not None and len(self.found.tried) + under_way >= trials:
            self.ended = f"{trials:,} plans were tried"
        elif minutes is not None and self.seconds >= 60 * minutes:
            self.ended = f"{minutes:g} minutes were used"
        else:
            drawn = self.study.draw()
            if drawn is not None:
                return drawn
            self.ended = "chance found no plan that had not been tried"
        return None

    @property
    def seconds(self) -> float:
        """Time of the search so far, that of earlier calls included."""
        return self.before + time.perf_counter() - self.started

    def _floor(self, median: float) -> dict[int, float]:
        if not self.asked.stop_early:
            return {}
        return floor(self.found.tried, median, self.total_steps, self.lead)

    @property
    def total_steps(self) -> int:
        """Optimiser steps of a whole run."""
        shared = self.asked.shared
        per_epoch = -(-len(self.seen.train) // shared.batch_size)
        return shared.steps or per_epoch * (shared.epochs or 1)

    def see(self, event: Event) -> None:
        """Keep what a worker says."""
        self.watch(event)
        if not isinstance(event, Finished | Failed):
            return
        job = event.job
        begun, times = self.measured.pop(job)
        base = Tried(
            number=begun.place,
            plan=begun.plan,
            state="failed",
            latency=times.median,
            latency_low=times.low,
            latency_high=times.high,
        )
        if isinstance(event, Failed):
            tried = base.model_copy(update={"reason": event.reason})
        else:
            tried = self._done(base, event.record, job)
        self._end(begun, tried, job)
        # Its weights answer to no test: finalists are trained again.
        shutil.rmtree(job.folder, ignore_errors=True)

    def _done(self, base: Tried, record: RunRecord, job: Job) -> Tried:
        name = f"validation_{self.lead.name}"
        lines = (job.folder / HISTORY).read_text(encoding="utf-8").splitlines()
        history = [json.loads(line) for line in lines]
        curve = tuple((entry["step"], entry[name]) for entry in history if name in entry)
        done = base.model_copy(
            update={
                "validation": record.validation,
                "parameters": record.metrics.parameters,
                "steps": record.metrics.steps,
                "seconds": record.metrics.seconds,
                "curve": curve,
            }
        )
        best = best_so_far(done, self.lead)
        below = any(best[step] < job.floor[step] for step in best if step in job.floor)
        return done.model_copy(update={"state": "stopped" if below else "done"})

    def _end(self, begun: Begun, tried: Tried, job: Job) -> None:
        self.study.tell(begun, tried)
        self._keep()
        self.watch(Ended(tried, job))

    def _keep(self) -> None:
        """Write down how far the search is."""
        self.found = self.found.model_copy(
            update={
                "tried": tuple(self.study.tried()),
                "repeated": self.study.repeated(),
                "seconds": self.seconds,
            }
        )
        save(self.found, self.folder)

    def end(self) -> Found:
        """Choose the finalists."""
        chosen = finalists(self.found.tried, self.asked.finalists, self.lead)
        self.found = self.found.model_copy(
            update={"ended": self.ended, "finalists": tuple(one.plan for one in chosen)}
        )
        save(self.found, self.folder)
        shutil.rmtree(self.folder / TRIALS, ignore_errors=True)
        return self.found


def _wait_for(folder: Path) -> None:
    """Wait until no worker of a process that was killed trains in a folder."""
    end = time.monotonic() + _PATIENCE
    while folder.is_dir():
        try:
            with locked(folder):
                return
        except FolderError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
