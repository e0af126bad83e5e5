"""Train the runs of a comparison in a folder, and find what earlier calls left there."""

import json
from collections.abc import Callable
from pathlib import Path

from spectrans.data import Dataset
from spectrans.disk import make_folder
from spectrans.errors import must
from spectrans.training.comparison import Comparison, Outcomes
from spectrans.training.folders import numbered, plan_slug, write_whole
from spectrans.training.pool import Event, Failed, Finished, Job, run_jobs, workers
from spectrans.training.record import RECORD, DataRecord, read_json, read_record
from spectrans.training.run import require_engine, require_tracking
from spectrans.training.spec import RunSpec

REQUEST = "compare.json"
RESULTS = "results.json"
RUNS = "runs"
# Where a search compares its finalists, in its folder.
FINALISTS = "finalists"


def compare(
    comparison: Comparison,
    directory: str | Path,
    dataset: Dataset,
    jobs: int | None = None,
    watch: Callable[[Event], None] | None = None,
    tensorboard: bool = False,
) -> Outcomes:
    """Train every plan with every seed, and keep each run that finishes.

    Parameters
    ----------
    comparison
        What to train.
    directory
        Folder, made if missing. Runs that an earlier call finished there are not repeated.
    dataset
        What `comparison.shared.data` names.
    jobs
        Worker processes, each with one thread; by default one per CUDA device, which they share
        out in turns, or else one per core.
    watch
        Told of every event, in this process.
    tensorboard
        Whether the folder of each run also gets curves for TensorBoard.

    Returns
    -------
    Outcomes
        All runs, and the learning rate of every plan.

    Raises
    ------
    ValueError
        The folder holds something else, or `jobs` is below 1.
    ModuleNotFoundError
        transformers or accelerate is not installed, or tensorboard where it is asked for.

    Examples
    --------
    A worker imports the program that calls this, so that belongs behind
    ``if __name__ == "__main__":``.

    >>> from tempfile import TemporaryDirectory
    >>> from spectrans.data import load
    >>> from spectrans.data.spec import DataSpec
    >>> data = DataSpec(source="recall32?train=32&validation=16&test=16")
    >>> size = {"num_layers": 1, "hidden_dim": 8, "num_heads": 1}
    >>> shared = RunSpec(plan="fourier", data=data, steps=2, **size)
    >>> asked = Comparison(plans=("attention", "fourier"), seeds=(0,), shared=shared)
    >>> with TemporaryDirectory() as folder:
    ...     runs = compare(asked, folder, load(data.source), jobs=1).records
    >>> sorted(spec.plan for spec in runs)
    ['attention', 'fourier']
    """
    if jobs is not None and jobs < 1:
        raise ValueError(must("jobs", "be at least 1", jobs))
    require_engine()
    if tensorboard:
        require_tracking()
    folder = Path(directory)
    outcomes = resume(comparison, folder, dataset)
    started: set[RunSpec] = set()

    def next_job() -> Job | None:
        waiting = [spec for spec in outcomes.open() if spec not in started]
        if not waiting:
            return None
        # Long runs first, so that no worker is left alone with one at the end.
        spec = max(waiting, key=lambda spec: outcomes.seconds(spec.plan))
        started.add(spec)
        return Job(spec, run_folder(folder, spec), tensorboard)

    def see(event: Event) -> None:
        if isinstance(event, Finished):
            outcomes.records[event.job.spec] = event.record
        elif isinstance(event, Failed):
            outcomes.failures[event.job.spec] = event.reason
        if watch is not None:
            watch(event)

    run_jobs(next_job, dataset, jobs or workers(), see)
    return outcomes


def resume(comparison: Comparison, folder: Path, dataset: Dataset) -> Outcomes:
    """Claim a folder for a comparison and read the runs that it holds already.

    Parameters
    ----------
    comparison
        What is asked for. A folder may be asked for more plans, seeds and rates later, as long as
        everything that the runs share stays the same.
    folder
        Made if missing.
    dataset
        Must be the one that the runs there were trained on.

    Returns
    -------
    Outcomes
        Finished runs, and no failures: what failed before is tried again.

    Raises
    ------
    ValueError
        The folder holds something else.
    """
    make_folder(folder)
    before = read_request(folder)
    if before is None and any(folder.iterdir()):
        raise ValueError(must("the folder", "be empty or hold a comparison", str(folder)))
    plan = comparison.plans[0]
    if before is not None and before.spec(plan, 1.0, 0) != comparison.spec(plan, 1.0, 0):
        changed = _difference(before.shared, comparison.shared)
        message = f"{folder} holds a comparison with {changed}"
        raise ValueError(f"{message}: give the same settings, or another folder")
    outcomes = Outcomes(comparison)
    data = DataRecord.of(dataset)
    for path in sorted((folder / RUNS).glob(f"*/{RECORD}")):
        record = read_record(path.parent)
        if record.data != data:
            message = f"{path.parent} was trained on other data of the name {data.name!r}"
            raise ValueError(f"{message}: give another folder")
        outcomes.records[record.spec] = record
    written = comparison.model_dump(mode="json")
    write_whole(folder / REQUEST, json.dumps(written, indent=2) + "\n")
    return outcomes


def read_request(folder: Path) -> Comparison | None:
    """Read what a folder was made to compare; None where it was not made for that."""
    path = folder / REQUEST
    return Comparison(**read_json(path)) if path.is_file() else None


def unfinished(comparison: Comparison, name: str, root: Path) -> Path | None:
    """Find the newest folder in which this very comparison was begun and not finished."""
    for _, folder in reversed(numbered(name, root)):
        if not (folder / RESULTS).exists() and read_request(folder) == comparison:
            return folder
    return None


def best_run(directory: str | Path) -> Path:
    """Give the run to use of a folder: itself, or the best on validation of several.

    Parameters
    ----------
    directory
        Folder of a run, of a comparison, or of a search, which compares its finalists.

    Returns
    -------
    Path
        Folder of a run.

    Raises
    ------
    ValueError
        The folder holds no finished run.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise ValueError(must("the folder of a run", "exist", str(directory)))
    if (folder / RECORD).is_file():
        return folder
    places = (folder / RUNS, folder / FINALISTS / RUNS)
    found = [path.parent for place in places for path in sorted(place.glob(f"*/{RECORD}"))]
    if not found:
        raise ValueError(must("the folder of a run", f"hold {RECORD}", str(directory)))
    return max(found, key=lambda path: read_record(path).rank)


def run_folder(folder: Path, spec: RunSpec) -> Path:
    """Give the place of a run in the folder of its comparison."""
    return folder / RUNS / f"{plan_slug(spec.plan)}-lr{spec.learning_rate:g}-seed{spec.seed}"


def _difference(before: RunSpec, now: RunSpec) -> str:
    """Name the first setting in which two specs differ, as it was before."""
    pairs = ((name, getattr(before, name)) for name in RunSpec.model_fields)
    own = ("plan", "learning_rate", "seed")
    name, value = next(
        pair for pair in pairs if pair[0] not in own and pair[1] != getattr(now, pair[0])
    )
    return f"{name}={value!r}"
