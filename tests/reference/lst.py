"""The linear spectral transform, from the definitions of its three bases."""

import numpy as np
from numpy.typing import NDArray

from spectrans.mixers import LST, Dims

Array = NDArray[np.float64]


def dct_matrix(n: int) -> Array:
    """Row k is cos(pi (2j + 1) k / 2n) over j, at length one."""
    j, k = np.arange(n)[None, :], np.arange(n)[:, None]
    return unit_rows(np.cos(np.pi * (2 * j + 1) * k / (2 * n)))


def dst_matrix(n: int) -> Array:
    """Row k is sin(pi (2j + 1) (k + 1) / 2n) over j, at length one."""
    j, k = np.arange(n)[None, :], np.arange(n)[:, None]
    return unit_rows(np.sin(np.pi * (2 * j + 1) * (k + 1) / (2 * n)))


def hadamard_matrix(n: int) -> Array:
    """H_2 x H_2 x ... x C_m for n = 2^a m with odd m, C_m[j, k] = cos + sin of 2 pi jk / m."""
    power = 1
    matrix = np.ones((1, 1))
    while n % (2 * power) == 0:
        power *= 2
        matrix = np.kron(np.array([[1.0, 1.0], [1.0, -1.0]]), matrix)
    m = n // power
    angle = 2 * np.pi * np.outer(np.arange(m), np.arange(m)) / m
    return unit_rows(np.kron(matrix, np.cos(angle) + np.sin(angle)))


def unit_rows(matrix: Array) -> Array:
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


MATRICES = {"dct": dct_matrix, "dst": dst_matrix, "hadamard": hadamard_matrix}


def lst(x: Array, state: dict[str, Array], options: LST, dims: Dims) -> Array:
    b, n, d = x.shape
    num_heads = options.num_heads or dims.num_heads
    c = d // num_heads
    qkv = x @ state["heads.qkv.weight"].T + state.get("heads.qkv.bias", 0)
    y = np.zeros((b, n, d))
    for head in range(num_heads):
        kind = options.transform_type
        if kind == "mixed":
            kind = ("dct", "dst", "hadamard")[head % 3]
        transform = MATRICES[kind](n)
        own = slice(head * c, (head + 1) * c)
        q, k, v = (transform @ part[..., own] for part in np.split(qkv, 3, axis=-1))
        product = state["diagonal"][head] * q * k
        if options.form == "gated":
            # 1 / (1 + exp(-product)), where exp would overflow as well.
            weights = np.exp(-np.logaddexp(0, -product))
        else:
            weights = product / (np.abs(product).mean(-1, keepdims=True) + 1e-6)
        y[..., own] = np.linalg.inv(transform) @ (weights * v)
    return y @ state["heads.out.weight"].T + state.get("heads.out.bias", 0)
