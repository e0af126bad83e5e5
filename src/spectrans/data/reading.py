"""What was seen while a source was read."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

# How the split of a row is written down.
SPLITS = ("train", "validation", "test")
LEFT_OUT = len(SPLITS)


@dataclass(frozen=True, eq=False)
class Reading:
    """What was seen while a source was read.

    Parameters
    ----------
    columns
        The columns that were read, under what they hold: text or sequence, label, id.
    split
        For each row of the source the index of its split in `SPLITS`, or `LEFT_OUT`.
    given
        The splits that the source came in; none where all were drawn here.
    lengths
        Of each row before it was cut.
    unit
        What the lengths count.
    truncated
        Rows that were cut.
    repeated
        Rows whose input an earlier row has.
    conflicts
        Of these, rows with another label.
    leaks
        Rows of validation and test whose input is also in another split, by split.
    leak
        Where the first of them and its double are.
    alike
        Rows of validation and test that a tokenizer makes the same as a row of another split.
    """

    columns: dict[str, str]
    split: UInt8[np.ndarray, " rows"]
    given: tuple[str, ...]
    lengths: Int64[np.ndarray, " rows"]
    unit: str
    truncated: int
    repeated: int
    conflicts: int
    leaks: dict[str, int]
    leak: tuple[str, str] | None
    alike: int = 0
