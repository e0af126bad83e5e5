"""Softmax attention, query by query."""

import math

import numpy as np
from numpy.typing import NDArray

from spectrans.mixers import Attention, Dims

Array = NDArray[np.float64]
# Under the power of queries and keys that get a length; of 16 bits the epsilon of their own type.
FLOOR = np.array(np.finfo(np.float32).eps, np.float64)


def heads(x: Array, state: dict[str, Array], num_heads: int) -> tuple[Array, Array, Array]:
    """Queries, keys and values, each (b, h, n, c)."""
    b, n, d = x.shape
    qkv = x @ state["heads.qkv.weight"].T + state.get("heads.qkv.bias", 0)
    parts = [part.reshape(b, n, num_heads, d // num_heads) for part in np.split(qkv, 3, axis=-1)]
    q, k, v = (part.transpose(0, 2, 1, 3) for part in parts)
    if "heads.qk_norm.q_length" in state:
        floor = state.get("eps", FLOOR)
        q = to_length(q, state["heads.qk_norm.q_length"], floor)
        k = to_length(k, state["heads.qk_norm.k_length"], floor)
    return q, k, v


def to_length(x: Array, length: Array, floor: Array) -> Array:
    """Scale vectors to a length."""
    power = (x**2).mean(-1, keepdims=True) + floor
    return x / np.sqrt(power * x.shape[-1]) * length


def join(y: Array, state: dict[str, Array]) -> Array:
    """(b, h, n, c) to (b, n, d), and the projection back."""
    b, h, n, c = y.shape
    merged = y.transpose(0, 2, 1, 3).reshape(b, n, h * c)
    return merged @ state["heads.out.weight"].T + state.get("heads.out.bias", 0)


def rotate(x: Array) -> Array:
    """Turn the channel pair (i, i + c/2) of token p by p * 10000^(-2 i / c)."""
    c = x.shape[-1]
    y = x.copy()
    for i in range(c // 2):
        angle = np.arange(x.shape[-2]) * 10000.0 ** (-i / (c // 2))
        first, second = x[..., i], x[..., i + c // 2]
        y[..., i] = first * np.cos(angle) - second * np.sin(angle)
        y[..., i + c // 2] = first * np.sin(angle) + second * np.cos(angle)
    return y


def slopes(num_heads: int) -> list[float]:
    """The published ALiBi slopes, by the authors' recursion."""
    if math.log2(num_heads).is_integer():
        return [2 ** (-8 * (i + 1) / num_heads) for i in range(num_heads)]
    below = 2 ** math.floor(math.log2(num_heads))
    return slopes(below) + slopes(2 * below)[0::2][: num_heads - below]


def attention(x: Array, state: dict[str, Array], options: Attention, dims: Dims) -> Array:
    num_heads = options.num_heads or dims.num_heads
    q, k, v = heads(x, state, num_heads)
    if options.position == "rotary":
        q, k = rotate(q), rotate(k)
    b, h, n, c = q.shape
    y = np.zeros_like(v)
    for i in range(n):
        seen = [j for j in range(n) if options.window is None or abs(i - j) <= options.window]
        logits = np.einsum("bhc,bhjc->bhj", q[:, :, i], k[:, :, seen]) / np.sqrt(c)
        if options.position == "alibi":
            distance = np.abs(np.array(seen) - i)
            logits = logits - np.array(slopes(h))[None, :, None] * distance
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        weights = weights / weights.sum(-1, keepdims=True)
        y[:, :, i] = np.einsum("bhj,bhjc->bhc", weights, v[:, :, seen])
    return join(y, state)
