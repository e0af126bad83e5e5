"""Small models to export: one plan per mixer, with a layer for every option that changes the graph."""

from typing import Any

import torch

from spectrans import HybridEncoder, HybridTransformer, mixers
from spectrans.models import BaseModel

PLANS: dict[str, list[mixers.MixerOptions]] = {
    "fourier": [
        mixers.Fourier(),
        mixers.Fourier(part="hartley", use_real_fft=False),
        mixers.Fourier(norm="backward"),
    ],
    "gfnet": [
        mixers.GFNet(),
        mixers.GFNet(resample="modes", activation="tanh"),
        mixers.GFNet(activation="sigmoid"),
    ],
    "afno": [
        mixers.AFNO(num_blocks=3),
        mixers.AFNO(num_blocks=2, modes_seq=5),
        mixers.AFNO(num_blocks=2, modes_hidden=6, mlp_ratio=2.0, sparsity_threshold=0.0),
    ],
    "wavelet": [mixers.Wavelet(levels=2)],
    "attention": [
        mixers.Attention(position="rotary"),
        mixers.Attention(position="alibi", bias=False),
        mixers.Attention(window=4, qk_norm=True),
        mixers.Attention(window=3, position="alibi"),
    ],
    "spectral_attention": [
        mixers.SpectralAttention(num_features=16),
        mixers.SpectralAttention(num_features=16, kernel_type="gaussian", qk_norm=False),
        mixers.SpectralAttention(num_features=16, kernel_type="relu", position="rotary"),
    ],
    "lst": [
        mixers.LST(transform_type="mixed"),
        mixers.LST(transform_type="dst", form="gated", use_bias=False),
        mixers.LST(transform_type="hadamard"),
    ],
}

# Graphs that take long to make: wavelets have one for every length.
LONG: dict[str, list[mixers.MixerOptions]] = {
    "wavelets": [
        mixers.Wavelet(levels=2),
        mixers.Wavelet(wavelet="haar", levels=2, mixing_mode="level"),
        mixers.Wavelet(wavelet="bior2.2", levels=1, mixing_mode="channel"),
        mixers.Wavelet(levels=1, learnable=True),
        mixers.Wavelet(wavelet="haar", levels=1, mixing_mode="attention"),
    ],
    "wavelet-boundaries": [
        mixers.Wavelet(wavelet="db2", levels=2, boundary="symmetric"),
        mixers.Wavelet(wavelet="db2", levels=1, boundary="zero", mixing_mode="attention"),
        mixers.Wavelet(wavelet="db2", levels=2, boundary="reflect", mixing_mode="level"),
    ],
}


def encoder(layers: list[mixers.MixerOptions] | str, **changes: Any) -> BaseModel:
    """A model that is fed with vectors and gives hidden states."""
    settings: dict[str, Any] = {
        "hidden_dim": 12, "num_layers": 1 if isinstance(layers, str) else len(layers),
        "max_sequence_length": 31, "num_heads": 3, "ffn_hidden_dim": 16,
    }  # fmt: skip
    plan: dict[str, Any] = {"alternation_pattern": "custom", "layer_types": layers}
    return HybridEncoder(**{**settings, **changes}, **plan).eval()


def classifier(**changes: Any) -> BaseModel:
    """A model that is fed with ids and has a head."""
    settings: dict[str, Any] = {
        "vocab_size": 40, "hidden_dim": 12, "num_layers": 2, "max_sequence_length": 31,
        "num_heads": 3, "ffn_hidden_dim": 16, "num_classes": 4,
    }  # fmt: skip
    return HybridTransformer(**{**settings, **changes}).eval()


def padded(rows: int, length: int) -> torch.Tensor:
    """A mask with a full row, one without any token, and some with gaps, two equally long."""
    mask = (torch.rand(rows, length) < 0.6).long()
    mask[0], mask[1], mask[2, 0] = 1, 0, 1
    mask[-1] = mask[-2].flip(0)
    return mask
