"""What a mixer is, and what it may know when it is built.

Axes, in every signature of this package: `b` rows, `n` tokens, `d` hidden channels, `h` heads,
`t` real tokens of a packed batch.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from spectrans.errors import must
from spectrans.mixers.response import Response
from spectrans.options import Options

Kind = Literal["spectral", "spatial"]


@dataclass(frozen=True, kw_only=True)
class Dims:
    """The sizes of the model that a mixer is built for; all that a mixer knows of its model.

    Parameters
    ----------
    hidden_dim
        Channels of a token, at least 1.
    num_heads
        Heads of mixers that have heads and whose options do not say otherwise.
    max_sequence_length
        Longest row the model is meant for; sizes what is stored per position or frequency.

    Raises
    ------
    ValueError
        `<argument> must be at least 1, got <value>`.
    """

    hidden_dim: int
    num_heads: int = 8
    max_sequence_length: int = 512

    def __post_init__(self) -> None:
        for name in ("hidden_dim", "num_heads", "max_sequence_length"):
            if getattr(self, name) < 1:
                raise ValueError(must(name, "be at least 1", getattr(self, name)))


class Mixer(nn.Module):
    """A function of one dense batch, `(b, n, d) -> (b, n, d)`, that lets tokens see each other.

    A mixer keeps shape and dtype, takes any `n >= 1`, treats rows independently, and knows neither
    padding nor the model around it: the model calls it on rows of real tokens only.

    A mixer may also define `forward_packed(x, rows)` for rows of several lengths that lie one after
    the other in `(t, d)`. It gives what `rows.each(self, x)` gives, faster: `Rows.each` calls a
    function once per length, and what treats each token alone can be called once.
    """

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Mix the tokens of each row."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x)")

    def learned(self, n: int) -> Response | None:
        """Give what the mixer does to rows of `n` tokens; None where that depends on the tokens."""
        return None

    def measured(self, x: Float[Tensor, "1 n d"]) -> Response | None:
        """Give what the mixer does to the tokens of one row; None where `learned` says it."""
        return None


class MixerOptions(Options):
    """The settings of one mixer: frozen, typed, checked when made, and able to build the mixer.

    A subclass names itself with `name` and `kind`, declares its settings as fields, and defines
    `build`. It is the value that a plan holds and a config file stores.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]

    @abstractmethod
    def build(self, dims: Dims) -> Mixer:
        """Make the mixer for a model of these sizes."""

    def to_dict(self) -> dict[str, Any]:
        """Give the options as plain data, `{"type": name, ...}`, with every default written out."""
        return {"type": self.name, **self.model_dump(mode="json")}


def head_dim(hidden_dim: int, num_heads: int) -> int:
    """Give the channels of one head.

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    num_heads
        Heads that share them.

    Returns
    -------
    int
        Channels of each head.

    Raises
    ------
    ValueError
        One of the two is below 1, or the split leaves a remainder.

    Examples
    --------
    >>> head_dim(64, 4)
    16
    """
    for name, value in (("hidden_dim", hidden_dim), ("num_heads", num_heads)):
        if value < 1:
            raise ValueError(must(name, "be at least 1", value))
    if hidden_dim % num_heads:
        message = f"hidden_dim must be divisible by num_heads, got {hidden_dim} and {num_heads}"
        raise ValueError(message)
    return hidden_dim // num_heads
