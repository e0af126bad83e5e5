"""Floating digits: real handwritten digits, each at a random spot of a canvas, pixel by pixel."""

import gzip
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Int64, UInt8

from spectrans.data.dataset import Dataset, Examples
from spectrans.data.encoding import Pixels
from spectrans.data.splits import generator, stratified
from spectrans.errors import must
from spectrans.tasks import Classification

GLYPH = 8
SMALLEST = 12
LARGEST = 64
DEFAULT = 12
CLASSES = 10
GREYS = 17
# Per class; classes hold 174 to 183 digits, which leaves 1,197 for training.
VALIDATION = 24
TEST = 36

LICENCE = (
    "CC BY 4.0: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits (1998), "
    "UCI Machine Learning Repository, https://doi.org/10.24432/C50P49"
)


def describe(size: int = DEFAULT) -> str:
    """Say in one line what `digits(size)` is."""
    return (
        f"1,797 real handwritten digits, each at a random spot of a {size}x{size} canvas, "
        f"read as {size * size:,} pixels"
    )


def digits(size: int = DEFAULT, seed: int = 0) -> Dataset:
    """Read the digits of UCI's optdigits on larger canvases than they were written on.

    Parameters
    ----------
    size
        Side of the canvas in pixels, 12 to 64. A sequence has `size * size` tokens; a larger
        canvas is a harder task, since a digit has more places to be in.
    seed
        Decides the splits, the order and the places. The splits are those of every other size.

    Returns
    -------
    Dataset
        1,197 digits for training, 240 for validation, 360 for testing, the last two balanced.
        Split by digit, not by writer: the file does not say who wrote what.

    Raises
    ------
    ValueError
        `size must be between 12 and 64, got <size>`.

    Examples
    --------
    >>> digits(16).train.tokens[0].shape
    (256,)
    """
    if not SMALLEST <= size <= LARGEST:
        raise ValueError(must("size", f"be between {SMALLEST} and {LARGEST}", size))
    glyphs, labels = _glyphs()
    random = generator(seed)
    fixed = np.full(CLASSES, 1)
    split = stratified(labels, VALIDATION * fixed, TEST * fixed, random)
    # Fractions, not integers: a seed puts a digit in the same relative spot on every canvas.
    places = np.floor(random.random_sample((len(labels), 2)) * (size - GLYPH + 1)).astype(np.int64)
    canvases = np.zeros((len(labels), size, size), dtype=np.uint8)
    for canvas, glyph, (top, left) in zip(canvases, glyphs, places, strict=True):
        canvas[top : top + GLYPH, left : left + GLYPH] = glyph
    sequences = canvases.reshape(len(labels), size * size)
    return Dataset(
        name=f"digits{size}",
        train=Examples(tuple(sequences[split.train]), labels[split.train]),
        validation=Examples(tuple(sequences[split.validation]), labels[split.validation]),
        test=Examples(tuple(sequences[split.test]), labels[split.test]),
        task=Classification(labels=tuple(str(digit) for digit in range(CLASSES))),
        encoding=Pixels(vocab_size=GREYS),
        max_length=size * size,
        description=describe(size),
        licence=LICENCE,
    )


@cache
def _glyphs() -> tuple[UInt8[np.ndarray, "digits 8 8"], Int64[np.ndarray, " digits"]]:
    """Read the embedded file: 64 grey values and the class on each line."""
    packed = files("spectrans.data").joinpath("files", "digits.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode("ascii").split()
    table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    return table[:, :-1].reshape(-1, GLYPH, GLYPH).astype(np.uint8), table[:, -1]
