"""Hybrid spectral-spatial transformer encoders.

Some layers mix tokens with a spectral transform, others with attention; a plan says which.
"""

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
from spectrans.version import __version__ as __version__
