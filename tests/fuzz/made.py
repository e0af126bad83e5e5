"""What the generated tests draw from: mixers with any options, tensors in any memory layout."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from spectrans.mixers import MIXERS, Dims, MixerOptions, resolve
from tests.reference.afno import afno
from tests.reference.attention import attention
from tests.reference.fourier import fourier
from tests.reference.gfnet import gfnet
from tests.reference.grid import afno_grid, gfnet_grid
from tests.reference.lst import lst
from tests.reference.spectral_attention import spectral_attention
from tests.reference.wavelet import wavelet

REFERENCES: dict[str, Callable[..., Any]] = {
    "fourier": fourier,
    "wavelet": wavelet,
    "afno": afno,
    "gfnet": gfnet,
    "attention": attention,
    "spectral_attention": spectral_attention,
    "lst": lst,
}
GRIDS: dict[str, Callable[..., Any]] = {"afno": afno_grid, "gfnet": gfnet_grid}

_flag = st.booleans()
_heads = st.none() | st.integers(0, 4)
_grid = st.none() | st.none() | st.tuples(st.integers(1, 5), st.integers(1, 6))

# Values that an option takes, and some that it refuses alone or beside another one.
OPTIONS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "fourier": {
        "norm": st.sampled_from(["ortho", "backward"]),
        "part": st.sampled_from(["real", "hartley"]),
        "use_real_fft": _flag,
    },
    "wavelet": {
        "wavelet": st.sampled_from(
            ["haar", "db2", "db4", "sym5", "coif1", "bior2.2", "bior3.1", "rbio1.3", "dmey", "db0"]
        ),
        "levels": st.integers(0, 8),
        "mixing_mode": st.sampled_from(["pointwise", "channel", "level", "attention"]),
        "boundary": st.sampled_from(["periodization", "symmetric", "zero", "reflect"]),
        "learnable": _flag,
        "num_heads": st.none() | st.none() | _heads,
    },
    "afno": {
        "num_blocks": st.integers(0, 4),
        "sparsity_threshold": st.floats(-0.1, 0.5),
        "modes_seq": st.none() | st.integers(0, 40),
        "modes_hidden": st.none() | st.none() | st.integers(1, 12),
        "mlp_ratio": st.floats(0.0, 3.0),
        "grid": _grid,
    },
    "gfnet": {
        "activation": st.sampled_from(["none", "sigmoid", "tanh"]),
        "resample": st.sampled_from(["kernel", "modes"]),
        "grid": _grid,
    },
    "attention": {
        "num_heads": _heads,
        "window": st.none() | st.integers(0, 9),
        "qk_norm": _flag,
        "bias": _flag,
        "position": st.sampled_from([None, "none", "rotary", "alibi"]),
    },
    "spectral_attention": {
        "num_features": st.integers(0, 24),
        "kernel_type": st.sampled_from(["softmax", "gaussian", "relu"]),
        "use_orthogonal": _flag,
        "qk_norm": _flag,
        "num_heads": _heads,
        "bias": _flag,
        "position": st.sampled_from([None, "none", "rotary"]),
        "seed": st.none() | st.integers(-1, 2**63),
    },
    "lst": {
        "transform_type": st.sampled_from(["dct", "dst", "hadamard", "mixed"]),
        "use_bias": _flag,
        "form": st.sampled_from(["gated", "product"]),
        "num_heads": _heads,
    },
}

# Half of the draws are small, odd, prime, a power of two and its neighbours.
_KNOWN = [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 30, 31, 32, 33, 64, 97, 101, 127, 128, 129, 199, 200]
LENGTHS = st.sampled_from(_KNOWN) | st.integers(0, 200)
WIDTHS = st.sampled_from([1, 2, 3, 5, 7, 11, 12, 16, 17, 23, 24]) | st.integers(1, 24)


@st.composite
def mixers(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A mixer's name and some of its settings, not all of them good."""
    name = draw(st.sampled_from(sorted(MIXERS.keys() & OPTIONS.keys())))
    kept = draw(st.sets(st.sampled_from(sorted(OPTIONS[name]))))
    return name, {key: draw(OPTIONS[name][key]) for key in sorted(kept)}


