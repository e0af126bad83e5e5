"""What the encoders of transformers share: a body under a prefix, and one of several heads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from spectrans.blocks.activation import Activation
from spectrans.config import ModelConfig, OutputHeadType
from spectrans.errors import unknown
from spectrans.models import BaseModel
from spectrans.pretrained.recipe import Part
from spectrans.pretrained.source import Source

Settings = dict[str, Any]

# The names that transformers gives to activations, and ours.
_ACTIVATIONS: dict[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
}
THEIR_ACTIVATION: dict[Activation, str] = {
    "gelu": "gelu",
    "gelu_tanh": "gelu_new",
    "relu": "relu",
    "silu": "silu",
    "tanh": "tanh",
}


def activation(name: Any) -> Activation:
    """Give our name of an activation of transformers."""
    if name not in _ACTIVATIONS:
        raise ValueError(unknown("hidden_act", name, _ACTIVATIONS))
    return _ACTIVATIONS[name]


@dataclass(frozen=True)
class Head:
    """One head that a family publishes. `@` in a name stands for the prefix of the body.

    Parameters
    ----------
    classes
        How the names of the classes with this head end.
    output_type
        What it is here.
    linear
        Its last layer.
    dense
        The layer before that.
    norm
        The norm between the two.
    bias
        Where the bias of a tied last layer is.
    dropout
        Settings that hold its dropout; the first that is set counts.
    default
        Its dropout where none is set.
    activation
        What follows `dense`; None is what the body has.
    """

    classes: tuple[str, ...]
    output_type: OutputHeadType
    linear: str | None = None
    dense: str | None = None
    norm: str | None = None
    bias: str | None = None
    dropout: tuple[str, ...] = ()
    default: float = 0.0
    activation: Activation | None = "tanh"

    def name(self, part: Literal["linear", "dense", "norm"], prefix: str) -> str:
        """Give the full name of one of its layers."""
        name: str | None = getattr(self, part)
        assert name is not None, f"a head that is read as {self.output_type} has a {part}"
        return name.replace("@", prefix)

    def names(self, prefix: str) -> Iterator[str]:
        """Give every name that its weights can have."""
        layers = [part for part in (self.linear, self.dense, self.norm) if part is not None]
        for name in layers:
            yield from (f"{name.replace('@', prefix)}.{kind}" for kind in ("weight", "bias"))
        if self.bias is not None:
            yield self.bias

    def is_in(self, source: Source, prefix: str) -> bool:
        """Say whether a source holds this head; a tied last layer may be missing."""
        tied = [] if self.bias is None else [f"{self.linear}.weight", f"{self.linear}.bias"]
        return all(name in source.tensors for name in self.names(prefix) if name not in tied)

    def dropout_of(self, source: Source) -> float:
        """Give the dropout that the config sets for it."""
        found = (source.setting(name, None) for name in self.dropout)
        return float(next((value for value in found if value is not None), self.default))


@dataclass(frozen=True)
class Family:
    """One kind of encoder.

    Parameters
    ----------
    kind
        Its name in reports.
    types
        The `model_type` of its configs.
    classes
        How the names of its classes start.
    prefix
        Before the names of the body's weights, in models with a head.
    model_class
        Which of our models it is.
    settings
        From a source to the settings of our model without its head.
    body
        From a source to the parts of our model without its head, names without prefix.
    heads
        What it publishes.
    back
        From our config to the settings of theirs.
    remarks
        What else to know of it.
    """

    kind: str
    types: tuple[str, ...]
    classes: str
    prefix: str
    model_class: type[BaseModel]
    settings: Callable[[Source], Settings]
    body: Callable[[Source], list[Part]]
    heads: tuple[Head, ...]
    back: Callable[[ModelConfig], Settings]
    remarks: tuple[str, ...] = ()

    def is_of(self, source: Source) -> bool:
        """Say whether the config of a source is one of this family."""
        kind = source.setting("model_type", None)
        if kind is None:
            return (source.architecture or "").startswith(self.classes)
        return kind in self.types

    def prefix_in(self, source: Source) -> str:
        """Give the prefix that the weights of a source have."""
        return self.prefix if any(n.startswith(self.prefix) for n in source.tensors) else ""

    def pooler(self) -> Head | None:
        """Give the head that is a pooled row, if the family has one."""
        return next((head for head in self.heads if head.output_type == "pooled"), None)


def compare(ours: ModelConfig, theirs: ModelConfig) -> tuple[str, Any, Any] | None:
    """Give the first setting in which two configs mean different models, with both values."""
    ours_said, theirs_said = _meaning(ours), _meaning(theirs)
    for name, value in theirs_said.items():
        # With another depth there is a layer that only one of them has.
        if ours_said.get(name) != value:
            return name, ours_said.get(name), value
    return None


def _meaning(config: ModelConfig) -> Mapping[str, Any]:
    said = {name: getattr(config, name) for name in ModelConfig.model_fields}
    del said["gradient_checkpointing"], said["use_positional_encoding"]
    if not config.use_positional_encoding:
        said["positional_encoding_type"] = "none"
    said["ffn_hidden_dim"] = config.ffn_hidden_dim or 4 * config.hidden_dim
    if config.mixing_dropout is None:
        said["mixing_dropout"] = config.dropout
    for number, options in enumerate(config.plan()):
        settings = options.to_dict()
        if "num_heads" in settings:
            settings["num_heads"] = settings["num_heads"] or getattr(config, "num_heads", None)
        # A matter of speed.
        settings.pop("use_real_fft", None)
        said[f"layer {number}"] = settings
    return said
