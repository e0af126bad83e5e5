"""What a checkpoint holds, looked at before a run goes on from it.

Checksums say that a checkpoint is as it was written, not that this run wrote it. Libraries take
numbers of any form, and fail at them much later, or crash.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import TrainerState

from spectrans.options import Options
from spectrans.tasks.base import Scores
from spectrans.training import state
from spectrans.training.folders import FolderError

# What Adam has of each weight.
_MOMENTS = {"step", "exp_avg", "exp_avg_sq"}


class Own(Options):
    """What each process keeps of itself.

    Parameters
    ----------
    random
        The states of its random generators.
    loss
        The sum of losses since the last report.
    """

    model_config = ConfigDict(allow_inf_nan=True)

    random: dict[str, Any]
    loss: float


class Remembered(Options):
    """What a run has to remember beside its weights; of evaluations that diverged, no numbers.

    Parameters
    ----------
    history
        Reports and evaluations so far.
    kept
        Scores of the best weights; None before the first evaluation.
    best_step
        When they were the best.
    latest
        The figure of the last evaluation that ranks plans.
    owed
        Whether an evaluation was cut short.
    share
        Of the budget that is used.
    training
        Seconds of training.
    elapsed
        Seconds of training and evaluations.
    """

    model_config = ConfigDict(allow_inf_nan=True)

    history: list[dict[str, int | float]]
    kept: Scores | None
    best_step: NonNegativeInt
    latest: float | None
    owed: bool
    share: NonNegativeFloat
    training: NonNegativeFloat
    elapsed: NonNegativeFloat


class Going(Options):
    """Where a run stands.

    Parameters
    ----------
    groups
        Settings of the optimiser.
    scheduler
        State of the schedule.
    logged
        Step of the last report.
    processes
        What each process keeps of itself.
    watcher
        What the run has to remember.
    """

    groups: list[dict[str, Any]]
    scheduler: dict[str, Any]
    logged: NonNegativeInt
    processes: list[Own] = Field(min_length=1)
    watcher: Remembered


@contextmanager
def belonging(folder: Path, name: str) -> Iterator[None]:
    """Say of what goes wrong with a file of a checkpoint that it is not of this run."""
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, RuntimeError, OverflowError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        message = f"{folder / name} must be what this run saved, got another: {reason}"
        way = f"delete {folder.name}, and the checkpoint before it counts"
        raise FolderError(f"{message}; {way}") from None


def going(folder: Path) -> Going:
    """Read where a run stands.

    Parameters
    ----------
    folder
        A checkpoint.

    Returns
    -------
    Going
        What it says.

    Raises
    ------
    FolderError
        Something of another form.
    """
    with belonging(folder, state.PROGRESS):
        return Going(**state.read_json(folder / state.PROGRESS))


def weights(folder: Path, name: str, model: nn.Module) -> dict[str, Tensor]:
    """Read the weights of a model.

    Parameters
    ----------
    folder
        A checkpoint.
    name
        Of the file.
    model
        The one that they are for, whole or in parts.

    Returns
    -------
    dict
        Weights by name. The best have none before the first evaluation.

    Raises
    ------
    FolderError
        Those of another model.
    """
    with belonging(folder, name):
        found = state.read_tensors(folder / name)
        if found or name != state.BEST:
            _compare(_forms(found), _forms(model.state_dict()))
        return found


def optimiser(folder: Path, stands: Going, inner: Optimizer, model: nn.Module) -> dict[str, Any]:
    """Read the state of an optimiser.

    Parameters
    ----------
    folder
        A checkpoint.
    stands
        What it says of the run.
    inner
        The optimiser that the state is for.
    model
        What it trains, whole or in parts.

    Returns
    -------
    dict
        As `Optimizer.state_dict` gives it.

    Raises
    ------
    FolderError
        That of another optimiser, or of other weights.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    order = [names[p] for group in inner.param_groups for p in group["params"]]
    shapes = {name: parameter.shape for parameter, name in names.items()}
    with belonging(folder, state.OPTIMISER):
        found = state.optimiser_state(folder / state.OPTIMISER, stands.groups)
        for key, values in found["state"].items():
            name = order[key] if isinstance(key, int) else key
            _check_moments(values, name, shapes[name])
    with belonging(folder, state.PROGRESS):
        pairs = zip(found["param_groups"], inner.param_groups, strict=True)
        found["param_groups"] = [settings(group, own) for group, own in pairs]
    return found


def settings(found: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Give those that something has, as they were saved: another version may have more or fewer.

    Parameters
    ----------
    found
        What was saved.
    own
        What there is, apart from weights.

    Returns
    -------
    dict
        As `own`.

    Raises
    ------
    ValueError
        A value of another kind.
    """
    for name, value in own.items():
        if name != "params" and not _alike(found.get(name, value), value):
            raise ValueError(f"{name} was {found[name]!r}"[:200])
    return {**own, **{name: found[name] for name in own if name in found}}


def check_trainer(folder: Path) -> None:
    """Refuse a file of `Trainer` that it would not read, or that is of another step.

    Parameters
    ----------
    folder
        A checkpoint.

    Raises
    ------
    FolderError
        Such a file.
    """
    own = asdict(TrainerState())
    with belonging(folder, state.TRAINER):
        found = dict(state.read_json(folder / state.TRAINER))
        _compare(dict.fromkeys(found.keys() - own.keys()), {})
        # They are not restored.
        del own["stateful_callbacks"]
        settings(found, own)
        _compare({"global_step": found["global_step"]}, {"global_step": int(folder.name)})


def _check_moments(values: Mapping[str, Tensor], name: str, shape: torch.Size) -> None:
    """Refuse what no step of Adam would give for a weight."""
    if values.keys() != _MOMENTS or not all(map(torch.is_floating_point, values.values())):
        raise ValueError(f"{', '.join(values)} of {name}")
    shapes = {"step": torch.Size(), "exp_avg": shape, "exp_avg_sq": shape}
    if any(values[moment].shape != shapes[moment] for moment in _MOMENTS):
        raise ValueError(f"numbers of another shape for {name}")


def _forms(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Any, ...]]:
    return {name: (*tensor.shape, tensor.dtype) for name, tensor in tensors.items()}


def _compare(found: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Name the first of some names that only one has, or that is of another form."""
    for name in sorted(found.keys() | own.keys()):
        if name not in found:
            raise ValueError(f"no {name}")
        if name not in own or found[name] != own[name]:
            raise ValueError(f"another {name}")


def _alike(found: Any, own: Any) -> bool:
    """Whether a value could have been saved where there is another now."""
    if own is None or isinstance(own, bool):
        # A choice may be left to torch, and differ from device to device.
        return found is None or isinstance(found, (bool, int, float))
    if isinstance(own, (int, float)):
        return isinstance(found, (int, float)) and not isinstance(found, bool)
    if isinstance(own, (list, tuple)):
        return (
            isinstance(found, (list, tuple))
            and len(found) == len(own)
            and all(map(_alike, found, own))
        )
    return isinstance(found, type(own))
