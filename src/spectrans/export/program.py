"""From a model to a program of `torch.export`: which inputs, which lengths, and what cannot be."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export

from spectrans.blocks.hybrid import HybridBlock
from spectrans.errors import must, unknown
from spectrans.export.options import INPUTS, ExportOptions
from spectrans.models import BaseModel
from spectrans.positions import LearnedPositions
from spectrans.transforms import routes
from spectrans.transforms.precision import without_regions

# What tracing code that is not ours may raise; torch's own errors are RuntimeErrors.
_TRACING = (RuntimeError, ValueError, TypeError, AssertionError, AttributeError, LookupError)

Route = routes.Route
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Subject:
    """A model with the inputs it is exported for.

    Parameters
    ----------
    model
        One of this library's.
    inputs
        Names of its inputs, in order.
    masked
        Whether batches have an attention mask as well.
    wrapper
        Config of the model of transformers around it, if there is one.
    """

    model: BaseModel
    inputs: tuple[str, ...]
    masked: bool = False
    wrapper: dict[str, Any] | None = None

    @property
    def dtype(self) -> torch.dtype:
        """Give the type of the weights."""
        return next((p.dtype for p in self.model.parameters()), torch.float32)

    def batch(self, rows: int, length: int, seed: int = 0) -> Batch:
        """Give random inputs."""
        generator = torch.Generator().manual_seed(seed)
        config, found = self.model.config, {}
        for name in self.inputs:
            if name == "inputs_embeds":
                width = config.embedding_dim or config.hidden_dim
                drawn = torch.randn(rows, length, width, generator=generator)
                found[name] = drawn.to(self.dtype)
            else:
                size = config.vocab_size if name == "input_ids" else config.type_vocab_size
                assert size is not None, "the choice of inputs sees to this"
                found[name] = torch.randint(size, (rows, length), generator=generator)
        if self.masked:
            real = torch.randint(length + 1, (rows, 1), generator=generator)
            real[0] = length
            found["attention_mask"] = (torch.arange(length).flip(0) < real).long()
        return found

    def blank(self, rows: int, length: int) -> Batch:
        """Give inputs that have sizes and no values."""
        width = self.model.config.embedding_dim or self.model.config.hidden_dim
        vectors = torch.empty(1, dtype=self.dtype).expand(rows, length, width)
        ids = torch.empty(1, dtype=torch.int64).expand(rows, length)
        return {name: vectors if name == "inputs_embeds" else ids for name in self.inputs}

    def run(self, batch: Batch) -> Tensor:
        """Give the model's own answer."""
        with torch.no_grad():
            return self.model(**batch)


def subject(model: nn.Module, options: ExportOptions) -> Subject:
    """Choose the inputs of a model, or check those that were chosen."""
    wrapper = None
    # Known by its looks: transformers must not be needed here.
    inside, config = getattr(model, "model", None), getattr(model, "config", None)
    if isinstance(inside, BaseModel) and config is not None:
        wrapper, model = json.loads(config.to_json_string(use_diff=False)), inside
    if not isinstance(model, BaseModel):
        raise TypeError(must("model", "be one of this library's models", type(model).__name__))
    devices = {p.device.type for p in model.parameters()} - {"cpu"}
    if devices:
        raise ValueError(must("model", "be on the CPU, model.cpu() moves it", devices.pop()))
    dtypes = {p.dtype for p in model.parameters()}
    if len(dtypes) > 1:
        found = ", ".join(sorted(str(dtype) for dtype in dtypes))
        raise ValueError(f"the model's weights must have one dtype, got {found}")
    default = ["inputs_embeds" if model.embedding is None else "input_ids"]
    if model.type_embedding is not None:
        default.append("token_type_ids")
    inputs = tuple(default) if options.inputs is None else options.inputs
    for name in inputs:
        if name not in INPUTS:
            raise ValueError(unknown("input", name, INPUTS))
    if (inputs.count("input_ids") + inputs.count("inputs_embeds"), len(set(inputs))) != (
        1,
        len(inputs),
    ):
        raise ValueError(must("inputs", "name either input_ids or inputs_embeds, once", inputs))
    if "input_ids" in inputs and model.embedding is None:
        raise ValueError("inputs must not name input_ids for a model without vocab_size")
    if "token_type_ids" in inputs and model.type_embedding is None:
        raise ValueError("inputs must not name token_type_ids for a model without type_vocab_size")
    return Subject(model, inputs, options.attention_mask, wrapper)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode inside the block."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def taking(route: Route | None) -> AbstractContextManager[None]:
    """Make transforms take a route inside the block; None leaves the choice to them."""
    return nullcontext() if route is None else routes.using(route)


