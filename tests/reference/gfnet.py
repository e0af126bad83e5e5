"""A circular convolution per channel, summed tap by tap."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spectrans.mixers import Dims, GFNet

Array = NDArray[np.float64]


def _from_half(response: NDArray[np.complex128], n: int) -> Array:
    """Inverse DFT of the half-spectrum of a real signal, from the sum that defines it."""
    time = np.arange(n)
    signal = np.zeros((n, response.shape[1]))
    for k in range(n // 2 + 1):
        # DC and Nyquist stand alone; every other frequency stands for itself and its mirror.
        weight = 1 if k == 0 or 2 * k == n else 2
        wave = np.exp(2j * np.pi * (k * time % n) / n)
        signal += weight * (wave[:, None] * response[k]).real / n
    return signal


def _kernel(response: NDArray[np.complex128], length: int, n: int, rule: str) -> Array:
    """The circular kernel that a row of n tokens is convolved with."""
    if n == length:
        return _from_half(response, n)
    if rule == "modes":
        fitted = np.zeros((n // 2 + 1, response.shape[1]), dtype=np.complex128)
        shared = min(len(fitted), len(response))
        fitted[:shared] = response[:shared]
        return _from_half(fitted, n)
    stored = _from_half(response, length)
    kernel = np.zeros((n, response.shape[1]))
    shorter = min(n, length)
    for distance in range(-(shorter // 2), (shorter + 1) // 2):
        kernel[distance % n] = stored[distance % length]
    return kernel


def gfnet(x: Array, state: dict[str, Array], options: GFNet, dims: Dims) -> Array:
    activations: dict[str, Callable[[Array], Array]] = {
        "none": lambda z: z,
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
    }
    parts = activations[options.activation](state["filter"])
    response = parts[..., 0] + 1j * parts[..., 1]
    n = x.shape[1]
    kernel = _kernel(response, dims.max_sequence_length, n, options.resample)
    y = np.zeros_like(x)
    for shift in range(n):
        y += kernel[shift] * np.roll(x, shift, axis=1)
    return y
