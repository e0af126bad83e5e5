"""Model configs."""

from spectrans.config.base import ModelConfig as ModelConfig
from spectrans.config.base import OutputHeadType as OutputHeadType
from spectrans.config.base import PositionalEncodingType as PositionalEncodingType
from spectrans.config.models import AlternatingModelConfig as AlternatingModelConfig
from spectrans.config.models import FNetModelConfig as FNetModelConfig
from spectrans.config.models import HybridModelConfig as HybridModelConfig
from spectrans.config.models import SpectralAttentionModelConfig as SpectralAttentionModelConfig
