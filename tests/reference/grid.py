"""GFNet and AFNO on grids: two-dimensional sums, frequency by frequency."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spectrans.mixers import AFNO, Dims, GFNet
from tests.reference.afno import network
from tests.reference.fourier import dft_matrix

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


def _forward(x: Array) -> ComplexArray:
    """The orthonormal DFT of (b, h, w, d) over h and w."""
    h, w = x.shape[1:3]
    return np.einsum("kh,lw,bhwd->bkld", dft_matrix(h), dft_matrix(w), x) / np.sqrt(h * w)


def _real_signal(half: ComplexArray, w: int) -> Array:
    """The real grid of a spectrum that is known for width frequencies 0 to 1/2 only.

    Down the columns first; then a width frequency counts twice, for itself and its mirror, and of
    those that are their own mirror only the real part does.
    """
    h = half.shape[1]
    columns = np.einsum("kh,bkld->bhld", dft_matrix(h).conj(), half) / np.sqrt(h)
    place = np.arange(w)
    out = np.zeros((*columns.shape[:2], w, columns.shape[3]))
    for k in range(w // 2 + 1):
        weight = 1 if k == 0 or 2 * k == w else 2
        wave = np.exp(2j * np.pi * (k * place % w) / w)
        out += weight * (wave[None, None, :, None] * columns[:, :, k, None]).real / np.sqrt(w)
    return out


def gfnet_grid(x: Array, state: dict[str, Array], options: GFNet, dims: Dims) -> Array:
    assert options.grid is not None
    h, w = options.grid
    activations: dict[str, Callable[[Array], Array]] = {
        "none": lambda z: z,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
    }
    parts = activations[options.activation](state["filter"])
    z = _forward(x.reshape(len(x), h, w, -1))[:, :, : w // 2 + 1]
    return _real_signal(z * (parts[..., 0] + 1j * parts[..., 1]), w).reshape(x.shape)


def afno_grid(x: Array, state: dict[str, Array], options: AFNO, dims: Dims) -> Array:
    assert options.grid is not None
    h, w = options.grid
    z = _forward(x.reshape(len(x), h, w, -1))[:, :, : w // 2 + 1]
    out = np.zeros_like(z)
    for i in range(h):
        for j in range(w // 2 + 1):
            if options.modes_seq is None or max(min(i, h - i), j) < options.modes_seq:
                out[:, i, j] = network(z[:, i, j], state, options)
    return _real_signal(out, w).reshape(x.shape)