def builds(made: tuple[str, dict[str, Any]], dims: Dims) -> bool:
    """Whether a model of these sizes can have the mixer."""
    try:
        resolve({"type": made[0], **made[1]}).build(dims)
    except (TypeError, ValueError):
        return False
    return True


@st.composite
def sized(draw: st.DrawFn) -> tuple[Dims, str, dict[str, Any]]:
    """Sizes and a mixer: in nine of ten draws one that can be built."""
    dims = Dims(
        hidden_dim=draw(WIDTHS),
        num_heads=draw(st.sampled_from([1, 1, 1, 2, 3, 4])),
        max_sequence_length=draw(st.integers(1, 40)),
    )
    wild = draw(st.integers(0, 9)) == 0
    name, chosen = draw(mixers() if wild else mixers().filter(lambda made: builds(made, dims)))
    return dims, name, chosen


@st.composite
def plans(draw: st.DrawFn) -> tuple[Dims, list[tuple[str, dict[str, Any]]]]:
    """Sizes of a model and its mixers: in nine of ten draws such as can be built."""
    dims = Dims(
        hidden_dim=draw(st.sampled_from([12, 24, 7])),
        num_heads=draw(st.sampled_from([1, 1, 2, 3])),
        max_sequence_length=draw(st.integers(1, 60)),
    )
    wild = draw(st.integers(0, 9)) == 0
    one = mixers() if wild else mixers().filter(lambda made: builds(made, dims))
    return dims, draw(st.lists(one, min_size=1, max_size=3))


def reference(options: MixerOptions, dims: Dims) -> Callable[[Any, dict[str, Any]], Any]:
    """The literal definition of a mixer, as a function of input and weights."""
    on_grid = getattr(options, "grid", None) is not None
    function = (GRIDS if on_grid else REFERENCES)[options.name]
    return lambda x, state: function(x, state, options, dims)


@dataclass(frozen=True)
class Layout:
    """A way to lay the same numbers out in memory."""

    name: str
    lay: Callable[[Tensor], Tensor]

    def __repr__(self) -> str:
        return self.name


def _expanded(x: Tensor) -> Tensor:
    return x[:1].expand(x.shape)


def _one_token(x: Tensor) -> Tensor:
    return x[:, :1].expand(x.shape)


def _image(x: Tensor) -> Tensor:
    """Tokens of a picture whose channels lie last in memory."""
    b, n, d = x.shape
    height = next(h for h in (8, 6, 5, 4, 3, 2, 1) if n % h == 0)
    picture = x.transpose(1, 2).reshape(b, d, height, n // height)
    return picture.contiguous(memory_format=torch.channels_last).flatten(2).transpose(1, 2)


def _turned(x: Tensor) -> Tensor:
    """The same of a picture whose rows and columns were exchanged: tokens are not in order."""
    b, n, d = x.shape
    height = next(h for h in (8, 6, 5, 4, 3, 2, 1) if n % h == 0)
    picture = x.view(b, height, n // height, d).permute(0, 3, 2, 1)
    turned = picture.contiguous(memory_format=torch.channels_last).transpose(2, 3)
    return turned.flatten(2).transpose(1, 2)


def _stepped(x: Tensor) -> Tensor:
    return torch.stack([x, torch.full_like(x, torch.nan)], 2).flatten(1, 2)[:, ::2]


def _within(x: Tensor) -> Tensor:
    return torch.nn.functional.pad(x, (1, 2, 3, 1), value=torch.nan)[:, 3:-1, 1:-2]


LAYOUTS = (
    Layout("contiguous", lambda x: x),
    Layout("channels first", lambda x: x.transpose(1, 2).contiguous().transpose(1, 2)),
    Layout("tokens first", lambda x: x.transpose(0, 1).contiguous().transpose(0, 1)),
    Layout("one row expanded", _expanded),
    Layout("one token expanded", _one_token),
    Layout("picture, channels last", _image),
    Layout("turned picture, channels last", _turned),
    Layout("every second token", _stepped),
    Layout("part of a larger tensor", _within),
)
