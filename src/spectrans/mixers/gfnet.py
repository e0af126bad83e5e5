"""A learned filter over all frequencies of a row or grid of tokens, one per channel (GFNet)."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Complex, Float, Int
from pydantic import model_validator
from torch import Tensor, nn

from spectrans.errors import must
from spectrans.mixers.base import Dims, Kind, Mixer, MixerOptions
from spectrans.mixers.grid import Grid, GridOption, check_tokens
from spectrans.mixers.response import FrequencyResponse, radial_response
from spectrans.packing import Rows
from spectrans.tensors import check_vectors
from spectrans.transforms.convolution import convolve
from spectrans.transforms.dft import signal, spectrum
from spectrans.transforms.grid import grid_signal, grid_spectrum
from spectrans.transforms.precision import full_precision, widened


class GFNet(MixerOptions):
    """Options of `GFNetMixer`: a circular convolution with a learned kernel as long as the row.

    Parameters
    ----------
    activation
        "none" as published; "sigmoid" or "tanh" bound the filter's real and imaginary parts.
    resample
        What a row of another length than `max_sequence_length` sees: "kernel" keeps the kernel in
        token units, cut or zero-padded around its centre; "modes" keeps the filter value of each
        frequency index, so that the pattern stretches with the row.
    grid
        (height, width) of rows that are grids, such as the patches of a picture, row by row: the
        filter is two-dimensional, as published. Rows of another length are refused.

    Raises
    ------
    ValueError
        A grid and a rule for rows of other lengths.

    Notes
    -----
    Cost O(n d log n), (N/2 + 1) 2 d parameters for N = `max_sequence_length`.
    Source: Rao et al. 2021, arXiv:2107.00645, equation 5, on one axis or, with `grid`, on two.
    """

    name: ClassVar[str] = "gfnet"
    kind: ClassVar[Kind] = "spectral"

    activation: Literal["none", "sigmoid", "tanh"] = "none"
    resample: Literal["kernel", "modes"] = "kernel"
    grid: GridOption = None

    @model_validator(mode="after")
    def _check(self) -> "GFNet":
        if self.grid is not None and self.resample != "kernel":
            raise ValueError(must("resample", "be left out when grid is given", self.resample))
        return self

    def build(self, dims: Dims) -> "GFNetMixer | GFNetGridMixer":
        """Make the mixer with a filter for rows of `dims.max_sequence_length` tokens."""
        if self.grid is not None:
            check_tokens("max_sequence_length", dims.max_sequence_length, self.grid)
            return GFNetGridMixer(dims.hidden_dim, self.grid, self)
        return GFNetMixer(dims.hidden_dim, dims.max_sequence_length, self)


class GFNetMixer(Mixer):
    """Global filter: y = irfft(K * rfft(x)), both transforms orthonormal.

    Parameters
    ----------
    hidden_dim
        Channels; each has its own filter.
    length
        Row length N that the stored filter belongs to.
    options
        Activation and resampling rule.
    """

    def __init__(self, hidden_dim: int, length: int, options: GFNet) -> None:
        super().__init__()
        self.options = options
        self.length = length
        # Real and imaginary part apart: casts, sharding and safetensors refuse complex weights.
        self.filter = nn.Parameter(torch.empty(length // 2 + 1, hidden_dim, 2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw a filter of mean power 1: the published 0.02 would shrink the branch 35 times."""
        nn.init.normal_(self.filter, std=0.5**0.5)

    def frequency_response(self, n: int) -> Complex[Tensor, "f d"]:
        """Give the filter for rows of `n` tokens, one value per frequency k/n and channel."""
        return torch.view_as_complex(self._response(n).contiguous())

    def learned(self, n: int) -> FrequencyResponse:
        """Give the size of the filter."""
        gain = self.frequency_response(n).abs()
        return FrequencyResponse(torch.arange(len(gain)) / n, gain, "learned")

    def _response(self, n: int) -> Float[Tensor, "f d 2"]:
        parts = _activated(self.filter, self.options)
        # A program exported for any length may not ask whether this is the stored one.
        free = torch.compiler.is_exporting() and isinstance(n, torch.SymInt)
        if not free and n == self.length:
            return parts
        if self.options.resample == "modes":
            return _modes(parts, n)
        return _transformed(_recentre(self._kernel(parts), n).mT)

    def _kernel(self, parts: Float[Tensor, "f d 2"]) -> Float[Tensor, "m d"]:
        """Give the kernel of the stored filter, for a convolution that does not scale."""
        # The response is the unscaled transform of the kernel, and `signal` is orthonormal.
        return signal(parts.transpose(0, 1)[None], self.length)[0] * self.length**-0.5

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Convolve each channel of each row with its kernel, circularly."""
        check_vectors("x", x, self.filter.shape[-2], self.filter, self)
        with full_precision(x):
            return convolve(x, self._response(x.shape[1]))

    def forward_packed(self, x: Float[Tensor, "t d"], rows: Rows) -> Float[Tensor, "t d"]:
        """Do the same with packed rows, and compute their common kernel once."""
        with full_precision(x):
            parts = _activated(self.filter, self.options)
            if self.options.resample == "modes":
                return rows.each(lambda part: convolve(part, _modes(parts, part.shape[1])), x)
            longest = max(length for _, length in rows.groups)
            # Channel by channel, as FFTs want it. What is shorter has this kernel, cut once more.
            kernel = _recentre(self._kernel(parts), longest).mT.contiguous()
            return rows.each(
                lambda part: convolve(part, _transformed(_cut(kernel, part.shape[1]))), x
            )


class GFNetGridMixer(Mixer):
    """Global filter on a grid: y = irfft2(K * rfft2(x)), both transforms orthonormal.

    Parameters
    ----------
    hidden_dim
        Channels; each has its own filter.
    grid
        Height and width.
    options
        Activation.
    """

    def __init__(self, hidden_dim: int, grid: Grid, options: GFNet) -> None:
        super().__init__()
        self.options = options
        self.grid = grid
        self.filter = nn.Parameter(torch.empty(grid[0], grid[1] // 2 + 1, hidden_dim, 2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw a filter of mean power 1."""
        nn.init.normal_(self.filter, std=0.5**0.5)

    def learned(self, n: int) -> FrequencyResponse:
        """Give the size of the filter by the length of the frequency on both axes."""
        gain = torch.linalg.vector_norm(_activated(self.filter, self.options), dim=-1)
        return radial_response(gain, self.grid[1])

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Convolve each channel of each grid with its kernel, circularly on both axes."""
        check_vectors("x", x, self.filter.shape[-2], self.filter, self)
        check_tokens("the tokens of a row", x.shape[1], self.grid)
        with full_precision(x):
            real, imag = grid_spectrum(widened(x).unflatten(1, self.grid)).unbind(-1)
            k_real, k_imag = _activated(self.filter, self.options).unbind(-1)
            filtered = [real * k_real - imag * k_imag, real * k_imag + imag * k_real]
            return grid_signal(torch.stack(filtered, -1), self.grid[1]).flatten(1, 2).to(x.dtype)


def _activated(filter: Tensor, options: GFNet) -> Tensor:
    parts = widened(filter)
    if options.activation == "sigmoid":
        return parts.sigmoid()
    return parts.tanh() if options.activation == "tanh" else parts


def _modes(parts: Float[Tensor, "m d 2"], n: int) -> Float[Tensor, "f d 2"]:
    """Keep the value of each frequency index for rows of `n` tokens, with zeros where none is."""
    frequency = torch.arange(n // 2 + 1, device=parts.device)
    return _take(parts, frequency, frequency < len(parts))


def _transformed(kernel: Float[Tensor, "d n"]) -> Float[Tensor, "f d 2"]:
    """Give the response of a kernel: its unscaled transform."""
    # The kernel is scaled and not the response, whose order in memory makes that slow.
    scaled = kernel * torch.full_like(kernel[:1, :1], kernel.shape[1]).sqrt()
    return spectrum(scaled.mT[None])[0].transpose(0, 1)


def _cut(kernel: Float[Tensor, "d m"], n: int) -> Float[Tensor, "d n"]:
    """Give the `n` taps of a longer circular kernel that are nearest to its centre."""
    return torch.cat((kernel[:, : (n + 1) // 2], kernel[:, kernel.shape[1] - n // 2 :]), dim=1)


def _recentre(kernel: Float[Tensor, "m d"], n: int) -> Float[Tensor, "n d"]:
    """Cut or zero-pad a circular kernel to length `n`, keeping each tap at its token distance."""
    m = kernel.shape[0]
    place = torch.arange(n, device=kernel.device)
    distance = torch.where(place < (n + 1) // 2, place, place - n)
    return _take(kernel, distance % m, (distance >= -(m // 2)) & (distance < (m + 1) // 2))


def _take(
    rows: Float[Tensor, "m ..."], index: Int[Tensor, " k"], exists: Bool[Tensor, " k"]
) -> Float[Tensor, "k ..."]:
    """Take rows by index, with zeros where there is none."""
    taken = rows[index.clamp(max=len(rows) - 1)]
    return taken * exists.view(-1, *(1,) * (rows.dim() - 1))
