"""A mixer that is not ours, and a way to register one for the length of a test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn

from spectrans.mixers import MIXERS, Dims, Mixer, MixerOptions, register
from spectrans.mixers.base import Kind


class Shift(MixerOptions):
    """Each token becomes a learned mix of itself and the one `distance` places before it."""

    name: ClassVar[str] = "shift"
    kind: ClassVar[Kind] = "spectral"

    distance: int = 1

    def build(self, dims: Dims) -> Mixer:
        return ShiftMixer(dims.hidden_dim, self.distance)


class ShiftMixer(Mixer):
    def __init__(self, hidden_dim: int, distance: int) -> None:
        super().__init__()
        self.distance = distance
        self.gain = nn.Parameter(torch.randn(hidden_dim))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gain * x.roll(self.distance, dims=1)


@contextmanager
def registered(options: type[MixerOptions]) -> Iterator[None]:
    register(options)
    try:
        yield
    finally:
        del MIXERS[options.name]
