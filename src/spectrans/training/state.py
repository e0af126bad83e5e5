"""What a run is made of between two steps, as files without pickle and back."""

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from spectrans.errors import unreadable
from spectrans.safefiles import from_bytes

WEIGHTS = "model.safetensors"
BEST = "best.safetensors"
OPTIMISER = "optimizer.safetensors"
PROGRESS = "progress.json"
# What `Trainer` looks for itself.
TRAINER = "trainer_state.json"


def to_json(value: Any) -> bytes:
    """Write plain data; numbers come back to the last bit."""
    return json.dumps(value).encode()


def read_json(path: Path) -> Any:
    """Read what `to_json` gave; a file with something else is a ValueError."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be whole JSON: {unreadable(error)}") from None


def to_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Write tensors."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read what `to_tensors` gave; a file with something else is a ValueError."""
    return from_bytes(path, path.read_bytes())


def optimiser_files(state: Mapping[str, Any]) -> tuple[bytes, list[dict[str, Any]]]:
    """Part the state of an optimiser into tensors and the plain settings of its groups."""
    tensors = {
        f"{parameter}|{name}": value
        for parameter, values in state["state"].items()
        for name, value in values.items()
    }
    return to_tensors(tensors), state["param_groups"]


def optimiser_state(path: Path, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the state of an optimiser together again."""
    state: dict[Any, dict[str, Tensor]] = {}
    for key, tensor in read_tensors(path).items():
        parameter, _, name = key.rpartition("|")
        state.setdefault(int(parameter) if parameter.isdecimal() else parameter, {})[name] = tensor
    return {"state": state, "param_groups": [_tuples(group) for group in groups]}


def _tuples(group: dict[str, Any]) -> dict[str, Any]:
    """Undo that JSON has no tuples, as in `betas`."""
    return {
        name: tuple(value) if isinstance(value, list) and name != "params" else value
        for name, value in group.items()
    }


def random_states() -> dict[str, Any]:
    """Give the states of all random generators of this process as plain data."""
    kind, words, *rest = np.random.get_state()  # noqa: NPY002 - the global one is what is meant
    version, own, gauss = random.getstate()
    states = {
        "python": [version, list(own), gauss],
        "numpy": [str(kind), np.asarray(words).tolist(), *rest],
        "torch": torch.get_rng_state().numpy().tobytes().hex(),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state().numpy().tobytes().hex()
    return states


def set_random_states(states: Mapping[str, Any]) -> None:
    """Set all random generators of this process to earlier states."""
    version, own, gauss = states["python"]
    random.setstate((version, tuple(own), gauss))
    kind, words, *rest = states["numpy"]
    np.random.set_state((kind, np.array(words, dtype=np.uint32), *rest))  # noqa: NPY002
    _set_bytes(torch.set_rng_state, states["torch"])
    if torch.cuda.is_available() and "cuda" in states:
        _set_bytes(torch.cuda.set_rng_state, states["cuda"])


def _set_bytes(setter: Callable[[Tensor], None], written: str) -> None:
    setter(torch.frombuffer(bytearray.fromhex(written), dtype=torch.uint8))
