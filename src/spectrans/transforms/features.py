"""Random features: kernels as inner products, and attention in time linear in the tokens.

A projection holds one random Gaussian direction per row. Nothing here scales its input: attention
divides queries and keys by the fourth root of their channels first, so that q.k / sqrt(c) becomes
the plain inner product that `softmax_exponents` is about.
"""

import torch
from jaxtyping import Float
from torch import Tensor

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


def softmax_exponents(
    x: Float[Tensor, "*b h n c"], projection: Float[Tensor, "h m c"]
) -> Float[Tensor, "*b h n m"]:
    """Give w.x - |x|^2 / 2 for every direction w.

    Over random directions, the mean of exp(a + b) for the exponents a of x and b of y is exp(x.y).
    Source: Choromanski et al. 2021, arXiv:2009.14794, lemma 1.
    """
    return x @ projection.mT - x.square().sum(-1, keepdim=True) / 2


def gaussian_exponents(
    x: Float[Tensor, "*b h n c"], projection: Float[Tensor, "h m c"]
) -> Float[Tensor, "*b h n m"]:
    """Give w.x - |x|^2 for every direction w.

    Over random directions, the mean of exp(a + b) for the exponents a of x and b of y is
    exp(-|x - y|^2 / 2). Unlike the usual cosine features, nothing is ever negative.
    """
    return x @ projection.mT - x.square().sum(-1, keepdim=True)


def positive_features(
    q: Float[Tensor, "*b n m"], k: Float[Tensor, "*b l m"]
) -> tuple[Float[Tensor, "*b n m"], Float[Tensor, "*b l m"]]:
    """Exponentiate the exponents of queries and keys without overflow or underflow.

    Every feature of the keys is divided by its largest value over the keys, which the queries get
    back, and then every query by its largest feature. Both cancel in `linear_attention`, so neither
    needs a gradient, and no small constant has to be added: the largest feature of a query is 1 and
    meets a key that is 1, so the normaliser is at least 1 whatever the size of the input.

    Parameters
    ----------
    q
        Exponents of the queries, from `softmax_exponents` or `gaussian_exponents`.
    k
        Exponents of the keys.

    Returns
    -------
    tuple of Tensor
        Features of queries and keys in [0, 1], right up to one factor per query.
    """
    top = k.detach().amax(-2, keepdim=True)
    q = q + top
    return (q - q.detach().amax(-1, keepdim=True)).exp(), (k - top).exp()


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
