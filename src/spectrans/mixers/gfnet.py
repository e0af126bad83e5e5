"""A learned filter over all frequencies of the token axis, one per channel (GFNet)."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from spectrans.mixers.base import Dims, Kind, Mixer, MixerOptions
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

    Notes
    -----
    Cost O(n d log n), (N/2 + 1) 2 d parameters for N = `max_sequence_length`.
    Source: Rao et al. 2021, arXiv:2107.00645, equation 5, on one axis.
    """

    name: ClassVar[str] = "gfnet"
    kind: ClassVar[Kind] = "spectral"

    activation: Literal["none", "sigmoid", "tanh"] = "none"
    resample: Literal["kernel", "modes"] = "kernel"

    def build(self, dims: Dims) -> "GFNetMixer":
        """Make the mixer with a filter for rows of `dims.max_sequence_length` tokens."""
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
        parts = widened(self.filter)
        if self.options.activation == "sigmoid":
            parts = parts.sigmoid()
        elif self.options.activation == "tanh":
            parts = parts.tanh()
        response = torch.view_as_complex(parts.contiguous())
        if n == self.length:
            return response
        if self.options.resample == "modes":
            return _fit(response, n // 2 + 1)
        kernel = torch.fft.irfft(response, n=self.length, dim=0)
        return torch.fft.rfft(_recentre(kernel, n), dim=0)

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Convolve each channel of each row with its kernel, circularly."""
        n = x.shape[1]
        with full_precision(x):
            spectrum = torch.fft.rfft(widened(x), dim=1, norm="ortho")
            spectrum = spectrum * self.frequency_response(n)
            return torch.fft.irfft(spectrum, n=n, dim=1, norm="ortho").to(x.dtype)


def _fit(rows: Tensor, size: int) -> Tensor:
    """Cut or zero-pad the first axis to `size`."""
    kept = rows[:size]
    missing = rows.new_zeros((size - kept.shape[0], *rows.shape[1:]))
    return torch.cat([kept, missing])


def _recentre(kernel: Float[Tensor, "m d"], n: int) -> Float[Tensor, "n d"]:
    """Cut or zero-pad a circular kernel to length `n`, keeping each tap at its token distance.

    Distances run from -(n // 2) to (n - 1) // 2 for the shorter of the two lengths.
    """
    shorter = min(n, kernel.shape[0])
    ahead, behind = (shorter + 1) // 2, shorter // 2
    gap = kernel.new_zeros((n - shorter, kernel.shape[1]))
    return torch.cat([kernel[:ahead], gap, kernel[kernel.shape[0] - behind :]])
