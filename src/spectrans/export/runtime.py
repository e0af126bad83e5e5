"""onnxruntime behind the few functions that are needed of it, and its absence in one sentence."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spectrans.export.metadata import KEY

Run = Callable[[dict[str, Tensor]], Tensor]

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
# From 1.29 on, onnxruntime keeps a number for the machine at home and reports its use to Microsoft,
# from its import on, unless it finds this. Whoever wants that sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def require_onnx() -> None:
    """Refuse to go on without the packages of the `onnx` extra."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        raise ModuleNotFoundError(
            f"ONNX needs {names}, install the extra: pip install -e '.[onnx]' in the checkout"
        )


def session(source: str | bytes) -> Any:
    """Start onnxruntime on the CPU, with as many threads as torch has."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 4  # errors come as exceptions
    return onnxruntime.InferenceSession(source, settings, providers=["CPUExecutionProvider"])


def runner(source: str | bytes) -> Run:
    """Give a function that runs an ONNX model, from a file or its content."""
    started = session(source)

    def run(batch: dict[str, Tensor]) -> Tensor:
        arrays = {name: value.detach().cpu().numpy() for name, value in batch.items()}
        return torch.from_numpy(started.run(None, arrays)[0])

    return run


def refusals() -> tuple[type[Exception], ...]:
    """Give what onnxruntime raises when it cannot load or run a model."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
    )


def read_metadata(file: Path) -> str | None:
    """Give what `save` wrote into an ONNX file, None where it wrote nothing."""
    require_onnx()
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(file), load_external_data=False)
    except DecodeError:
        return None
    found = {entry.key: entry.value for entry in model.metadata_props}
    return found.get(KEY)
