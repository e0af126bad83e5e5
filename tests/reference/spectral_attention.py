"""Attention by random features, weight by weight."""

import numpy as np
from numpy.typing import NDArray

from spectrans.mixers import Dims, SpectralAttention
from tests.reference.attention import heads, join, rotate

Array = NDArray[np.float64]


def log_feature(x: Array, direction: Array, kernel_type: str) -> float:
    """Logarithm of one feature of one vector."""
    if kernel_type == "relu":
        return float(np.log(max(float(direction @ x), 0.0) + 1e-3))
    share = {"softmax": 0.5, "gaussian": 1.0}[kernel_type]
    return float(direction @ x) - share * float(x @ x)


def spectral_attention(
    x: Array, state: dict[str, Array], options: SpectralAttention, dims: Dims
) -> Array:
    q, k, v = heads(x, state, options.num_heads or dims.num_heads)
    if options.position == "rotary":
        q, k = rotate(q), rotate(k)
    b, h, n, c = q.shape
    y = np.zeros_like(v)
    for row in range(b):
        for head in range(h):
            logs = [
                np.array(
                    [
                        [
                            log_feature(vector / c**0.25, direction, options.kernel_type)
                            for direction in state["projection"][head]
                        ]
                        for vector in vectors[row, head]
                    ]
                )
                for vectors in (q, k)
            ]
            for i in range(n):
                # The weight of key j is the sum over features of phi(q_i) phi(k_j).
                total = logs[0][i] + logs[1]
                weights = np.exp(total - total.max()).sum(-1)
                y[row, head, i] = weights @ v[row, head] / weights.sum()
    return join(y, state)
