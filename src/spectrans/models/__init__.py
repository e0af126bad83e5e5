"""Models, all one stack of blocks; and the list that saved folders are read with."""

from spectrans.models.base import BaseModel as BaseModel
from spectrans.models.fnet import FNet as FNet
from spectrans.models.fnet import FNetEncoder as FNetEncoder
from spectrans.models.hybrid import AlternatingTransformer as AlternatingTransformer
from spectrans.models.hybrid import HybridEncoder as HybridEncoder
from spectrans.models.hybrid import HybridTransformer as HybridTransformer
from spectrans.models.hybrid import StandardAttention as StandardAttention
from spectrans.models.spectral_attention import SpectralAttentionEncoder as SpectralAttentionEncoder
from spectrans.models.spectral_attention import (
    SpectralAttentionTransformer as SpectralAttentionTransformer,
)

MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        HybridTransformer,
        HybridEncoder,
        AlternatingTransformer,
        FNet,
        FNetEncoder,
        SpectralAttentionTransformer,
        SpectralAttentionEncoder,
    )
}
