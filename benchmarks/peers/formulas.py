"""Published operators written as their papers and usual implementations compute them.

They are named references, for peers that have no package that installs alone.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainGFNet(nn.Module):
    """Rao et al. 2021, arXiv:2107.00645, algorithm 1, along tokens: rfft, multiply, irfft."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone())  # (n // 2 + 1, d, 2)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(x, dim=1, norm="ortho")
        spectrum = spectrum * torch.view_as_complex(self.weight)
        return torch.fft.irfft(spectrum, n=x.shape[1], dim=1, norm="ortho")


class PlainAFNO(nn.Module):
    """Guibas et al. 2022, arXiv:2111.13587, figure 2, along tokens.

    Each complex product of a block is four real ones by einsum, as in the authors' code and in
    physicsnemo, whose package would bring some ninety others.
    """

    def __init__(self, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, threshold: float) -> None:
        super().__init__()
        self.w1, self.b1, self.w2, self.b2 = (
            nn.Parameter(w.detach().clone()) for w in (w1, b1, w2, b2)
        )
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        z = torch.fft.rfft(x, dim=1, norm="ortho")
        z = z.reshape(b, n // 2 + 1, self.w1.shape[1], -1)
        real, imag = z.real, z.imag
        hidden_real = F.relu(_product(real, self.w1[0]) - _product(imag, self.w1[1]) + self.b1[0])
        hidden_imag = F.relu(_product(imag, self.w1[0]) + _product(real, self.w1[1]) + self.b1[1])
        real = _product(hidden_real, self.w2[0]) - _product(hidden_imag, self.w2[1]) + self.b2[0]
        imag = _product(hidden_imag, self.w2[0]) + _product(hidden_real, self.w2[1]) + self.b2[1]
        out = F.softshrink(torch.stack([real, imag], dim=-1), lambd=self.threshold)
        out = torch.view_as_complex(out).reshape(b, n // 2 + 1, d)
        return torch.fft.irfft(out, n=n, dim=1, norm="ortho")


def _product(x: Tensor, weight: Tensor) -> Tensor:
    return torch.einsum("...bi,bio->...bo", x, weight)


def butterflies(x: Tensor) -> Tensor:
    """Give the orthonormal Hadamard transform along tokens by log2(n) rounds of sums."""
    b, n, d = x.shape
    width = 1
    while width < n:
        pairs = x.view(b, n // (2 * width), 2, width, d)
        first, second = pairs[:, :, 0], pairs[:, :, 1]
        x = torch.stack([first + second, first - second], dim=2).view(b, n, d)
        width *= 2
    return x * n**-0.5
