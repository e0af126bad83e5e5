"""A small complex network shared by all frequencies of a row or grid of tokens (AFNO)."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import (
    AliasChoices,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from torch import Tensor, nn

from spectrans.errors import must
from spectrans.mixers.base import Dims, Kind, Mixer, MixerOptions
from spectrans.mixers.grid import GridOption, check_tokens, lowest
from spectrans.mixers.response import FrequencyResponse, radial_response
from spectrans.packing import Rows
from spectrans.tensors import check_vectors
from spectrans.transforms import routes
from spectrans.transforms.dft import channel_modes, channels, plus_turned, signal, spectrum
from spectrans.transforms.grid import grid_signal, grid_spectrum
from spectrans.transforms.precision import full_precision, widened

# The two parts of complex matrices, and biases, as real tensors.
Layer = tuple[Tensor, Tensor]
Layers = tuple[Layer, Layer]

# Numbers of packed rows whose frequencies go through the network together: from 2^18 to 2^24 it
# took 0.83 to 0.87 times as long as row by row, for 64 rows of 96 to 160 tokens and 256 channels.
_NUMBERS_AT_ONCE = 1 << 20


class AFNO(MixerOptions):
    """Options of `AFNOMixer`: a block-diagonal complex two-layer network on every frequency.

    Parameters
    ----------
    num_blocks
        Diagonal blocks; must divide the channels the network sees. More blocks, fewer weights.
    sparsity_threshold
        Soft-shrinkage of the result, on real and imaginary part; 0 turns it off.
    modes_seq
        Keep the lowest `modes_seq` token frequencies and drop the others; None keeps all. Also
        accepted as `n_modes`.
    modes_hidden
        Transform the channel axis too and keep its `modes_hidden` lowest frequencies.
    mlp_ratio
        Width of the hidden layer over the width of its input.
    grid
        (height, width) of rows that are grids, such as the patches of a picture, row by row: the
        transform is two-dimensional, as published, and `modes_seq` counts on each axis. Rows of
        another length are refused.

    Raises
    ------
    ValueError
        A grid and `modes_hidden`, which has no meaning there.

    Notes
    -----
    Cost O(n d log n + n d^2 / num_blocks); about 4 d^2 mlp_ratio / num_blocks parameters, whatever
    the length. The published layer adds its input; here the block around the mixer does.
    Source: Guibas et al. 2022, arXiv:2111.13587, section 4, on one axis or, with `grid`, on two.
    """

    name: ClassVar[str] = "afno"
    kind: ClassVar[Kind] = "spectral"

    num_blocks: PositiveInt = 8
    sparsity_threshold: NonNegativeFloat = 0.01
    modes_seq: PositiveInt | None = Field(
        default=None, validation_alias=AliasChoices("modes_seq", "n_modes")
    )
    modes_hidden: PositiveInt | None = None
    mlp_ratio: PositiveFloat = 1.0
    grid: GridOption = None

    @model_validator(mode="after")
    def _check(self) -> "AFNO":
        if self.grid is not None and self.modes_hidden is not None:
            rule = "be left out when grid is given"
            raise ValueError(must("modes_hidden", rule, self.modes_hidden))
        return self

    def build(self, dims: Dims) -> "AFNOMixer":
        """Make the mixer; its size does not depend on the row length."""
        if self.grid is not None:
            check_tokens("max_sequence_length", dims.max_sequence_length, self.grid)
            return AFNOGridMixer(dims.hidden_dim, self)
        return AFNOMixer(dims.hidden_dim, self)


class AFNOMixer(Mixer):
    """Adaptive Fourier neural operator along the tokens: y = irfft(softshrink(MLP(rfft(x)))).

    Parameters
    ----------
    hidden_dim
        Channels of a token.
    options
        Blocks, kept frequencies, threshold and width.

    Raises
    ------
    ValueError
        The blocks do not divide the channels, or more channel frequencies are kept than exist.
    """

    def __init__(self, hidden_dim: int, options: AFNO) -> None:
        super().__init__()
        self.options = options
        self.hidden_dim = hidden_dim
        width = options.modes_hidden or hidden_dim
        if width > hidden_dim:
            raise ValueError(must("modes_hidden", f"be at most hidden_dim={hidden_dim}", width))
        if width % options.num_blocks:
            raise ValueError(must("num_blocks", f"divide {width} channels", options.num_blocks))
        k = options.num_blocks
        size = width // k
        inner = max(1, round(size * options.mlp_ratio))
        # Leading axis: real and imaginary part. Casts and sharding refuse complex weights.
        self.w1 = nn.Parameter(torch.empty(2, k, size, inner))
        self.b1 = nn.Parameter(torch.empty(2, k, inner))
        self.w2 = nn.Parameter(torch.empty(2, k, inner, size))
        self.b2 = nn.Parameter(torch.empty(2, k, size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale by fan-in: the published 0.02 is shrunk to nothing by the threshold."""
        # A complex product sums two real ones, so N(0, 1/fan_in) doubles the power of each part,
        # which ReLU halves again; the second layer has no ReLU and needs half of that.
        nn.init.normal_(self.w1, std=self.w1.shape[2] ** -0.5)
        nn.init.normal_(self.w2, std=(2 * self.w2.shape[2]) ** -0.5)
        nn.init.zeros_(self.b1)
        nn.init.zeros_(self.b2)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Transform, act on every kept frequency, transform back."""
        check_vectors("x", x, self.hidden_dim, self.w1, self)
        layers = self._layers()
        if not routes.by_rows(x, *self.parameters()):
            return self._mix(x, layers)
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        for row, result in zip(x.unbind(0), out.unbind(0), strict=True):
            # The same tokens, channel by channel in memory: faster than an FFT across channels.
            turned = row.t().contiguous().t()
            result.copy_(self._mix(turned[None], layers)[0])
        return out

    def forward_packed(self, x: Float[Tensor, "t d"], rows: Rows) -> Float[Tensor, "t d"]:
        """Do the same with packed rows: the network takes frequencies of many lengths at once."""
        with full_precision(x):
            layers = self._layers()
            mixed = [self._mix_all(some, layers) for some in _batched(rows.batches(widened(x)))]
            return torch.cat([part for parts in mixed for part in parts]).to(x.dtype)

    def _mix_all(self, batches: list[Tensor], layers: Layers) -> list[Float[Tensor, "t d"]]:
        """Mix batches of several lengths, with one call of the network."""
        low = [self._low(spectrum(x)) for x in batches]
        columns = [z.transpose(0, 1).flatten(1, 2) for z in low]  # (w, b k, 2)
        joined = self._network(torch.cat(columns, dim=1)[None], layers)[0]
        parts = joined.split([z.shape[1] for z in columns], dim=1)
        mixed = []
        for x, z, part in zip(batches, low, parts, strict=True):
            kept = part.unflatten(1, (len(x), z.shape[2])).transpose(0, 1)
            mixed.append(signal(self._spread(kept, *x.shape[1:]), x.shape[1]).flatten(0, 1))
        return mixed

    def measured(self, x: Float[Tensor, "1 n d"]) -> FrequencyResponse:
        """Give the size of each frequency that comes out over that which goes in."""
        went, came = (torch.fft.rfft(widened(z)[0], dim=0).abs() for z in (x, self(x)))
        # A frequency that a row lacks says nothing of the network.
        floor = 1e-6 * went.amax().clamp(min=torch.finfo(went.dtype).tiny)
        gain = came / went.clamp(min=floor)
        return FrequencyResponse(torch.arange(len(gain)) / x.shape[1], gain, "measured")

    def _layers(self) -> Layers:
        return _joined(self.w1, self.b1), _joined(self.w2, self.b2)

    def _mix(self, x: Float[Tensor, "b n d"], layers: Layers) -> Float[Tensor, "b n d"]:
        n, d = x.shape[1:]
        with full_precision(x):
            kept = self._network(self._low(spectrum(widened(x))), layers)
            return signal(self._spread(kept, n, d), n).to(x.dtype)

    def _low(self, z: Float[Tensor, "b d f 2"]) -> Float[Tensor, "b w k 2"]:
        """Keep the low frequencies of the tokens and, where asked for, of the channels."""
        # In an exported program, which may not ask how many there are, `_spread` drops them alone.
        if self.options.modes_seq is not None and not torch.compiler.is_exporting():
            z = z[:, :, : self.options.modes_seq]
        width = self.options.modes_hidden
        return z if width is None else channel_modes(z, width)

    def _spread(self, z: Float[Tensor, "b w k 2"], n: int, d: int) -> Float[Tensor, "b d f 2"]:
        """Undo `_low`, with zeros where frequencies were dropped."""
        if self.options.modes_hidden is not None:
            z = channels(z, d)
        if self.options.modes_seq is None:
            return z
        if torch.compiler.is_exporting():
            frequency = torch.arange(z.shape[2], device=z.device)[:, None]
            return z * (frequency < self.options.modes_seq)
        return F.pad(z, (0, 0, 0, n // 2 + 1 - z.shape[2]))

    def _network(self, z: Float[Tensor, "b w k 2"], layers: Layers) -> Float[Tensor, "b w k 2"]:
        """Apply the two layers and the shrinkage to every frequency."""
        b, w, k, _ = z.shape
        # (blocks, size, b k, 2): the frequencies of all rows are columns of one product.
        columns = z.transpose(0, 1).reshape(self.options.num_blocks, -1, b * k, 2)
        out = _affine(_affine(columns, *layers[0]).relu_(), *layers[1])
        if self.options.sparsity_threshold > 0:
            out = F.softshrink(out, self.options.sparsity_threshold)
        return out.view(w, b, k, 2).transpose(0, 1)


class AFNOGridMixer(AFNOMixer):
    """Adaptive Fourier neural operator on a grid, with the weights of the one along the tokens.

    y = irfft2(softshrink(MLP(rfft2(x)))), both transforms orthonormal.
    """

    def measured(self, x: Float[Tensor, "1 n d"]) -> FrequencyResponse:
        """Give the same by the length of the frequency on both axes."""
        grid = self.options.grid
        assert grid is not None, "the options build no other"
        tokens = [widened(z)[0].unflatten(0, grid) for z in (x, self(x))]
        went, came = (torch.fft.rfft2(z, dim=(0, 1)).abs() for z in tokens)
        rings = [radial_response(size, grid[1]) for size in (went, came)]
        gain = rings[1].gain / rings[0].gain.clamp(min=torch.finfo(went.dtype).tiny)
        return FrequencyResponse(rings[0].frequency, gain, "measured")

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Transform, act on every kept frequency, transform back."""
        grid = self.options.grid
        assert grid is not None, "the options build no other"
        check_vectors("x", x, self.hidden_dim, self.w1, self)
        check_tokens("the tokens of a row", x.shape[1], grid)
        with full_precision(x):
            pairs = grid_spectrum(widened(x).unflatten(1, grid))
            z = self._network(pairs.flatten(1, 2).transpose(1, 2), self._layers())
            out = z.transpose(1, 2).unflatten(1, pairs.shape[1:3])
            if self.options.modes_seq is not None:
                out = out * lowest(grid, self.options.modes_seq, out.device)
            return grid_signal(out, grid[1]).flatten(1, 2).to(x.dtype)


