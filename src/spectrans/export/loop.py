"""An ONNX graph that takes a mask: the graph for equal rows, run on the real tokens of each row."""

from typing import Any

import numpy as np
from onnxscript import ir

from spectrans.export.metadata import Metadata

MASK = "attention_mask"


def over_rows(model: ir.Model, metadata: Metadata) -> ir.Model:
    """Wrap the graph for batches of equal rows into a loop over the rows of a padded batch.

    Parameters
    ----------
    model
        With the inputs named in the metadata but for the mask; used up.
    metadata
        Says what comes out, and what a row without any real token gives.

    Returns
    -------
    Model
        With one more input, `attention_mask` `(batch, length)` of int64, 1 at real tokens.
    """
    dense = model.graph
    inputs = [ir.Value(name=v.name, type=v.type, shape=v.shape) for v in dense.inputs]
    mask = ir.Value(
        name=MASK, type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape(["batch", "length"])
    )
    weights = list(dense.initializers.values())
    old, answer = list(dense.inputs), dense.outputs[0]
    body = _Graph()
    row = body.value("row", ir.DataType.INT64)
    go_on = body.value("go_on", ir.DataType.BOOL)
    real, kept, place = _real_tokens(body, row, mask)
    for outer, inner in zip(inputs, old, strict=True):
        some = body.add("Compress", body.add("Gather", outer, row, axis=0), kept, axis=0)
        packed = body.add("Unsqueeze", some, body.constant([0]))
        inner.replace_all_uses_with(packed)
    nodes = list(dense)
    dense.remove(nodes)
    dense.inputs.clear()
    dense.outputs.clear()
    dense.initializers.clear()
    for node in nodes:
        for value in node.outputs:
            value.shape = None  # the names of its axes mean other sizes here
    body.nodes.extend(nodes)
    one = body.add("Squeeze", answer, body.constant([0]))
    result = _answer(body, one, real, place, mask, metadata)
    again = body.add("Identity", go_on)
    inside = ir.Graph([row, go_on], [again, result], nodes=body.nodes, name="one_row")
    outside = _Graph()
    count = outside.add(
        "Squeeze", outside.add("Shape", mask, start=0, end=1), outside.constant([0])
    )
    forever = outside.constant(True)
    stacked = outside.add("Loop", count, forever, body=inside)
    stacked.name = metadata.output
    stacked.type = ir.TensorType(ir.DataType.FLOAT)
    tokens: list[str | int] = ["length"] if metadata.per_token else []
    stacked.shape = ir.Shape(["batch", *tokens, metadata.width])
    graph = ir.Graph(
        [*inputs, mask],
        [stacked],
        nodes=outside.nodes,
        initializers=weights,
        opset_imports=dense.opset_imports,
        name="rows",
    )
    return ir.Model(graph, ir_version=model.ir_version, functions=tuple(model.functions.values()))


def _real_tokens(body: "_Graph", row: ir.Value, mask: ir.Value) -> tuple[ir.Value, ...]:
    """Give which tokens are real, which are run (of an empty row the first), and their places."""
    marked = body.add("Gather", mask, row, axis=0)
    real = body.add("Not", body.add("Equal", marked, body.constant(0)))
    count = body.add("ReduceSum", body.add("Cast", real, to=ir.DataType.INT64), body.constant([0]))
    length = body.add("Squeeze", body.add("Shape", marked), body.constant([0]))
    tokens = body.add("Range", body.constant(0), length, body.constant(1))
    first = body.add("Equal", tokens, body.constant(0))
    empty = body.add("Equal", count, body.constant([0]))
    kept = body.add("Or", real, body.add("And", empty, first))
    place = body.add("Transpose", body.add("NonZero", kept), perm=[1, 0])
    return real, kept, place


def _answer(
    body: "_Graph",
    one: ir.Value,
    real: ir.Value,
    place: ir.Value,
    mask: ir.Value,
    metadata: Metadata,
) -> ir.Value:
    """Put the answer for real tokens in place, and replace that of an empty row."""
    if not metadata.per_token:
        some = body.add("Cast", real, to=ir.DataType.INT64)
        some = body.add("ReduceMax", some, body.constant([0]), keepdims=0)
        some = body.add("Cast", some, to=ir.DataType.BOOL)
        empty = np.asarray(metadata.empty_row, dtype=np.float32)
        return body.add("Where", some, one, body.constant(empty))
    length = body.add("Shape", mask, start=1, end=2)
    shape = body.add("Concat", length, body.constant([metadata.width]), axis=0)
    zero = ir.tensor(np.zeros(1, dtype=np.float32))
    blank = body.add("ConstantOfShape", shape, value=zero)
    there = body.add("Unsqueeze", body.add("Cast", real, to=ir.DataType.FLOAT), body.constant([1]))
    return body.add("Mul", body.add("ScatterND", blank, place, one), there)


class _Graph:
    """Nodes in order."""

    def __init__(self) -> None:
        self.nodes: list[ir.Node] = []

    def value(self, name: str, dtype: ir.DataType) -> ir.Value:
        """Make an input without axes."""
        return ir.Value(name=name, type=ir.TensorType(dtype), shape=ir.Shape([]))

    def add(self, operator: str, *inputs: ir.Value, **attributes: Any) -> ir.Value:
        """Append a node with one output, and give that."""
        node = ir.node(operator, list(inputs), attributes=attributes)
        node.outputs[0].name = f"rows_{operator}_{id(node):x}"
        self.nodes.append(node)
        return node.outputs[0]

    def constant(self, value: Any) -> ir.Value:
        """Append a constant, whole numbers as int64."""
        array = np.asarray(value)
        return self.add("Constant", value=ir.tensor(array))
