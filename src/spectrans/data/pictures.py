"""Pictures as sequences of grey values, row by row."""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from spectrans.data.encoding import AnyEncoding, Pixels
from spectrans.data.intake import Intake
from spectrans.data.sources.base import BRIEF
from spectrans.data.sources.picture import Picture
from spectrans.data.store import Store
from spectrans.errors import FaultError, must
from spectrans.sequences import Sequences

GREYS = 256


class PictureIntake(Intake):
    """Takes pictures of one size.

    Parameters
    ----------
    first
        The first picture.
    max_length
        Must be None or no less than its pixels: part of a picture is none.
    """

    role = "picture"
    noun = "pictures"
    unit = "pixels"

    def __init__(self, first: Picture, max_length: int | None) -> None:
        if max_length is not None and max_length < len(first):
            rule = f"be at least {len(first)}, the pixels of a picture"
            raise ValueError(must("max_length", rule, max_length))
        super().__init__(None)
        self.shape = first.grey.shape
        self.store = Store(np.uint8)

    def read(self, value: Any) -> UInt8[np.ndarray, " pixels"]:
        """Give the grey values of a picture that is as large as the first one."""
        if not isinstance(value, Picture):
            raise FaultError(f"must be a picture, as in the first row, got {BRIEF.repr(value)}")
        if value.grey.shape != self.shape:
            wanted, found = ("x".join(map(str, shape)) for shape in (self.shape, value.grey.shape))
            raise FaultError(
                f"must be {wanted} pixels, as the first one is, got {found}; scale it to that size"
            )
        return value.grey.reshape(-1)

    def finish(self, trained: slice) -> tuple[Sequences, AnyEncoding]:
        """Give all pictures."""
        return self.store.finish(self.kept.finish()), Pixels(vocab_size=GREYS)