def _batched(batches: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Give batches in lists that are small enough for what is computed of them to stay at hand."""
    some: list[Tensor] = []
    for batch in batches:
        if some and sum(x.numel() for x in some) + batch.numel() > _NUMBERS_AT_ONCE:
            yield some
            some = []
        some.append(batch)
    if some:
        yield some


def _joined(weight: Float[Tensor, "2 m i o"], bias: Float[Tensor, "2 m o"]) -> Layer:
    """Give the parts of complex matrices below each other, to multiply columns, and the biases."""
    parts = torch.cat(widened(weight).mT.unbind(0), dim=1)  # (m, 2 o, i)
    return parts, torch.stack(widened(bias).unbind(0), dim=-1)[:, :, None]


def _affine(
    z: Float[Tensor, "m i c 2"], parts: Float[Tensor, "m two_o i"], bias: Float[Tensor, "m o 1 2"]
) -> Float[Tensor, "m o c 2"]:
    """Apply a complex matrix and a bias per block.

    Both parts of the matrix multiply both parts of z, where they lie, in one real product.
    """
    both = torch.bmm(parts, z.flatten(2)).unflatten(2, (-1, 2)).unflatten(1, (2, -1))
    by_real, by_imag = both.unbind(1)
    return plus_turned(by_real, by_imag, bias)
