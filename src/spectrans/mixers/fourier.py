"""Parameter-free mixing by the two-dimensional discrete Fourier transform (FNet)."""

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.mixers.base import Dims, Kind, Mixer, MixerOptions
from spectrans.mixers.response import FrequencyResponse
from spectrans.tensors import check_vectors
from spectrans.transforms import routes
from spectrans.transforms.fourier import Norm, Part, fourier_mix, fourier_mix_full
from spectrans.transforms.precision import full_precision, widened


class Fourier(MixerOptions):
    """Options of `FourierMixer`: y = Re(F_n x F_d).

    Parameters
    ----------
    norm
        "ortho" keeps the scale at any length; "backward" is the unscaled transform of published
        FNet weights, whose output grows with sqrt(n d).
    part
        "real" as published, which loses the odd half of the signal; "hartley" takes Re - Im, which
        is invertible and loses nothing.
    use_real_fft
        Transform half of the spectrum and mirror it. Changes the speed, never the values.

    Notes
    -----
    Cost O(n d log(n d)), no parameters. Source: Lee-Thorp et al. 2022, arXiv:2105.03824, eq. 3.
    """

    name: ClassVar[str] = "fourier"
    kind: ClassVar[Kind] = "spectral"

    norm: Norm = "ortho"
    part: Part = "real"
    use_real_fft: bool = True

    def build(self, dims: Dims) -> "FourierMixer":
        """Make the mixer; it takes rows of any length."""
        return FourierMixer(self, dims.hidden_dim)


class FourierMixer(Mixer):
    """Two-dimensional Fourier mixing. Its adjoint is itself.

    Parameters
    ----------
    options
        Which normalisation, part and route.
    hidden_dim
        Channels of the tokens that it takes; None takes any.
    """

    def __init__(self, options: Fourier, hidden_dim: int | None = None) -> None:
        super().__init__()
        self.options = options
        self.hidden_dim = hidden_dim

    def learned(self, n: int) -> FrequencyResponse:
        """Give a flat line: every frequency comes out as a token, at the size that it has."""
        frequency = torch.arange(n // 2 + 1) / n
        return FrequencyResponse(frequency, torch.ones(len(frequency), 1), "defined")

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        """Mix all tokens and channels of each row."""
        check_vectors("x", x, self.hidden_dim)
        norm, part = self.options.norm, self.options.part
        if self.options.use_real_fft or routes.forced() == "matmul":
            return fourier_mix(x, norm, part)
        with full_precision(x):
            return fourier_mix_full(widened(x), norm, part).to(x.dtype)
