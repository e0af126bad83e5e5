"""Wavelet packages, with the signal in the layout that each of them likes best."""

import importlib
import sys
import types
from typing import Any

from torch import Tensor


def pytorch_wavelets() -> Any:
    """Import pytorch_wavelets 1.3, which asks setuptools for a part that it no longer has."""
    if "pkg_resources" not in sys.modules:
        # Only its dual-tree transform, which is not used here, would call this.
        stand_in = types.ModuleType("pkg_resources")
        stand_in.resource_stream = None  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = stand_in
    import pytorch_wavelets as package

    return package


def levels_by_pytorch_wavelets(x: Tensor, wavelet: str, levels: int) -> "RoundTrip":
    """Give the round trip of `(b, n, d)` signals by pytorch_wavelets, channels first."""
    package = pytorch_wavelets()
    split = package.DWT1DForward(J=levels, wave=wavelet, mode="periodization")
    join = package.DWT1DInverse(wave=wavelet, mode="periodization")
    return RoundTrip(split, join, x.transpose(1, 2).contiguous())


def levels_by_ptwt(x: Tensor, wavelet: str, levels: int) -> "RoundTrip":
    """Give the round trip of `(b, n, d)` signals by ptwt's convolutions, channels first."""
    ptwt: Any = importlib.import_module("ptwt")

    def split(signal: Tensor) -> Any:
        return ptwt.wavedec(signal, wavelet, mode="symmetric", level=levels)

    def join(coefficients: Any) -> Tensor:
        return ptwt.waverec(coefficients, wavelet)

    return RoundTrip(split, join, x.transpose(1, 2).contiguous())


class RoundTrip:
    """Split, then join; results are turned to `(b, n, d)` without a copy."""

    def __init__(self, split: Any, join: Any, x: Tensor) -> None:
        self.split, self.join, self.x = split, join, x

    def __call__(self) -> tuple[Tensor, ...]:
        coefficients = self.split(self.x)
        back = self.join(coefficients)
        if isinstance(coefficients, tuple):  # approximation, details from the finest
            approx, details = coefficients
            coefficients = [approx, *reversed(details)]
        return tuple(c.transpose(1, 2) for c in (*coefficients, back))
