"""One run, from a spec to a trained model and a record of it."""

import platform
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import torch

from spectrans import processes
from spectrans.data import Dataset, load
from spectrans.training import checkpoint
from spectrans.training.begun import Begun, begin
from spectrans.training.group import from_main, join, losses_in_words
from spectrans.training.lock import locked
from spectrans.training.progress import Watch, unwatched
from spectrans.training.record import DataRecord, Metrics, Run, RunRecord
from spectrans.training.saving import save_run
from spectrans.training.signals import listening
from spectrans.training.spec import RunSpec
from spectrans.version import __version__

_ENGINE = ("transformers", "accelerate")


def train(
    spec: RunSpec,
    dataset: Dataset | None = None,
    watch: Watch = unwatched,
    folder: str | Path | None = None,
    save_every: int | None = None,
    fsdp: bool = False,
    tensorboard: bool = False,
    floor: Mapping[int, float] = MappingProxyType({}),
) -> Run:
    """Train one model and test the weights that were best on validation.

    Parameters
    ----------
    spec
        What to train, and how.
    dataset
        What `spec.data` names, if it is loaded already.
    watch
        Told of progress.
    folder
        Where the run keeps checkpoints and, at its end, is saved as by `save_run`. If the same run
        was begun there, it goes on from the newest checkpoint that is whole. None keeps nothing.
    save_every
        Optimiser steps between checkpoints; None is about a minute.
    fsdp
        Whether each of several processes holds a part of the weights, for models that are too
        large for one device, by FSDP2; else each holds all of them.
    tensorboard
        Whether the folder also gets curves for TensorBoard, in `tensorboard/`.
    floor
        Ranks, as of `Metric.rank`, that the best evaluation must have reached after these
        optimiser steps; training ends where it has not.

    Returns
    -------
    Run
        Model, record and history. The same spec gives the same numbers on one machine with one
        number of threads, however often the run was interrupted.

    Raises
    ------
    TrainingError
        The loss became infinite or no number, memory was too small, or another process is gone.
    Stopped
        SIGINT, SIGTERM or SIGHUP came while a run with a folder trained; the step is saved.
    FolderError
        The folder is in use, or holds another run.
    ModuleNotFoundError
        transformers or accelerate is not installed, or tensorboard where it is asked for.

    Examples
    --------
    >>> data = load("recall32?train=32&validation=16&test=16")
    >>> spec = RunSpec(plan="fourier", num_layers=1, hidden_dim=8, num_heads=1, steps=2)
    >>> train(spec, data).record.metrics.steps
    2
    """
    require_engine()
    if tensorboard:
        require_tracking()
    # The one optional dependency, and slow to import.
    from spectrans.training.engine import Keeping, fit

    if dataset is None:
        dataset = load(spec.data)
    data = DataRecord.of(dataset)
    main = processes.is_main()
    keeping = Keeping(floor=floor)
    with ExitStack() as stack:
        stack.enter_context(losses_in_words())
        if folder is not None:
            folder = Path(folder)
            newest = None
            if main:
                stack.enter_context(locked(folder))
                asked = Begun(
                    spec=spec,
                    fingerprint=data.fingerprint,
                    save_every=save_every,
                    fsdp=fsdp,
                    tensorboard=tensorboard,
                )
                begin(folder, asked)
                newest = checkpoint.survey(folder).newest
                checkpoint.tidy(folder)
            join()
            wish = stack.enter_context(listening())
            keeping = Keeping(folder, save_every, from_main(newest), wish, fsdp, tensorboard, floor)
        torch.manual_seed(spec.seed)
        model = spec.build(dataset)
        done = fit(model, dataset, spec, watch, keeping)
        if fsdp:
            model = spec.build(dataset).eval()
            model.load_state_dict(from_main(done.best))
        metrics = Metrics(
            test=done.test.values,
            validation=done.validation.values,
            classes=done.test.classes,
            best_step=done.best_step,
            steps=done.steps,
            seconds=done.seconds,
            parameters=model.summary().parameters,
            precision=done.precision,
            device=done.device,
            processes=done.processes,
        )
        record = RunRecord(spec=spec, data=data, metrics=metrics, versions=versions())
        split = None if dataset.reading is None else dataset.reading.split
        run = Run(record, model, done.history, split, dataset.tokenizer)
        if folder is not None and main:
            save_run(run, folder)
            checkpoint.remove(folder)
    return run


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


def require_tracking() -> None:
    """Refuse to go on without the package that writes curves.

    Raises
    ------
    ModuleNotFoundError
        tensorboard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise ModuleNotFoundError(
            'curves need tensorboard: pip install "spectrans-hybrid[track]"', name="tensorboard"
        )


def versions() -> dict[str, str]:
    """Give the versions that a result depends on."""
    libraries = {name: version(name) for name in ("torch", *_ENGINE)}
    return {"spectrans": __version__, "python": platform.python_version(), **libraries}
