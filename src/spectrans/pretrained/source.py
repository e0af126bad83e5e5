"""Weights from elsewhere, read as plain tensors: folders, files, live models, dictionaries.

Nothing that is read can run code: safetensors, NumPy archives without objects, and torch files
with `weights_only=True`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spectrans.archives import open_archive, read_array
from spectrans.errors import must, some, unreadable
from spectrans.safefiles import first_line, from_file

_CONFIG = "config.json"
# In the order in which they are looked for.
_WHOLE = ("model.safetensors", "pytorch_model.bin")
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
# No shard is called longer; a file system would say so in its own way.
_LONGEST_NAME = 200
_TORCH = (".bin", ".pt", ".pth", ".ckpt", ".tar")
# Where published files keep the weights among other things.
_WRAPPED = ("model", "state_dict", "model_state", "model_state_dict", "target", "params")


@dataclass(frozen=True)
class Source:
    """Weights and what is known of them.

    Parameters
    ----------
    name
        What to call it in messages.
    config
        What stood beside the weights, if anything did.
    tensors
        Weights by name; nested names are joined by "/".
    """

    name: str
    config: Mapping[str, Any] | None
    tensors: Mapping[str, Tensor]

    @property
    def architecture(self) -> str | None:
        """Name of the class that wrote the weights, as its config says."""
        names = (self.config or {}).get("architectures") or [None]
        return names[0]

    def setting(self, name: str, default: Any) -> Any:
        """Give a setting of the config.

        Parameters
        ----------
        name
            As the config has it.
        default
            Where there is no config, or no such setting.

        Returns
        -------
        Any
            The value as it was read.
        """
        return (self.config or {}).get(name, default)


def read(source: Any, config: Mapping[str, Any] | None = None) -> Source:
    """Read weights from wherever they are.

    Parameters
    ----------
    source
        A folder, a file, a live model with a `config`, or a dictionary of arrays.
    config
        What to take for the config, in place of one that is found.

    Returns
    -------
    Source
        Tensors on the CPU, or where a live model has them.

    Raises
    ------
    FileNotFoundError
        There is no such path, or a folder without weights.
    ValueError
        A file that is not whole, holds other things than weights, or points out of its folder.
    TypeError
        Something else than the four kinds of sources.
    """
    if isinstance(source, str | Path):
        found = _from_path(Path(source))
    elif isinstance(source, nn.Module) and hasattr(source, "config"):
        found = _from_model(source)
    elif isinstance(source, Mapping):
        found = Source("the dictionary", None, _flat("the dictionary", source))
    else:
        rule = "be a folder, a file, a model of transformers or a dictionary of arrays"
        raise TypeError(must("source", rule, type(source).__name__))
    return found if config is None else replace(found, config=config)


def _from_model(model: nn.Module) -> Source:
    config: Any = model.config
    settings = config.to_dict() if hasattr(config, "to_dict") else dict(vars(config))
    name = type(model).__name__
    # The class itself knows better than what it was once loaded from.
    tensors = {key: value.detach().clone() for key, value in model.state_dict().items()}
    return Source(name, {**settings, "architectures": [name]}, tensors)


def _from_path(path: Path) -> Source:
    if path.is_dir():
        return _from_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f"source must be a folder or a file, there is no {path}")
    beside = path.parent / _CONFIG
    config = _json(beside) if beside.is_file() else None
    return Source(str(path), config, _from_file(path))


def _from_folder(folder: Path) -> Source:
    config = _json(folder / _CONFIG) if (folder / _CONFIG).is_file() else None
    _refuse_own(folder, config)
    for whole, index in zip(_WHOLE, _INDEXES, strict=True):
        if (folder / whole).is_file():
            return Source(str(folder), config, _from_file(folder / whole))
        if (folder / index).is_file():
            return Source(str(folder), config, _from_shards(folder / index))
    names = ", ".join([*_WHOLE, *_INDEXES])
    raise FileNotFoundError(f"{folder} must hold one of {names}")


def _refuse_own(folder: Path, config: Mapping[str, Any] | None) -> None:
    """Refuse what needs no import: a model that this library wrote."""
    if config is not None and "model_class" in config:
        message = f"{folder} holds a model of this library: load it with spectrans.from_pretrained"
        raise ValueError(message)
    if config is not None and config.get("model_type") == "spectrans":
        way = "load it with the Auto classes of transformers after `import spectrans.hf`"
        raise ValueError(f"{folder} holds a model of this library: {way}")


def _from_shards(index: Path) -> dict[str, Tensor]:
    listed = _json(index).get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(f, str) for f in listed.values()):
        raise ValueError(must(f"{index}: weight_map", "map weights to files", listed))
    tensors: dict[str, Tensor] = {}
    for name in sorted(set(listed.values())):
        # A name with a folder in it could point anywhere on the machine.
        plain = Path(name).name == name and name.isprintable() and name not in ("", ".", "..")
        if not plain or len(name) > _LONGEST_NAME:
            raise ValueError(must(f"{index}: a shard", "be a file of the same folder", name))
        shard = index.parent / name
        if not shard.is_file():
            raise FileNotFoundError(f"{index} must list files that exist, {name} is missing")
        part = _from_file(shard)
        foreign = [key for key in part if listed.get(key) != name]
        if foreign:
            raise ValueError(
                f"{shard} must hold what {index.name} says, {some(foreign)} not listed"
            )
        tensors.update(part)
    missing = listed.keys() - tensors.keys()
    if missing:
        raise ValueError(f"{index.parent} must hold every listed weight, {some(missing)} missing")
    return tensors


def _from_file(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return from_file(path)
    if path.suffix in _TORCH:
        return _flat(str(path), _torch(path))
    if path.suffix == ".npz":
        with open_archive(path) as archive:
            return _flat(str(path), {k: read_array(path, archive, k) for k in archive.files})
    endings = (".safetensors", *_TORCH, ".npz")
    raise ValueError(must(str(path), f"end in one of {', '.join(endings)}", path.suffix))


def _torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    # Of a damaged file torch raises whatever the part raises that stumbles first.
    except Exception as error:
        reason = first_line(error)
        raise ValueError(f"{path} must be a torch file of tensors alone, got: {reason}") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be JSON, got: {unreadable(error)}") from None
    if not isinstance(content, dict):
        raise ValueError(must(str(path), "map names to values", type(content).__name__))
    return content


def _flat(name: str, content: Any) -> dict[str, Tensor]:
    """Give the weights of a file or dictionary, out of whatever they are wrapped in."""
    while isinstance(content, Mapping):
        inner = [content[key] for key in _WRAPPED if isinstance(content.get(key), Mapping)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(must(name, "hold named arrays", type(content).__name__))
    tensors = dict(_walk(name, content, ""))
    if all(key.startswith("module.") for key in tensors):  # written by a data-parallel model
        tensors = {key.removeprefix("module."): value for key, value in tensors.items()}
    return tensors


def _walk(name: str, content: Mapping[Any, Any], above: str) -> Iterator[tuple[str, Tensor]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _walk(name, value, f"{above}{key}/")
        elif isinstance(value, Tensor):
            yield f"{above}{key}", value.detach().clone()
        elif hasattr(value, "__array__") and np.asarray(value).dtype != object:
            yield f"{above}{key}", _tensor(np.asarray(value))
        else:
            raise ValueError(must(f"{name}: {above}{key}", "be an array", type(value).__name__))


def _tensor(array: np.ndarray) -> Tensor:
    # NumPy itself has no bfloat16; what brings it is widened without loss.
    wide = array.astype(np.float32) if array.dtype.name == "bfloat16" else array.copy()
    return torch.from_numpy(wide)