@contextmanager
def without_traces() -> Iterator[None]:
    """Keep nodes from recording where they came from: slow, and paths of this machine."""
    switch = "do_not_emit_stack_traces"  # new in torch 2.12
    if not hasattr(fx.config, switch):
        yield
        return
    before = getattr(fx.config, switch)
    setattr(fx.config, switch, True)
    try:
        yield
    finally:
        setattr(fx.config, switch, before)


def capture(
    subject: Subject, options: ExportOptions, route: Route | None, module: nn.Module | None = None
) -> ExportedProgram:
    """Trace a model in evaluation mode into one graph.

    Parameters
    ----------
    subject
        Model and inputs.
    options
        Whether the length is fixed.
    route
        How transforms are computed; None as the model itself would.
    module
        What is traced in the place of the model, with its inputs.

    Returns
    -------
    ExportedProgram
        Any batch size, and any length unless fixed.

    Raises
    ------
    ValueError
        The model cannot be traced; the sentence names the mixer, where it is one.
    """
    length = options.length or _example_length(subject.model)
    axes = {0: Dim.DYNAMIC} if options.length else {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    if length == 1:  # graphs treat one token apart
        axes = {0: Dim.DYNAMIC}
    batch = replace(subject, masked=False).batch(3, length)
    shapes = {name: dict(axes) for name in batch}
    try:
        with taking(route), without_regions(), without_traces(), torch.no_grad():
            return export(module or subject.model, (), batch, dynamic_shapes=shapes)
    except _TRACING as error:
        raise ValueError(_blame(subject, length, error)) from error


def _example_length(model: BaseModel) -> int:
    """Give a length that stands for all: odd, and long enough for every level of a wavelet."""
    longest = model.config.sequence_length
    if isinstance(model.positions, LearnedPositions):
        return longest if longest < 3 else longest - (longest + 1) % 2
    return max(longest | 1, 37)


def _blame(subject: Subject, length: int, error: Exception) -> str:
    """Say which mixer cannot be traced, or else what went wrong."""
    for layer, block in enumerate(subject.model.blocks):
        mixer, name = cast(HybridBlock, block).mixer, subject.model.config.plan()[layer].name
        x = torch.randn(3, length, subject.model.config.hidden_dim, dtype=subject.dtype)
        try:
            export(mixer, (x,), dynamic_shapes=({0: Dim.DYNAMIC, 1: Dim.DYNAMIC},))
        except _TRACING as own:
            return (
                f"mixer {name!r} of layer {layer} must be made of operations that torch.export "
                f"can trace for any batch and length, got: {_first_line(own)}"
            )
    return f"the model must be traceable by torch.export, got: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class Checked(nn.Module):
    """A model that makes a look-up fail for what runtimes would take in silence.

    That is a negative id, which they count from the end, and a length that the graph is not for.

    Parameters
    ----------
    model
        What is called.
    lengths
        Fewest and most tokens.
    """

    def __init__(self, model: BaseModel, lengths: tuple[int, int | None] = (1, None)) -> None:
        super().__init__()
        self.model = model
        self.vocab_size = model.config.vocab_size or 0
        self.lengths = lengths

    def forward(
        self,
        input_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        """Call the model."""
        if input_ids is not None:
            input_ids = self._right_length(torch.where(input_ids < 0, self.vocab_size, input_ids))
        if inputs_embeds is not None:
            inputs_embeds = self._right_length(inputs_embeds)
        return self.model(input_ids, inputs_embeds, token_type_ids=token_type_ids)

    def _right_length(self, x: Tensor) -> Tensor:
        low, high = self.lengths
        if low == 1 and high is None:
            return x
        length = torch.full((1,), x.shape[1], dtype=torch.int64)
        outside = length < low if high is None else (length < low) | (length > high)
        # There is one entry, and entry 1 is asked for where the length is refused.
        return x.unsqueeze(0).index_select(0, outside.long()).squeeze(0)


def lengths_of(
    program: ExportedProgram, subject: Subject, options: ExportOptions
) -> tuple[int, int | None]:
    """Give the fewest and the most tokens of a row that a program's guards allow."""
    if options.length:
        return options.length, options.length
    first = next(node for node in program.graph.nodes if node.name in subject.inputs)
    size = first.meta["val"].shape[1]
    if isinstance(size, int):
        return size, size
    bounds = program.range_constraints[size.node.expr]
    # Graphs assume two tokens or more; whether one gives the right answer is for the probes to say.
    lower = 1 if bounds.lower <= 2 else int(bounds.lower)
    return lower, None if bounds.upper > 2**31 else int(bounds.upper)


def transforms_in(program: ExportedProgram) -> bool:
    """Say whether a program has a Fourier transform in it."""
    return any("fft" in str(node.target) for node in program.graph.nodes)
