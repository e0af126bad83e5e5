"""What a mixer does to its tokens, as curves that can be looked at."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class FrequencyResponse:
    """By how much each channel lets each frequency of the tokens pass.

    Parameters
    ----------
    frequency
        In cycles per token, 0 to 1/2.
    gain
        Size of what comes out over that of what goes in.
    origin
        "learned" is a filter; "measured" was seen on rows, of a mixer that is not linear;
        "defined" has nothing to learn.
    """

    frequency: Float[Tensor, " f"]
    gain: Float[Tensor, "f d"]
    origin: Literal["learned", "measured", "defined"]


@dataclass(frozen=True)
class LevelResponse:
    """By how much each channel scales each level of a wavelet transform.

    Parameters
    ----------
    gain
        Row 0 is the approximation, row j the details of level j, 1 being the finest.
    """

    gain: Float[Tensor, "levels d"]


@dataclass(frozen=True)
class AttentionResponse:
    """From how many tokens, and from how far, the tokens of a row take.

    Parameters
    ----------
    entropy
        Of the weights of a token in nats, mean over tokens, of each head: ln k for k equal weights.
    distance
        To where the weights of a token lie, in tokens, mean over tokens, of each head.
    tokens
        Of the row.
    """

    entropy: Float[Tensor, " h"]
    distance: Float[Tensor, " h"]
    tokens: int


Response = FrequencyResponse | LevelResponse | AttentionResponse


def attention_response(weights: Float[Tensor, "b h n n"]) -> AttentionResponse:
    """Say how much attention weights spread.

    Parameters
    ----------
    weights
        Of each token that takes, a row that sums to one.

    Returns
    -------
    AttentionResponse
        Means over tokens and rows.

    Examples
    --------
    >>> attention_response(torch.eye(4)[None, None]).entropy.item()
    0.0
    >>> attention_response(torch.full((1, 1, 2, 2), 0.5)).distance.item()
    0.5
    """
    wide = weights.double()
    place = torch.arange(weights.shape[-1], device=weights.device)
    apart = (place[:, None] - place).abs()
    return AttentionResponse(
        # Without the minus of a zero.
        entropy=torch.special.entr(wide).sum(-1).mean((0, 2)),
        distance=(wide * apart).sum(-1).mean((0, 2)),
        tokens=weights.shape[-1],
    )


def radial_response(gain: Float[Tensor, "h f d"], width: int) -> FrequencyResponse:
    """Give a filter on a grid by the length of its frequency, in rings as wide as a step.

    Parameters
    ----------
    gain
        At each frequency of the two axes, that of the width half as many and one.
    width
        Of the grid.

    Returns
    -------
    FrequencyResponse
        Root mean square over each ring; diagonals reach beyond 1/2 and are left out.
    """
    height = gain.shape[0]
    down = torch.fft.fftfreq(height, device=gain.device)
    across = torch.arange(gain.shape[1], device=gain.device) / width
    radius = (down[:, None] ** 2 + across**2).sqrt()
    steps = max(1, min(height, width) // 2)
    ring = (radius * 2 * steps).round().long()
    rings = [gain[ring == number].square().mean(0).sqrt() for number in range(steps + 1)]
    known = torch.stack(rings)
    return FrequencyResponse(torch.arange(steps + 1) / (2 * steps), known, "learned")
