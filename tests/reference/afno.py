"""The published complex network on every frequency, block by block."""

import numpy as np
from numpy.typing import NDArray

from spectrans.mixers import AFNO, Dims
from tests.reference.fourier import dft_matrix

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


def _shrink(z: Array, threshold: float) -> Array:
    return np.sign(z) * np.maximum(np.abs(z) - threshold, 0)


def network(z: ComplexArray, state: dict[str, Array], options: AFNO) -> ComplexArray:
    """z is one frequency, (b, w): complex matrix, ReLU on both parts, matrix, soft-shrinkage."""
    complex_state = {key: value[0] + 1j * value[1] for key, value in state.items()}
    blocks = np.split(z, options.num_blocks, axis=-1)
    out = []
    for i, block in enumerate(blocks):
        hidden = block @ complex_state["w1"][i] + complex_state["b1"][i]
        hidden = np.maximum(hidden.real, 0) + 1j * np.maximum(hidden.imag, 0)
        y = hidden @ complex_state["w2"][i] + complex_state["b2"][i]
        threshold = options.sparsity_threshold
        out.append(_shrink(y.real, threshold) + 1j * _shrink(y.imag, threshold))
    return np.concatenate(out, axis=-1)


def afno(x: Array, state: dict[str, Array], options: AFNO, dims: Dims) -> Array:
    n, d = x.shape[1:]
    spectrum = dft_matrix(n) @ x / np.sqrt(n)
    width = options.modes_hidden
    hidden = dft_matrix(d) / np.sqrt(d)
    signed = range(-((width or d) // 2), ((width or d) + 1) // 2)
    low = [k % d for k in [*signed[len(signed) // 2 :], *signed[: len(signed) // 2]]]
    num_frequencies = n // 2 + 1
    kept = min(options.modes_seq or num_frequencies, num_frequencies)
    full = np.zeros((x.shape[0], n, d), dtype=np.complex128)
    for k in range(kept):
        z = spectrum[:, k]
        if width is None:
            z = network(z, state, options)
        else:
            modes = np.zeros_like(z)
            modes[:, low] = network((z @ hidden)[:, low], state, options)
            z = modes @ hidden.conj()
        # A real row needs a real DC and Nyquist, and its upper half mirrored.
        if k == 0 or 2 * k == n:
            full[:, k] = z.real
        else:
            full[:, k] = z
            full[:, n - k] = z.conj()
    return (dft_matrix(n).conj() @ full / np.sqrt(n)).real
