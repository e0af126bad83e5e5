"""What each layer of a trained model does to its tokens, and how long it takes."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import singledispatch
from statistics import median
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from spectrans.blocks.hybrid import HybridBlock
from spectrans.mixers.base import Mixer
from spectrans.mixers.response import (
    AttentionResponse,
    FrequencyResponse,
    LevelResponse,
    Response,
)
from spectrans.models import BaseModel
from spectrans.training.batches import feed

# Points of a curve at most.
_POINTS = 257
_FEWEST_ROUNDS, _MOST_ROUNDS = 3, 50


class LayerTime(NamedTuple):
    """Seconds of a layer, and of its mixer alone."""

    block: float
    mixer: float


def responses(model: BaseModel, rows: Sequence[Tensor], length: int) -> list[Response | None]:
    """Give what each layer's mixer does to its tokens.

    Parameters
    ----------
    model
        A trained model.
    rows
        Rows as the model takes them, `(1, n)` or `(1, n, d)`; none gives only what was learned.
    length
        Tokens of the row that a learned filter is shown for.

    Returns
    -------
    list
        One entry for each layer; None for a mixer that has nothing to show, or without rows.
    """
    model.eval()
    with torch.inference_mode():
        found = [mixer.learned(length) for mixer in _mixers(model)]
        seen: list[list[Response]] = [[] for _ in found]
        for row in rows if None in found else ():
            for number, (mixer, x) in enumerate(
                zip(_mixers(model), inputs(model, row), strict=True)
            ):
                measured = mixer.measured(x) if found[number] is None else None
                if measured is not None:
                    seen[number].append(measured)
    return [
        _merged(several[0], several) if several else one
        for one, several in zip(found, seen, strict=True)
    ]


def _mixers(model: BaseModel) -> list[Mixer]:
    return [cast(HybridBlock, block).mixer for block in model.blocks]


def inputs(model: BaseModel, batch: Tensor) -> list[Tensor]:
    """Give what each mixer is fed with when the model is fed with a dense batch."""
    with _recording(model) as seen:
        feed(model, batch)
    return seen


@contextmanager
def _recording(model: BaseModel) -> Iterator[list[Tensor]]:
    seen: list[Tensor] = []

    def keep(mixer: torch.nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen.append(arguments[0])

    hooks = [mixer.register_forward_pre_hook(keep) for mixer in _mixers(model)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


@singledispatch
def _merged(first: Response, several: Sequence[Response]) -> Response:
    """Put together what was measured on several rows."""
    raise NotImplementedError(f"no rows of {type(first).__name__} are put together")


@_merged.register
def _(first: FrequencyResponse, several: Sequence[FrequencyResponse]) -> FrequencyResponse:
    longest = max(len(one.frequency) for one in several)
    frequency = np.linspace(0, 0.5, min(_POINTS, max(2, longest)))
    curves = [
        np.stack([np.interp(frequency, one.frequency, column) for column in one.gain.T])
        for one in several
    ]
    # A row that hardly has a frequency shows a huge gain there: not so the median.
    gain = torch.from_numpy(np.median(curves, axis=0).T.copy())
    return FrequencyResponse(torch.from_numpy(frequency), gain, first.origin)


@_merged.register
def _(first: LevelResponse, several: Sequence[LevelResponse]) -> LevelResponse:
    return LevelResponse(torch.stack([one.gain for one in several]).mean(0))


@_merged.register
def _(first: AttentionResponse, several: Sequence[AttentionResponse]) -> AttentionResponse:
    tokens = torch.tensor([one.tokens for one in several], dtype=torch.float64)
    share = tokens / tokens.sum()
    return AttentionResponse(
        entropy=torch.stack([one.entropy for one in several], 1) @ share,
        distance=torch.stack([one.distance for one in several], 1) @ share,
        tokens=round(float(tokens.mean())),
    )


def times(model: BaseModel, batch: Tensor, seconds: float) -> list[LayerTime]:
    """Measure how long each layer takes in inference, all layers in turns.

    Parameters
    ----------
    model
        Any of our models.
    batch
        What the model is fed with, dense.
    seconds
        About how long to measure; three rounds are done in any case.

    Returns
    -------
    list of LayerTime
        Medians over rounds.
    """
    model.eval()
    with torch.inference_mode():
        states: list[Tensor] = []
        embeds = batch if batch.is_floating_point() else None
        model.encode(None if embeds is not None else batch, embeds, states=states)
        fed = inputs(model, batch)
        arms: list[tuple[Callable[[Tensor], Tensor], Tensor]] = []
        for block, state, x in zip(model.blocks, states, fed, strict=False):
            arms += [(block, state), (cast(HybridBlock, block).mixer, x)]
        found = _rounds(arms, seconds)
    return [LayerTime(*found[k : k + 2]) for k in range(0, len(found), 2)]


def _rounds(
    arms: Sequence[tuple[Callable[[Tensor], Tensor], Tensor]], seconds: float
) -> list[float]:
    """Time every arm once per round, after a round to warm up; give the medians."""
    taken: list[list[float]] = [[] for _ in arms]
    end = time.perf_counter() + seconds
    for number in range(_MOST_ROUNDS + 1):
        if number > _FEWEST_ROUNDS and time.perf_counter() > end:
            break
        for (module, x), own in zip(arms, taken, strict=True):
            start = time.perf_counter()
            module(x)
            if number:
                own.append(time.perf_counter() - start)
    return [median(own) for own in taken]
