"""Models on disk: `config.json` to read and `model.safetensors` to load, never pickle.

The weights file is replaced in one step and carries its config in its header, so a save that is
cut short leaves the old model or the new one, and a mixed pair is noticed.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any, TypeVar, overload

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from spectrans.config import text
from spectrans.errors import must, unknown
from spectrans.models import MODELS, BaseModel
from spectrans.version import __version__

CONFIG = "config.json"
WEIGHTS = "model.safetensors"

Model = TypeVar("Model", bound=BaseModel)


def save_pretrained(model: BaseModel, directory: str | Path) -> None:
    """Write a model into a folder, beside whatever else is there.

    Parameters
    ----------
    model
        One of this library's models.
    directory
        Folder, made if missing. A model saved there before is replaced.

    Raises
    ------
    TypeError
        A model of a class that `from_pretrained` could not build.
    OSError
        The folder cannot be written; what was there before is still whole.
    """
    name = type(model).__name__
    if MODELS.get(name) is not type(model):
        raise TypeError(must("model", f"be one of {', '.join(MODELS)}", name))
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_class": name, "spectrans_version": __version__, **model.config.to_dict()}
    written = text.dump(config, "json")
    tensors = {key: value.detach().contiguous() for key, value in model.state_dict().items()}
    _replace(folder / WEIGHTS, to_bytes(tensors, metadata={"format": "pt", "config": written}))
    _replace(folder / CONFIG, written.encode())


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and durably."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@overload
def from_pretrained(directory: str | Path) -> BaseModel: ...


@overload
def from_pretrained(directory: str | Path, model_class: type[Model]) -> Model: ...


def from_pretrained(directory: str | Path, model_class: type[BaseModel] = BaseModel) -> BaseModel:
    """Load a model that `save_pretrained` wrote, in evaluation mode.

    Parameters
    ----------
    directory
        Folder with `config.json` and `model.safetensors`.
    model_class
        Class that the model must have; `BaseModel` takes any.

    Returns
    -------
    BaseModel
        The model, with every tensor in the type it was saved in.

    Raises
    ------
    FileNotFoundError
        One of the two files is missing.
    ValueError
        A truncated, foreign or edited file, another model class, an unregistered mixer, or
        weights that do not fit the config.
    """
    folder = Path(directory)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} must hold {CONFIG} and {WEIGHTS}, {name} is missing")
    config, tensors = _read(folder)
    name = config.pop("model_class", None)
    config.pop("spectrans_version", None)
    if name not in MODELS:
        raise ValueError(f"{folder / CONFIG}: {unknown('model_class', name, MODELS)}")
    if not issubclass(MODELS[name], model_class):
        message = f"{folder} holds a {name}: load it with {name}.from_pretrained"
        raise ValueError(f"{message}, got {model_class.__name__}")
    try:
        model = MODELS[name].from_config(MODELS[name].config_class(**config))
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    _check_fit(folder / WEIGHTS, model, tensors)
    model.load_state_dict(tensors, assign=True)
    model.eval()
    return model


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    path = folder / WEIGHTS
    try:
        written = (folder / CONFIG).read_text(encoding="utf-8")
        config = text.parse(written, "json")
    except (UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        message = f"{path} must be a whole safetensors file, got: {error}"
        raise ValueError(message) from None
    saved = header.get("config")
    if saved is not None and json.loads(saved) != config:
        message = f"{folder / CONFIG} must be the config that {WEIGHTS} was saved with"
        raise ValueError(f"{message}: it was edited, or a save was cut short; save the model again")
    return config, tensors


def _check_fit(path: Path, model: BaseModel, tensors: dict[str, Tensor]) -> None:
    """Refuse weights that do not belong to the model, naming the first few."""
    wanted = model.state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    if missing:
        raise ValueError(f"{path} must hold every weight, {_some(missing)} missing")
    foreign = sorted(tensors.keys() - wanted.keys())
    if foreign:
        raise ValueError(f"{path} must hold no other weights, {_some(foreign)} unexpected")
    for key, value in wanted.items():
        if tensors[key].shape != value.shape:
            rule = f"have shape {tuple(value.shape)}"
            raise ValueError(f"{path}: {must(key, rule, tuple(tensors[key].shape))}")


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{shown}{more} {'is' if len(names) == 1 else 'are'}"
