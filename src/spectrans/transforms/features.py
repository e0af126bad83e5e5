"""Random features: kernels as inner products, and attention in time linear in the tokens.

A projection holds one random Gaussian direction per row. For kernels of x and y divided by a number
r, divide the projection by r, and the share by r^2.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from spectrans.transforms import routes

# Part of the ReLU kernel, not of an approximation: it keeps a query none of whose features is
# active from dividing by zero, and bounds the gradient at zero input.
_RELU_FLOOR = 1e-3


def gaussian_projection(
    num_heads: int,
    num_features: int,
    dim: int,
    *,
    orthogonal: bool = True,
    generator: torch.Generator,
) -> Float[Tensor, "h m c"]:
    """Draw N(0, I) directions, one set per head, on the CPU in float64.

    Parameters
    ----------
    num_heads
        Independent sets.
    num_features
        Directions in a set.
    dim
        Channels of a direction.
    orthogonal
        Make the directions of every block of `dim` exactly orthogonal. Each one alone keeps its
        distribution; together they estimate a kernel with less variance.
    generator
        Source of randomness, on the CPU.

    Returns
    -------
    Tensor
        Rows of length chi(dim), the same for the same generator state on every machine.

    Notes
    -----
    Source: Choromanski et al. 2021, arXiv:2009.14794, section 2.4.
    """
    if not orthogonal:
        return _normal(num_heads, num_features, dim, generator=generator)
    blocks = -(-num_features // dim)
    q, r = torch.linalg.qr(_normal(num_heads, blocks, dim, dim, generator=generator))
    # QR alone is not uniform over rotations: its convention fixes signs that must be random.
    q = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)
    rows = q.mT.flatten(1, 2)[:, :num_features]  # (h, m, c)
    return rows * _normal(*rows.shape, generator=generator).norm(dim=-1, keepdim=True)


def _normal(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")


def exponents(
    x: Float[Tensor, "*b h n c"], projection: Float[Tensor, "h m c"], share: float = 0.5
) -> Float[Tensor, "*b h n m"]:
    """Give w.x - share |x|^2 for every direction w.

    Over random directions, the mean of exp(a + b) for the exponents a of x and b of y is exp(x.y)
    with a share of 1/2, and exp(-|x - y|^2 / 2) with 1; unlike the usual cosine features of that
    kernel, nothing is ever negative. Source: Choromanski et al. 2021, arXiv:2009.14794, lemma 1.
    """
    return x @ projection.mT - share * x.square().sum(-1, keepdim=True)


def exponential_attention(
    q: Float[Tensor, "*b h n c"],
    k: Float[Tensor, "*b h l c"],
    v: Float[Tensor, "*b h l c"],
    projection: Float[Tensor, "h m c"],
    share: float = 0.5,
) -> Float[Tensor, "*b h n c"]:
    """Average the values with weights exp(a).exp(b) for the exponents a of a query and b of a key.

    The weights are two softmaxes in a row, so that nothing overflows, underflows or needs a small
    constant, whatever the size of the input: one over the keys within each feature, and one over
    the features within each query, of w.q plus the logarithm of the feature's sum over the keys.

    Parameters
    ----------
    q
        Queries; the part of their exponents that depends on their length alone cancels.
    k
        Keys.
    v
        Values, one per key.
    projection
        Directions of the features.
    share
        Of the kernel, see `exponents`.

    Returns
    -------
    Tensor
        One average per query, with weights that sum to one.

    Notes
    -----
    Cost O((n + l) m c): the n x l weights are never made, and in inference on CPU no n x m ones.
    """
    if routes.flash_features(q, k, v, projection):
        return _by_flash(q, k, v, projection, share)
    logits = exponents(k, projection, share).mT  # (..., h, m, l)
    weights = logits.softmax(-1)
    # The logarithm of the sum of exp(logits), by any entry: here the one with the best rounding.
    top, place = logits.max(-1, keepdim=True)
    mass = top - weights.gather(-1, place).log()
    return (q @ projection.mT + mass.mT).softmax(-1) @ (weights @ v)


def _by_flash(
    q: Float[Tensor, "b h n c"],
    k: Float[Tensor, "b h l c"],
    v: Float[Tensor, "b h l c"],
    projection: Float[Tensor, "h m c"],
    share: float,
) -> Float[Tensor, "b h n c"]:
    """Let the directions attend to the keys, and the queries to the directions."""
    attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    directions = projection.expand(len(q), -1, -1, -1)
    bias = (-share * k.square().sum(-1)).unsqueeze(-2)
    summary, mass = attend(directions, k, v, attn_mask=bias, scale=1.0)
    return attend(q, directions, summary, attn_mask=mass.unsqueeze(-2), scale=1.0)[0]


def relu_features(
    x: Float[Tensor, "*b h n c"], projection: Float[Tensor, "h m c"]
) -> Float[Tensor, "*b h n m"]:
    """Give max(w.x, 0) + 0.001 for every direction w: a kernel of its own, not the softmax one."""
    return (x @ projection.mT).relu() + _RELU_FLOOR


def linear_attention(
    phi_q: Float[Tensor, "*b n m"], phi_k: Float[Tensor, "*b l m"], v: Float[Tensor, "*b l c"]
) -> Float[Tensor, "*b n c"]:
    """Average the values with weights phi_q.phi_k, normalised to sum to one over the keys.

    Parameters
    ----------
    phi_q
        Nonnegative features of the queries.
    phi_k
        Nonnegative features of the keys.
    v
        Values, one per key.

    Returns
    -------
    Tensor
        One average per query.

    Notes
    -----
    Cost O((n + l) m c): the n x l weights are never made.
    """
    summary = phi_k.mT @ v
    total = phi_q @ phi_k.sum(-2).unsqueeze(-1)  # (..., n, 1)
    return phi_q @ summary / total
