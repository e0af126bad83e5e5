"""Mixing of the wavelet coefficients of every channel: local in place and scale, linear in n."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from pydantic import PositiveInt, field_validator, model_validator
from torch import Tensor, nn

from spectrans.errors import must
from spectrans.mixers.base import Dims, Kind, Mixer, MixerOptions
from spectrans.mixers.levels import (
    AttentionMixing,
    ChannelMixing,
    LevelMixing,
    PointwiseMixing,
)
from spectrans.mixers.response import LevelResponse
from spectrans.packing import Rows
from spectrans.tensors import check_vectors
from spectrans.transforms.anylength import wavedec_at_any_length, waverec_at_any_length
from spectrans.transforms.filterbank import FilterBank
from spectrans.transforms.lattice import orthogonal_bank, wavelet_angles
from spectrans.transforms.precision import widened
from spectrans.transforms.wavelet import Boundary, filters, max_levels, wavedec, waverec
from spectrans.transforms.wavelet_rows import (
    Layout,
    layout_of_rows,
    wavedec_of_rows,
    waverec_of_rows,
)


class Wavelet(MixerOptions):
    """Options of `WaveletMixer`: y = IDWT(M(DWT(x))) along the tokens of every channel.

    Parameters
    ----------
    wavelet
        A discrete wavelet of PyWavelets. Longer filters separate scales better and cost more.
    levels
        Times the approximation is split, at most; a row is split as often as its length allows.
        A token reaches up to (L - 1) (2^levels - 1) tokens on either side; L is the filter length.
    mixing_mode
        M is linear in `pointwise` (a gain per level and channel), `channel` (a d x d matrix per
        level) and `level` (for each channel, every level adds to every level at the same place),
        and multi-head attention within each level in `attention`.
    boundary
        What lies beyond the ends of a row: `periodization` wraps and has as many coefficients as
        samples; `symmetric`, `zero` and `reflect` have a few more at every level.
    learnable
        Learn the filters of every channel, starting from `wavelet`, as rotation angles, so that
        they always have an exact inverse. Needs `periodization` and an orthogonal wavelet.
    num_heads
        Heads of `attention`; None takes the model's.

    Raises
    ------
    ValueError
        The wavelet is unknown; it cannot be learned; or an option would be ignored.

    Notes
    -----
    Cost O(L n d), and O(n d^2) or O(n^2 d) more for `channel` and `attention`. Parameters of the
    four modes, with J = levels: (J + 1) d, (J + 1) d^2, (J + 1)^2 d and (J + 1) (4 d^2 + 4 d); and
    L d / 2 learned angles.
    Source for attention and learned filters: Zhuang et al. 2022, *WavSpA*, arXiv:2210.01989.
    """

    name: ClassVar[str] = "wavelet"
    kind: ClassVar[Kind] = "spectral"

    wavelet: str = "db4"
    levels: PositiveInt = 3
    mixing_mode: Literal["pointwise", "channel", "level", "attention"] = "pointwise"
    boundary: Boundary = "periodization"
    learnable: bool = False
    num_heads: PositiveInt | None = None

    @field_validator("wavelet")
    @classmethod
    def _known(cls, wavelet: str) -> str:
        filters(wavelet)
        return wavelet

    @model_validator(mode="after")
    def _consistent(self) -> "Wavelet":
        if self.num_heads is not None and self.mixing_mode != "attention":
            rule = f"be None for mixing_mode={self.mixing_mode!r}, which has no heads"
            raise ValueError(must("num_heads", rule, self.num_heads))
        if self.learnable:
            if self.boundary != "periodization":
                rule = "be 'periodization' when learnable"
                raise ValueError(must("boundary", rule, self.boundary))
            wavelet_angles(self.wavelet)
        return self

    def build(self, dims: Dims) -> "WaveletMixer":
        """Make the mixer; its size does not depend on the row length."""
        return WaveletMixer(dims.hidden_dim, self.num_heads or dims.num_heads, self)


class WaveletMixer(Mixer):
    """Split every channel into levels, mix the coefficients, join them again.

    Parameters
    ----------
    hidden_dim
        Channels of a token; a multiple of `num_heads` for attention.
    num_heads
        Heads of attention; without effect on the other modes.
    options
        Wavelet, levels, boundary, what mixes the coefficients, and whether filters are learned.

    Notes
    -----
    Row 0 of every parameter of `mixing` belongs to the approximation and row j to the details of
    level j, 1 being the finest; rows of tokens too short for all levels use the first rows.
    `torch.export` with a dynamic number of tokens gives a program for every number of them in
    `periodization`; with another boundary, for those that allow as many levels as the example.
    """

    def __init__(self, hidden_dim: int, num_heads: int, options: Wavelet) -> None:
        super().__init__()
        self.options = options
        self.hidden_dim = hidden_dim
        self._fixed = filters(options.wavelet)
        rows, length = options.levels + 1, len(self._fixed.dec_lo)
        self.angles = (
            nn.Parameter(torch.empty(length // 2, hidden_dim)) if options.learnable else None
        )
        self.mixing: PointwiseMixing | ChannelMixing | LevelMixing | AttentionMixing
        if options.mixing_mode == "pointwise":
            self.mixing = PointwiseMixing(rows, hidden_dim)
        elif options.mixing_mode == "channel":
            self.mixing = ChannelMixing(rows, hidden_dim)
        elif options.mixing_mode == "level":
            ahead = 0 if options.boundary == "periodization" else length // 2 - 1
            self.mixing = LevelMixing(rows, hidden_dim, ahead)
        else:
            self.mixing = AttentionMixing(rows, hidden_dim, num_heads)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the mixing so that levels differ and power is kept; set the filters to the wavelet.

        Equal gains on all levels would give the input back: the levels must start apart.
        """
        self.mixing.reset_parameters()
        if self.angles is not None:
            with torch.no_grad():
                self.angles.copy_(wavelet_angles(self.options.wavelet)[:, None])

    def bank(self) -> FilterBank:
        """Give the filters: the wavelet's, or what they were learned to be in every channel."""
        return self._fixed if self.angles is None else orthogonal_bank(self.angles)

    def learned(self, n: int) -> LevelResponse | None:
        """Give what the mixing makes of each level; None where attention decides."""
        gain = self.mixing.gains()
        return None if gain is None else LevelResponse(gain)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Transform, mix the coefficients, transform back."""
        check_vectors("x", x, self.hidden_dim, *self.mixing.met())
        n, boundary, bank = x.shape[1], self.options.boundary, self.bank()
        if torch.compiler.is_exporting() and boundary == "periodization":
            return self._at_any_length(x, bank)
        levels = max_levels(n, len(bank.dec_lo), boundary, self.options.levels)
        mixed = self.mixing(wavedec(widened(x), bank, levels, boundary))
        return waverec([widened(c) for c in mixed], bank, n, boundary).to(x.dtype)

    def forward_packed(self, x: Float[Tensor, "t d"], rows: Rows) -> Float[Tensor, "t d"]:
        """Do the same with packed rows, all of as many levels at once."""
        alike = self.options.mixing_mode in ("pointwise", "channel")  # every place, that is
        if self.options.boundary != "periodization" or not alike or len(rows.groups) == 1:
            return rows.each(self, x)
        bank, runs = self.bank(), self._runs(rows)
        parts = x.split([sum(count * n for count, n in run) for run in runs.values()])
        mixed = [
            self._packed(part, bank, layout_of_rows(tuple(run), len(bank.dec_lo), levels, x.device))
            for part, (levels, run) in zip(parts, runs.items(), strict=True)
        ]
        return torch.cat(mixed)

    def _runs(self, rows: Rows) -> dict[int, list[tuple[int, int]]]:
        """Give the groups by the levels they allow, in order: the shortest rows come first."""
        runs: dict[int, list[tuple[int, int]]] = {}
        for count, n in rows.groups:
            levels = max_levels(
                n, len(self._fixed.dec_lo), self.options.boundary, self.options.levels
            )
            runs.setdefault(levels, []).append((count, n))
        return runs

    def _packed(
        self, x: Float[Tensor, "t d"], bank: FilterBank, layout: Layout
    ) -> Float[Tensor, "t d"]:
        mixed = self.mixing(wavedec_of_rows(widened(x), bank, layout))
        return waverec_of_rows([widened(c) for c in mixed], bank, layout).to(x.dtype)

    def _at_any_length(self, x: Float[Tensor, "b n d"], bank: FilterBank) -> Float[Tensor, "b n d"]:
        """Do the same in a graph for every length: a level leaves a single sample as it is."""
        coefficients, lengths = wavedec_at_any_length(x, bank, self.options.levels)
        mixed = self.mixing(coefficients, spare=1)
        return waverec_at_any_length([widened(c) for c in mixed], bank, lengths).to(x.dtype)
