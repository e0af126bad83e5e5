"""Models on disk: `config.json` to read and `model.safetensors` to load, never pickle.

Both files are written whole beside the old ones, then put in their places; the config holds the
checksum of the weights, so that a flipped bit, and a save cut short between the two, are noticed.
"""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from safetensors.torch import save as to_bytes
from torch import Tensor

from spectrans.config import text
from spectrans.config.base import ModelConfig
from spectrans.disk import keep_names, make_folder, placing, write_through
from spectrans.errors import must, some, unknown
from spectrans.models import MODELS, BaseModel
from spectrans.models.paper import is_large, numbers
from spectrans.safefiles import from_bytes
from spectrans.version import __version__

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
CHECKSUM = "weights_sha256"
# In a folder that loads in transformers as well: our config in that of transformers, which calls
# the model `model`.
OURS = "spectrans"
PREFIX = "model."

Model = TypeVar("Model", bound=BaseModel)


def save_pretrained(
    model: BaseModel, directory: str | Path, around: Mapping[str, Any] | None = None
) -> None:
    """Write a model into a folder, beside whatever else is there.

    Parameters
    ----------
    model
        One of this library's models.
    directory
        Folder, made if missing. A model saved there before is replaced.
    around
        Config of the same model in transformers, whose Auto classes can then load the folder too.

    Raises
    ------
    TypeError
        A model of a class that `from_pretrained` could not build.
    OSError
        The folder cannot be written; what was there before is still whole.

    Examples
    --------
    >>> from spectrans import HybridEncoder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_pretrained(HybridEncoder(hidden_dim=16, num_layers=2), folder)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['config.json', 'model.safetensors']
    """
    name = type(model).__name__
    if MODELS.get(name) is not type(model):
        raise TypeError(must("model", f"be one of {', '.join(MODELS)}", name))
    folder = Path(directory)
    make_folder(folder)
    prefix = "" if around is None else PREFIX
    state = model.state_dict()
    tensors = {prefix + key: value.detach().contiguous() for key, value in state.items()}
    weights = to_bytes(tensors, metadata={"format": "pt"})
    config = {
        "model_class": name,
        "spectrans_version": __version__,
        CHECKSUM: hashlib.sha256(weights).hexdigest(),
        **model.config.to_dict(),
    }
    if around is not None:
        config = {**around, OURS: config}
    written = text.dump(config, "json").encode()
    # In a folder of its own, beside the old files, so that the last step only renames.
    with (
        placing(folder, len(weights) + len(written)),
        tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as scratch,
    ):
        new = [Path(scratch) / WEIGHTS, Path(scratch) / CONFIG]
        write_through(new[0], weights)
        write_through(new[1], written)
        for path in new:
            path.replace(folder / path.name)
    keep_names(folder)


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

    Examples
    --------
    >>> from spectrans import FNetEncoder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_pretrained(FNetEncoder(hidden_dim=16, num_layers=2), folder)
    ...     from_pretrained(folder).config.num_layers
    2
    """
    folder = Path(directory)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} must hold {CONFIG} and {WEIGHTS}, {name} is missing")
    config, tensors = _read(folder)
    name = config.pop("model_class", None)
    config.pop("spectrans_version", None)
    if name is None and "model_type" in config:
        ours = config["model_type"] == "spectrans"
        way = "an Auto class after import spectrans.hf" if ours else "spectrans.pretrained.load"
        raise ValueError(f"{folder} was saved by transformers: load it with {way}")
    if not isinstance(name, str) or name not in MODELS:
        raise ValueError(f"{folder / CONFIG}: {unknown('model_class', name, MODELS)}")
    if not issubclass(MODELS[name], model_class):
        message = f"{folder} holds a {name}: load it with {name}.from_pretrained"
        raise ValueError(f"{message}, got {model_class.__name__}")
    try:
        checked = MODELS[name].config_class(**config)
        _refuse_larger(checked, tensors)
        model = MODELS[name].from_config(checked)
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
    except UnicodeDecodeError as error:
        raise ValueError(f"{folder / CONFIG} must be UTF-8: {error}") from None
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG}: {error}") from None
    inner = config.get(OURS)
    prefix = PREFIX if isinstance(inner, dict) else ""
    config = inner if isinstance(inner, dict) else config
    weights = path.read_bytes()
    wanted = config.pop(CHECKSUM, None)
    tensors = from_bytes(path, weights)
    if wanted is not None:
        refuse_sum(path, weights, wanted)
    return config, {key.removeprefix(prefix): value for key, value in tensors.items()}


def refuse_sum(path: Path, weights: bytes, wanted: object) -> None:
    """Refuse weights with another checksum than their config names.

    Parameters
    ----------
    path
        File of the weights, for the message.
    weights
        What it holds.
    wanted
        What the config names.

    Raises
    ------
    ValueError
        The two differ.
    """
    if hashlib.sha256(weights).hexdigest() != wanted:
        problem = f"{path} must have the {CHECKSUM} that {CONFIG} names"
        reason = "it was changed, damaged, or a save was cut short"
        raise ValueError(f"{problem}: {reason}; to load it all the same, remove that line")


def _refuse_larger(config: ModelConfig, tensors: dict[str, Tensor]) -> None:
    """Refuse a config of a model far larger than its weights, before it is built."""
    saved = {key.split(".")[1] for key in tensors if key.startswith("blocks.")}
    if config.num_layers != len(saved):
        found = f"one of {config.num_layers:,} layers, and {WEIGHTS} holds {len(saved):,}"
        raise ValueError(f"the model must be the one that was saved, got {found}")
    held = sum(tensor.numel() for tensor in tensors.values())
    if is_large(config) and (count := numbers(config)) > held:
        found = f"one with {count:,} weights, and {WEIGHTS} holds {held:,}"
        raise ValueError(f"the model must be the one that was saved, got {found}")


def _check_fit(path: Path, model: BaseModel, tensors: dict[str, Tensor]) -> None:
    """Refuse weights that do not belong to the model, naming the first few."""
    wanted = model.state_dict()
    missing = wanted.keys() - tensors.keys()
    if missing:
        raise ValueError(f"{path} must hold every weight, {some(missing)} missing")
    foreign = tensors.keys() - wanted.keys()
    if foreign:
        raise ValueError(f"{path} must hold no other weights, {some(foreign)} unexpected")
    for key, value in wanted.items():
        if tensors[key].shape != value.shape:
            rule = f"have shape {tuple(value.shape)}"
            raise ValueError(f"{path}: {must(key, rule, tuple(tensors[key].shape))}")
        if tensors[key].is_floating_point() != value.is_floating_point():
            rule = f"hold numbers like {value.dtype}"
            raise ValueError(f"{path}: {must(key, rule, tensors[key].dtype)}")
