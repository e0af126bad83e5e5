"""Export: trace, compare with the model, time, choose a route, and write one whole file."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spectrans.disk import placing, whole
from spectrans.errors import must
from spectrans.export.check import (
    Call,
    default_tolerance,
    errors,
    probe_shapes,
    speed,
)
from spectrans.export.guards import suspects
from spectrans.export.loaded import program_runner
from spectrans.export.metadata import KEY, Kind, Metadata, format_of
from spectrans.export.options import ExportOptions
from spectrans.export.program import (
    Checked,
    Route,
    Subject,
    capture,
    evaluating,
    lengths_of,
    subject,
    transforms_in,
)
from spectrans.export.report import Attempt, Report
from spectrans.export.runtime import refusals, require_onnx, runner
from spectrans.spill import placed
from spectrans.version import __version__


@dataclass(frozen=True)
class _Candidate:
    """An export that is ready to be written."""

    content: bytes
    metadata: Metadata
    attempt: Attempt
    probes: tuple[tuple[int, int], ...]


class _RefusedError(ValueError):
    """A route that cannot be taken, with what is known of it."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.refused)
        self.attempt = attempt


def save(
    model: nn.Module, path: str | Path, options: ExportOptions | None = None, **settings: Any
) -> Report:
    """Export a model to a `.pt2` or `.onnx` file, after comparing it with the model.

    The model is exported in evaluation mode and left in the mode it was in. It takes any number of
    rows, and rows of any length unless its mixers or learned positions set a limit, which the
    report names.

    Parameters
    ----------
    model
        One of this library's models, or one of `spectrans.hf` around one, on the CPU.
    path
        Where to write. `.pt2` is a program of `torch.export` for torch in Python and C++; `.onnx`
        is for onnxruntime and others, and needs the `onnx` extra.
    options
        How to export; None is the defaults.
    **settings
        Fields of `ExportOptions`, in the place of `options`.

    Returns
    -------
    Report
        Error and speed against the model itself; print it.

    Raises
    ------
    ValueError
        Another ending, an existing file, an option without effect, weights of a type that the
        format cannot hold, a mixer that cannot be exported, or answers that differ from the model's
        by more than the tolerance. Nothing is written.
    TypeError
        Another kind of model, or both `options` and settings.
    ModuleNotFoundError
        `.onnx` without the `onnx` extra.

    Examples
    --------
    >>> from spectrans import HybridEncoder
    >>> model = HybridEncoder(hidden_dim=8, num_layers=1, num_heads=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = save(model, Path(folder) / "model.pt2")
    >>> report.path.name, report.max_relative_error < 1e-5
    ('model.pt2', True)
    """
    if options is not None and settings:
        raise TypeError(must("options", "be left out when settings are given", options))
    chosen = options or ExportOptions(**settings)
    file = Path(path)
    kind = format_of(file)
    _check(file, kind, chosen)
    if kind == "onnx":
        require_onnx()
    given = subject(model, chosen)
    if kind == "onnx" and given.dtype != torch.float32:
        raise ValueError(must("the model's weights", "be float32 for .onnx", str(given.dtype)))
    with evaluating(given.model):
        best, attempts = _best(given, chosen, kind)
    _write(file, best.content, chosen.overwrite)
    assert best.attempt.speed is not None
    return Report(
        path=file,
        bytes=len(best.content),
        metadata=best.metadata,
        speed=best.attempt.speed,
        threads=torch.get_num_threads(),
        probes=best.probes,
        attempts=tuple(attempts),
    )


def _check(file: Path, kind: Kind, options: ExportOptions) -> None:
    """Refuse what cannot be written, and options without effect."""
    if file.is_dir():
        raise ValueError(must("path", "be a file, not a folder", str(file)))
    if file.exists() and not options.overwrite:
        raise ValueError(must("path", "be a new file unless overwrite is set", str(file)))
    if not file.parent.is_dir():
        raise ValueError(must("path", "lie in a folder that exists", str(file)))
    if kind == "pt2" and options.attention_mask:
        raise ValueError("attention_mask must be False for .pt2: what `load` gives takes a mask")
    if kind == "pt2" and options.opset != ExportOptions().opset:
        raise ValueError(must("opset", "be left out for .pt2", options.opset))
    if options.attention_mask and options.length is not None:
        rule = "be left out with attention_mask: real tokens make the length of a row"
        raise ValueError(must("length", rule, options.length))
    if options.length and options.speed_shape and options.speed_shape[1] != options.length:
        rule = f"have the length {options.length} of the file"
        raise ValueError(must("speed_shape", rule, options.speed_shape))


