"""From a program of `torch.export` to the bytes of an ONNX file."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from onnx_ir.passes import common as passes
from onnxscript import ir
from onnxscript.optimizer import fold_constants
from torch.export import ExportedProgram
from torch.onnx import ONNXProgram
from torch.onnx.errors import OnnxExporterError

from spectrans.export.metadata import KEY, Metadata
from spectrans.export.operators import TABLE
from spectrans.export.program import Subject, without_traces

# Of one message in the protocol that ONNX files are written in.
_MOST_BYTES = 2**31 - 2**20


def to_model(
    program: ExportedProgram, subject: Subject, output: str, opset: int, fixed: bool
) -> ir.Model:
    """Translate a program into an ONNX model.

    Parameters
    ----------
    program
        From `capture`.
    subject
        The model with its inputs.
    output
        Name for the output.
    opset
        Version of the operators.
    fixed
        Whether the length is fixed, so that only the batch gets an axis with a name.

    Returns
    -------
    Model
        With axes `batch` and `length`, and without paths of this machine.

    Raises
    ------
    ValueError
        Weights too large for one file, or an operator that ONNX does not have.
    """
    size = sum(t.numel() * t.element_size() for t in program.state_dict.values())
    if size > _MOST_BYTES:
        raise ValueError(f"an .onnx file must be below 2 GiB, got {size} bytes: write .pt2")
    batch = subject.batch(3, 3)  # ignored for a program, but asked for
    try:
        with _quiet(), without_traces():
            found = torch.onnx.export(
                program,
                (),
                kwargs=batch,
                input_names=list(subject.inputs),
                output_names=[output],
                opset_version=opset,
                custom_translation_table=TABLE,
                verbose=False,
                dynamo=True,
                optimize=False,
            )
    except OnnxExporterError as error:
        raise ValueError(_blame(program, subject, error)) from error
    assert isinstance(found, ONNXProgram)
    model = found.model
    _tidy(model)
    _name_axes(found, fixed)
    for node in model.graph.all_nodes():
        node.metadata_props.clear()  # paths of this machine, of no use elsewhere
        for value in node.outputs:
            value.metadata_props.clear()
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what torch says of its own parts and of packages that are not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _tidy(model: ir.Model) -> None:
    """Drop what is computed twice or not at all; runtimes rewrite patterns by themselves."""
    passes.InlinePass()(model)
    fold_constants(model, input_size_limit=1024, output_size_limit=1024)
    ir.passes.Sequential(
        passes.RemoveUnusedNodesPass(),
        passes.RemoveUnusedFunctionsPass(),
        passes.RemoveUnusedOpsetsPass(),
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.DeduplicateInitializersPass(),
        passes.CommonSubexpressionEliminationPass(),
        passes.NameFixPass(),
    )(model)


def _name_axes(found: ONNXProgram, fixed: bool) -> None:
    shape = found.model.graph.inputs[0].shape
    assert shape is not None
    names = ("batch",) if fixed else ("batch", "length")
    axes: dict[str | ir.SymbolicDim, str] = {
        dim: name for dim, name in zip(shape, names, strict=False) if not isinstance(dim, int)
    }
    found.rename_axes(axes)


def _blame(program: ExportedProgram, subject: Subject, error: OnnxExporterError) -> str:
    """Name the operator that has no translation, and the mixer it stands in."""
    described = re.search(r"target=([\w.:]+)\]", str(error.__cause__))
    if described is None:
        line = str(error.__cause__ or error).splitlines()[0]
        return f"the model must be made of operators that ONNX has, got: {line}"
    operator = described[1].removeprefix("torch.ops.")
    _, _, name = operator.partition(".")  # the namespace changes when operators are taken apart
    for node in program.graph.nodes:
        if name.split(".")[0] in str(node.target):
            where = " ".join(path for path, _ in (node.meta.get("nn_module_stack") or {}).values())
            layer = re.search(r"blocks\.(\d+)\.mixer", where)
            if layer:
                mixer = subject.model.config.plan()[int(layer[1])].name
                rule = (
                    f"mixer {mixer!r} of layer {layer[1]} must be made of operators that ONNX has"
                )
                return f"{rule}, got {operator}"
    return f"the model must be made of operators that ONNX has, got {operator}"


def to_bytes(model: ir.Model, metadata: Metadata) -> bytes:
    """Give the content of a file with this metadata."""
    model.metadata_props[KEY] = metadata.to_json()
    return ir.serde.serialize_model(model).SerializeToString()
