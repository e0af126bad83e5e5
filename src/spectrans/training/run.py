"""One run, from a spec to a trained model and a record of it."""

import platform
from importlib.metadata import version
from importlib.util import find_spec

import torch

from spectrans.data import Dataset, load
from spectrans.training.progress import Watch, unwatched
from spectrans.training.record import DataRecord, Metrics, Run, RunRecord
from spectrans.training.spec import RunSpec
from spectrans.version import __version__

_ENGINE = ("transformers", "accelerate")


def train(spec: RunSpec, dataset: Dataset | None = None, watch: Watch = unwatched) -> Run:
    """Train one model and test the weights that were best on validation.

    Parameters
    ----------
    spec
        What to train, and how.
    dataset
        What `spec.data` names, if it is loaded already.
    watch
        Told of progress.

    Returns
    -------
    Run
        Model, record and history. The same spec gives the same numbers on one machine with one
        number of threads.

    Raises
    ------
    TrainingError
        The loss became infinite or no number.
    ModuleNotFoundError
        transformers or accelerate is not installed.
    """
    require_engine()
    # The one optional dependency, and slow to import.
    from spectrans.training.engine import fit

    if dataset is None:
        dataset = load(spec.data)
    torch.manual_seed(spec.seed)
    model = spec.build(dataset)
    done = fit(model, dataset, spec, watch)
    metrics = Metrics(
        test=done.test.values,
        validation=done.validation.values,
        classes=done.test.classes,
        best_step=done.best_step,
        steps=done.steps,
        seconds=done.seconds,
        parameters=model.summary().parameters,
    )
    data = DataRecord.of(dataset)
    record = RunRecord(spec=spec, data=data, metrics=metrics, versions=versions())
    split = None if dataset.reading is None else dataset.reading.split
    return Run(record, model, done.history, split, dataset.tokenizer)


def require_engine() -> None:
    """Refuse to go on without the training engine.

    Raises
    ------
    ModuleNotFoundError
        transformers or accelerate is not installed.
    """
    missing = [name for name in _ENGINE if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f'training needs {" and ".join(missing)}: pip install "spectrans-hybrid[hf]"',
            name=missing[0],
        )


def versions() -> dict[str, str]:
    """Give the versions that a result depends on."""
    libraries = {name: version(name) for name in ("torch", *_ENGINE)}
    return {"spectrans": __version__, "python": platform.python_version(), **libraries}
