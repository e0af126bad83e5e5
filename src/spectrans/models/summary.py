"""What each layer of a model is, holds and costs, counted from the operations it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log2, prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from spectrans.blocks.hybrid import HybridBlock

if TYPE_CHECKING:
    from spectrans.models.base import BaseModel

_aten = torch.ops.aten


@dataclass(frozen=True)
class LayerSummary:
    """One layer.

    Parameters
    ----------
    layer
        Number, from 0.
    mixer
        Name of the mixer.
    options
        The mixer's options that differ from their defaults.
    parameters
        Numbers that training changes, in the whole block.
    mixer_parameters
        Those of the mixer alone.
    flops
        Floating-point operations of the block's forward pass for one row.
    mixer_flops
        Those of the mixer alone.
    """

    layer: int
    mixer: str
    options: str
    parameters: int
    mixer_parameters: int
    flops: int
    mixer_flops: int


@dataclass(frozen=True)
class Summary:
    """All layers, and the totals of the model.

    Parameters
    ----------
    layers
        One entry per layer.
    parameters
        Numbers that training changes, in the whole model.
    flops
        Floating-point operations of all blocks for one row of `sequence_length` tokens.
    sequence_length
        Row length that the costs are for.
    """

    layers: tuple[LayerSummary, ...]
    parameters: int
    flops: int
    sequence_length: int

    def __str__(self) -> str:
        """Give the table as text."""
        head = ("layer", "mixer", "options", "parameters", "MFLOP", "of it mixing")
        lines = [head]
        for row in self.layers:
            cost = (f"{row.flops / 1e6:,.1f}", f"{row.mixer_flops / 1e6:,.1f}")
            lines.append((str(row.layer), row.mixer, row.options, f"{row.parameters:,}", *cost))
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        left = (1, 2)
        text = [
            "  ".join(
                cell.ljust(width) if i in left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        rule = "-" * max(map(len, text))
        total = (
            f"{self.parameters:,} parameters; blocks {self.flops / 1e6:,.1f} MFLOP per row of "
            f"{self.sequence_length} tokens, "
            f"{self.flops / self.sequence_length / 1e6:.3f} per token"
        )
        return "\n".join([text[0], rule, *text[1:], rule, total])


def summarise(model: "BaseModel", sequence_length: int) -> Summary:
    """Summarise a model for rows of one length, without running it on data.

    Parameters
    ----------
    model
        Any of our models.
    sequence_length
        Tokens of a row.

    Returns
    -------
    Summary
        Parameters and operations of every layer; print it.
    """
    d = model.config.hidden_dim
    layers = []
    counted: dict[Any, tuple[int, int]] = {}
    for number, (block, options) in enumerate(zip(model.blocks, model.config.plan(), strict=True)):
        settings = options.to_dict()
        key = repr(settings)
        assert isinstance(block, HybridBlock), "the model builds no other"
        if key not in counted:
            counted[key] = flops(block, sequence_length, d), flops(block.mixer, sequence_length, d)
        defaults = {name: f.default for name, f in type(options).model_fields.items()}
        changed = {k: v for k, v in settings.items() if k != "type" and v != defaults[k]}
        layers.append(
            LayerSummary(
                layer=number,
                mixer=options.name,
                options=" ".join(f"{k}={v}" for k, v in changed.items()),
                parameters=_size(block),
                mixer_parameters=_size(block.mixer),
                flops=counted[key][0],
                mixer_flops=counted[key][1],
            )
        )
    total = sum(layer.flops for layer in layers)
    return Summary(tuple(layers), _size(model), total, sequence_length)


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def flops(module: nn.Module, n: int, d: int) -> int:
    """Count the floating-point operations of a module on one row of `n` tokens of `d` channels.

    Runs it on the meta device, where tensors have shapes and no values. Matrix products count two
    per multiply-add, real FFTs of N points 2.5 N log2 N and complex ones 5 N log2 N, elementwise
    operations one per result.

    Parameters
    ----------
    module
        A block or a mixer.
    n
        Tokens.
    d
        Channels.

    Returns
    -------
    int
        Operations of one forward pass in inference.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    shapes = {name: torch.empty_like(t, device="meta") for name, t in tensors.items()}
    dtype = next((t.dtype for t in tensors.values() if t.is_floating_point()), torch.float32)
    x = torch.empty(1, n, d, device="meta", dtype=dtype)
    was_training = module.training
    module.eval()
    try:
        counter = FlopCounterMode(display=False, custom_mapping=_FORMULAS)
        with torch.no_grad(), counter:
            torch.func.functional_call(module, shapes, (x,))
    finally:
        module.train(was_training)
    return int(counter.get_total_flops())


def _fft(per_point: float) -> Callable[..., int]:
    def count(x: Any, dims: list[int], *args: Any, out_val: Tensor, **kwargs: Any) -> int:
        # The longer side holds all points of a real transform.
        shape = max(x.shape, out_val.shape, key=prod)
        return int(per_point * prod(shape) * sum(log2(max(shape[i], 2)) for i in dims))

    count._get_raw = True  # type: ignore[attr-defined]
    return count


def _elementwise(*args: Any, out_val: Tensor, **kwargs: Any) -> int:
    return out_val.numel() * (4 if out_val.is_complex() else 1)


_elementwise._get_raw = True  # type: ignore[attr-defined]

_ELEMENTWISE = [
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    "exp",
    "gelu",
    "relu",
    "silu",
    "sigmoid",
    "tanh",
    "_softmax",
    "rsqrt",
    "addcmul",
    "softshrink",
]
_FORMULAS: dict[Any, Any] = {
    _aten._fft_r2c: _fft(2.5),
    _aten._fft_c2r: _fft(2.5),
    _aten._fft_c2c: _fft(5.0),
    **dict.fromkeys((getattr(_aten, name) for name in _ELEMENTWISE), _elementwise),
}