def _best(given: Subject, options: ExportOptions, kind: Kind) -> tuple[_Candidate, list[Attempt]]:
    """Try the routes that were asked for; give the fastest one that is right, and all attempts."""
    routes: list[Route | None] = [None] if options.route == "auto" else [options.route]
    if kind == "onnx" and options.route == "auto":
        routes = ["matmul", "fft"] if transforms_in(capture(given, options, "fft")) else [None]
    found: list[_Candidate] = []
    attempts: list[Attempt] = []
    make = _pt2 if kind == "pt2" else _onnx
    for route in routes:
        try:
            found.append(make(given, options, route))
            attempts.append(found[-1].attempt)
        except _RefusedError as refused:
            attempts.append(refused.attempt)
    if not found:
        raise ValueError(f"the export must give the model's answers, got {attempts[0].refused}")
    return max(found, key=_ratio), attempts


def _ratio(candidate: _Candidate) -> float:
    assert candidate.attempt.speed is not None
    return candidate.attempt.speed.ratio


def _pt2(given: Subject, options: ExportOptions, route: Route | None) -> _Candidate:
    program = capture(given, options, route)
    lengths = lengths_of(program, given, options)
    named = None if not transforms_in(program) and route is None else route or "fft"
    doubted = suspects(program, given, lengths)
    draft = _draft(given, named, lengths, "pt2", options)
    draft = draft.model_copy(update={"unguarded": doubted})
    found = _compared(given, options, draft, program_runner(program, doubted), doubted)
    with placed(), tempfile.TemporaryFile() as buffer:
        torch.export.save(program, buffer, extra_files={f"{KEY}.json": found[0].to_json()})
        buffer.seek(0)
        return _Candidate(buffer.read(), *found)


def _onnx(given: Subject, options: ExportOptions, route: Route | None) -> _Candidate:
    from spectrans.export.convert import to_bytes, to_model
    from spectrans.export.loop import over_rows

    program = capture(given, options, route, Checked(given.model))
    lengths = lengths_of(program, given, options)
    if lengths != (1, None) and not options.length:
        program = capture(given, options, route, Checked(given.model, lengths))
    draft = _draft(given, route, lengths, "onnx", options)
    graph = to_model(program, given, draft.output, options.opset, options.length is not None)
    if options.attention_mask:
        graph = over_rows(graph, draft)
    # An ONNX graph has no guards, so what they refuse must be right or not written.
    doubted = suspects(program, given, lengths)
    try:
        found = _compared(given, options, draft, runner(to_bytes(graph, draft)), doubted)
    except refusals() as error:
        line = f"onnxruntime cannot run it: {str(error).splitlines()[0]}"
        raise _RefusedError(Attempt(route, None, None, line)) from None
    return _Candidate(to_bytes(graph, found[0]), *found)


def _compared(
    given: Subject, options: ExportOptions, draft: Metadata, call: Call, doubted: list[int]
) -> tuple[Metadata, Attempt, tuple[tuple[int, int], ...]]:
    """Compare with the model, then time; refuse wrong answers."""
    low, high = draft.lengths
    shapes = probe_shapes(given, options, draft.lengths, doubted)
    worst, shape = max(zip(errors(given, call, shapes), shapes, strict=True))
    tolerance = options.tolerance or default_tolerance(given.dtype)
    if not worst <= tolerance:
        where = f"{shape[0]} x {shape[1]} tokens"
        reason = f"an error of {worst:.1e} for {where} where {tolerance:.0e} is allowed"
        raise _RefusedError(Attempt(draft.route, worst, None, reason))
    longest = max(min(given.model.config.sequence_length, high or 2**31), low)
    timed = speed(given, call, *(options.speed_shape or (1, longest)))
    metadata = draft.model_copy(update={"max_relative_error": worst})
    return metadata, Attempt(draft.route, worst, timed), tuple(shapes)


def _draft(
    given: Subject,
    route: Route | None,
    lengths: tuple[int, int | None],
    kind: Kind,
    options: ExportOptions,
) -> Metadata:
    """Give the metadata but for what the comparison finds."""
    model = given.model
    nothing = torch.zeros(1, lengths[0], dtype=torch.int64)
    empty = given.run({**given.batch(1, lengths[0]), "attention_mask": nothing})
    return Metadata(
        spectrans_version=__version__,
        model_class=type(model).__name__,
        config=model.config.to_dict(),
        transformers=given.wrapper,
        format=kind,
        route=route,
        opset=options.opset if kind == "onnx" else None,
        inputs=[*given.inputs, *(["attention_mask"] if options.attention_mask else [])],
        output="hidden_states" if model.output_head is None else "logits",
        dtype=str(given.dtype).removeprefix("torch."),
        lengths=lengths,
        unguarded=[],
        per_token=empty.dim() == 3,
        width=empty.shape[-1],
        empty_row=None if empty.dim() == 3 else empty[0].tolist(),
        max_relative_error=0.0,
    )


def _write(file: Path, content: bytes, overwrite: bool) -> None:
    """Write a whole file or none."""
    with placing(file, len(content)), whole(file) as scratch:
        scratch.write(content)
        if file.exists() and not overwrite:  # it came in between
            raise ValueError(must("path", "be a new file unless overwrite is set", str(file)))
