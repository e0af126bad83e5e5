"""The mixers, and the one list that a contributor edits to add another."""

from typing import Any, TypeVar

from spectrans.errors import must, unknown
from spectrans.mixers.afno import AFNO as AFNO
from spectrans.mixers.afno import AFNOGridMixer as AFNOGridMixer
from spectrans.mixers.afno import AFNOMixer as AFNOMixer
from spectrans.mixers.attention import Attention as Attention
from spectrans.mixers.attention import AttentionMixer as AttentionMixer
from spectrans.mixers.base import Dims as Dims
from spectrans.mixers.base import Mixer as Mixer
from spectrans.mixers.base import MixerOptions as MixerOptions
from spectrans.mixers.fourier import Fourier as Fourier
from spectrans.mixers.fourier import FourierMixer as FourierMixer
from spectrans.mixers.gfnet import GFNet as GFNet
from spectrans.mixers.gfnet import GFNetGridMixer as GFNetGridMixer
from spectrans.mixers.gfnet import GFNetMixer as GFNetMixer
from spectrans.mixers.lst import LST as LST
from spectrans.mixers.lst import LSTMixer as LSTMixer
from spectrans.mixers.spectral_attention import SpectralAttention as SpectralAttention
from spectrans.mixers.spectral_attention import SpectralAttentionMixer as SpectralAttentionMixer
from spectrans.mixers.wavelet import Wavelet as Wavelet
from spectrans.mixers.wavelet import WaveletMixer as WaveletMixer

_OURS = (Fourier, Wavelet, AFNO, GFNet, Attention, SpectralAttention, LST)

MIXERS: dict[str, type[MixerOptions]] = {options.name: options for options in _OURS}

OptionsClass = TypeVar("OptionsClass", bound=type[MixerOptions])


def register(options: OptionsClass) -> OptionsClass:
    """Add a mixer of your own, so that plans, configs and saved models know it by its name.

    Parameters
    ----------
    options
        The mixer's options class, with `name`, `kind` and `build`. Usable as a decorator.

    Returns
    -------
    type
        The same class.

    Raises
    ------
    ValueError
        The class lacks a name or kind, or the name belongs to another mixer.
    TypeError
        It is not a subclass of `MixerOptions`.

    Examples
    --------
    >>> from typing import ClassVar
    >>> class Turn(MixerOptions):
    ...     name: ClassVar[str] = "turn"
    ...     kind: ClassVar[str] = "spatial"
    ...     def build(self, dims: Dims) -> Mixer:
    ...         return TurnMixer()
    >>> class TurnMixer(Mixer):
    ...     def forward(self, x):
    ...         return x.roll(1, dims=1)
    >>> register(Turn) is resolve("turn").__class__
    True
    >>> del MIXERS["turn"]
    """
    if not (isinstance(options, type) and issubclass(options, MixerOptions)):
        raise TypeError(must("options", "be a subclass of MixerOptions", options))
    name, kind = getattr(options, "name", None), getattr(options, "kind", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(must(f"{options.__name__}.name", "be an identifier", name))
    if kind not in ("spectral", "spatial"):
        raise ValueError(must(f"{options.__name__}.kind", "be 'spectral' or 'spatial'", kind))
    holder = MIXERS.get(name)
    if holder is not None and (holder.__module__, holder.__qualname__) != (
        options.__module__,
        options.__qualname__,
    ):
        raise ValueError(must(f"{options.__name__}.name", f"be free, {name!r} is taken by", holder))
    MIXERS[name] = options
    return options


def resolve(item: str | dict[str, Any] | MixerOptions) -> MixerOptions:
    """Give the options that a name, a `{"type": name, ...}` dict or an options value stands for.

    Parameters
    ----------
    item
        One mixer of a plan, in any of its three spellings.

    Returns
    -------
    MixerOptions
        Frozen options.

    Raises
    ------
    ValueError
        Unknown name, missing "type", unknown or bad setting.
    TypeError
        Neither a name, a dict nor options.

    Examples
    --------
    >>> resolve({"type": "wavelet", "levels": 2}).levels
    2
    """
    if isinstance(item, MixerOptions):
        return item
    if isinstance(item, str):
        item = {"type": item}
    if not isinstance(item, dict):
        raise TypeError(must("a mixer", "be a name, a dict with 'type' or options", item))
    settings = dict(item)
    name = settings.pop("type", None)
    if not isinstance(name, str) or name not in MIXERS:
        raise ValueError(unknown("mixer", name, MIXERS))
    return MIXERS[name](**settings)
