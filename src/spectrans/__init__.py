"""Hybrid spectral-spatial transformer encoders.

Some layers mix tokens with a spectral transform, others with attention; a plan says which.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spectrans.version import __version__ as __version__

if TYPE_CHECKING:
    from spectrans.config import AlternatingModelConfig as AlternatingModelConfig
    from spectrans.config import FNetModelConfig as FNetModelConfig
    from spectrans.config import HybridModelConfig as HybridModelConfig
    from spectrans.config import SpectralAttentionModelConfig as SpectralAttentionModelConfig
    from spectrans.io import from_pretrained as from_pretrained
    from spectrans.io import save_pretrained as save_pretrained
    from spectrans.mixers import MIXERS as MIXERS
    from spectrans.mixers import Dims as Dims
    from spectrans.mixers import Mixer as Mixer
    from spectrans.mixers import MixerOptions as MixerOptions
    from spectrans.mixers import register as register
    from spectrans.models import AlternatingTransformer as AlternatingTransformer
    from spectrans.models import FNet as FNet
    from spectrans.models import FNetEncoder as FNetEncoder
    from spectrans.models import HybridEncoder as HybridEncoder
    from spectrans.models import HybridTransformer as HybridTransformer
    from spectrans.models import SpectralAttentionEncoder as SpectralAttentionEncoder
    from spectrans.models import SpectralAttentionTransformer as SpectralAttentionTransformer
    from spectrans.models import StandardAttention as StandardAttention

# Imported when first asked for: `spectrans --help` must not wait for torch.
_HOMES = {
    "spectrans.config": (
        "AlternatingModelConfig",
        "FNetModelConfig",
        "HybridModelConfig",
        "SpectralAttentionModelConfig",
    ),
    "spectrans.io": ("from_pretrained", "save_pretrained"),
    "spectrans.mixers": ("MIXERS", "Dims", "Mixer", "MixerOptions", "register"),
    "spectrans.models": (
        "AlternatingTransformer",
        "FNet",
        "FNetEncoder",
        "HybridEncoder",
        "HybridTransformer",
        "SpectralAttentionEncoder",
        "SpectralAttentionTransformer",
        "StandardAttention",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
