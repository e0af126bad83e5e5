"""y = Re(F_n x F_d), by the two matrices of the discrete Fourier transform."""

import numpy as np
from numpy.typing import NDArray

from spectrans.mixers import Dims, Fourier

Array = NDArray[np.float64]


def dft_matrix(n: int) -> NDArray[np.complex128]:
    """F[j, k] = exp(-2 pi i j k / n), with j k taken modulo n to keep the angle small."""
    index = np.arange(n)
    return np.exp(-2j * np.pi * (np.outer(index, index) % n) / n)


def fourier(x: Array, state: dict[str, Array], options: Fourier, dims: Dims) -> Array:
    n, d = x.shape[1:]
    spectrum = dft_matrix(n) @ x @ dft_matrix(d)
    if options.norm == "ortho":
        spectrum = spectrum / np.sqrt(n * d)
    if options.part == "hartley":
        return spectrum.real - spectrum.imag
    return spectrum.real
