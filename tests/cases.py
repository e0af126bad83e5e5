"""The mixers under test: one row each, and rows for options that change what is computed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from spectrans import mixers
from spectrans.mixers import Dims, Mixer, MixerOptions
from tests.reference.afno import afno
from tests.reference.attention import attention
from tests.reference.fourier import fourier
from tests.reference.gfnet import gfnet
from tests.reference.grid import afno_grid, gfnet_grid
from tests.reference.lst import lst
from tests.reference.spectral_attention import spectral_attention
from tests.reference.wavelet import wavelet

LENGTHS = (1, 2, 3, 7, 16, 31, 64, 101)
DIMS = Dims(hidden_dim=12, num_heads=3, max_sequence_length=31)


@dataclass(frozen=True)
class Case:
    """A mixer with options, and what is known of it.

    `reach` is how many tokens on either side a token sees at initialisation, None means all;
    `circular` says whether the two ends of a row are neighbours.
    """

    id: str
    options: MixerOptions
    reference: Callable[..., Any]
    reach: int | None = None
    circular: bool = True

    @property
    def grid(self) -> tuple[int, int] | None:
        """Height and width of the only rows that the mixer takes, if it takes no others."""
        return getattr(self.options, "grid", None)

    @property
    def dims(self) -> Dims:
        return replace(DIMS, max_sequence_length=self.tokens(DIMS.max_sequence_length))

    @property
    def lengths(self) -> tuple[int, ...]:
        return LENGTHS if self.grid is None else (self.tokens(0),)

    def tokens(self, n: int) -> int:
        """A length that the mixer takes: `n`, or its own."""
        return n if self.grid is None else self.grid[0] * self.grid[1]

    @property
    def name(self) -> str:
        return self.options.name

    def build(self, dtype: torch.dtype = torch.float64, dims: Dims | None = None) -> Mixer:
        return self.options.build(dims or self.dims).to(dtype).eval()


CASES = (
    Case("fourier", mixers.Fourier(), fourier),
    Case("wavelet", mixers.Wavelet(levels=6), wavelet),
    Case("afno", mixers.AFNO(num_blocks=3), afno),
    Case("gfnet", mixers.GFNet(), gfnet),
    Case("attention", mixers.Attention(), attention),
    Case("spectral_attention", mixers.SpectralAttention(num_features=32), spectral_attention),
    Case("lst", mixers.LST(), lst),
)

VARIANTS = (
    Case("fourier-hartley", mixers.Fourier(part="hartley"), fourier),
    Case("fourier-backward", mixers.Fourier(norm="backward"), fourier),
    Case("fourier-complex", mixers.Fourier(use_real_fft=False), fourier),
    Case("wavelet-channel", mixers.Wavelet(levels=6, mixing_mode="channel"), wavelet),
    Case("wavelet-level", mixers.Wavelet(levels=6, mixing_mode="level"), wavelet),
    Case("wavelet-attention", mixers.Wavelet(levels=2, mixing_mode="attention"), wavelet),
    Case("wavelet-learnable", mixers.Wavelet(levels=6, learnable=True), wavelet),
    Case("wavelet-bior", mixers.Wavelet(wavelet="bior2.2", levels=6), wavelet),
    Case(
        "wavelet-symmetric",
        mixers.Wavelet(levels=2, boundary="symmetric"),
        wavelet,
        reach=3,
        circular=False,
    ),
    Case("afno-dense", mixers.AFNO(num_blocks=1), afno),
    Case("afno-modes", mixers.AFNO(num_blocks=2, modes_seq=5), afno),
    Case(
        "afno-hidden",
        mixers.AFNO(num_blocks=2, modes_hidden=6, mlp_ratio=2.0, sparsity_threshold=0.2),
        afno,
    ),
    Case("gfnet-modes", mixers.GFNet(resample="modes"), gfnet),
    Case("gfnet-tanh", mixers.GFNet(activation="tanh"), gfnet),
    Case("gfnet-sigmoid", mixers.GFNet(activation="sigmoid"), gfnet),
    Case("attention-rotary", mixers.Attention(position="rotary"), attention),
    Case("attention-alibi", mixers.Attention(position="alibi"), attention),
    Case("attention-window", mixers.Attention(window=4), attention, reach=4, circular=False),
    Case(
        "attention-window-alibi",
        mixers.Attention(window=3, position="alibi"),
        attention,
        reach=3,
        circular=False,
    ),
    Case("attention-qk-norm", mixers.Attention(qk_norm=True, bias=False), attention),
    Case(
        "spectral_attention-gaussian",
        mixers.SpectralAttention(num_features=32, kernel_type="gaussian", qk_norm=False),
        spectral_attention,
    ),
    Case(
        "spectral_attention-relu",
        mixers.SpectralAttention(
            num_features=32, kernel_type="relu", use_orthogonal=False, bias=False
        ),
        spectral_attention,
    ),
    Case(
        "spectral_attention-rotary",
        mixers.SpectralAttention(num_features=32, position="rotary"),
        spectral_attention,
    ),
    Case("lst-dst", mixers.LST(transform_type="dst"), lst),
    Case("lst-hadamard", mixers.LST(transform_type="hadamard"), lst),
    Case("lst-mixed", mixers.LST(transform_type="mixed"), lst),
    Case("lst-gated", mixers.LST(form="gated", use_bias=False), lst),
)

# Rows of one length only.
GRIDS = (
    Case("gfnet-grid", mixers.GFNet(grid=(3, 5)), gfnet_grid),
    Case("gfnet-grid-even", mixers.GFNet(grid=(4, 6), activation="tanh"), gfnet_grid),
    Case("gfnet-grid-sigmoid", mixers.GFNet(grid=(1, 7), activation="sigmoid"), gfnet_grid),
    Case("afno-grid", mixers.AFNO(num_blocks=3, grid=(3, 5)), afno_grid),
    Case("afno-grid-modes", mixers.AFNO(num_blocks=2, grid=(6, 4), modes_seq=2), afno_grid),
    Case("afno-grid-line", mixers.AFNO(num_blocks=2, grid=(5, 1), mlp_ratio=2.0), afno_grid),
)


def ids(case: Case) -> str:
    return case.id
