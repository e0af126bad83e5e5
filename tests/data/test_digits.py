"""Floating digits against an independent reading of the file they come from."""

import gzip
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import spectrans.data
from spectrans.data import Pixels
from spectrans.data.digits import digits
from tests.data.digest import digest

FILE = Path(spectrans.data.__file__).parent / "files" / "digits.csv.gz"


class Ink(NamedTuple):
    """The smallest rectangle that holds all ink of an image, and where it begins."""

    pixels: bytes
    shape: tuple[int, ...]
    corner: tuple[int, int]


def ink(image: np.ndarray) -> Ink:
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Ink(cut.astype(np.uint8).tobytes(), cut.shape, (int(rows[0]), int(columns[0])))


@cache
def originals() -> dict[tuple[bytes, tuple[int, ...]], tuple[int, tuple[int, int]]]:
    """The label and the corner of each original's ink, under the ink."""
    lines = gzip.decompress(FILE.read_bytes()).decode().split()
    table = np.array([line.split(",") for line in lines], dtype=int)
    found = [(ink(row[:-1].reshape(8, 8)), int(row[-1])) for row in table]
    return {(mark.pixels, mark.shape): (label, mark.corner) for mark, label in found}


def canvases(size: int, seed: int = 0) -> list[tuple[np.ndarray, int]]:
    made = digits(size, seed)
    return [
        (sequence.reshape(size, size), int(label))
        for split in (made.train, made.validation, made.test)
        for sequence, label in zip(split.tokens, split.labels, strict=True)
    ]


def places(size: int, seed: int = 0) -> np.ndarray:
    """Where the top left corner of each 8x8 image lies on its canvas."""
    known = originals()
    marks = [ink(canvas) for canvas, _ in canvases(size, seed)]
    return np.array([np.subtract(mark.corner, known[mark.pixels, mark.shape][1]) for mark in marks])


def test_all_originals_differ_so_that_ink_identifies_them() -> None:
    assert len(originals()) == 1797


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("size", [12, 16, 33])
def test_every_digit_is_once_in_one_split_with_its_label(size: int, seed: int) -> None:
    wanted = Counter((mark, label) for mark, (label, _) in originals().items())
    marks = [(ink(canvas), label) for canvas, label in canvases(size, seed)]
    assert Counter(((mark.pixels, mark.shape), label) for mark, label in marks) == wanted


@pytest.mark.parametrize("size", [12, 13, 64])
def test_the_whole_glyph_lies_inside_the_canvas(size: int) -> None:
    found = places(size)
    assert found.min() == 0
    assert found.max() == size - 8


def test_every_spot_is_about_equally_likely() -> None:
    spots = Counter(map(tuple, places(12).tolist()))
    # 1,797 throws into 25 spots: 72 expected, standard deviation 8.3.
    assert len(spots) == 25
    assert min(spots.values()) > 72 - 5 * 8.3
    assert max(spots.values()) < 72 + 5 * 8.3


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_places_do_not_depend_on_the_split(split: str) -> None:
    known = originals()
    sequences = getattr(digits(12), split).tokens
    marks = [ink(sequence.reshape(12, 12)) for sequence in sequences]
    corners = np.array([np.subtract(m.corner, known[m.pixels, m.shape][1]) for m in marks])
    # Uniform on 0..4: mean 2, standard deviation 1.41.
    assert np.abs(corners.mean(axis=0) - 2).max() < 4 * 1.41 / np.sqrt(len(sequences))


def test_the_splits_are_balanced() -> None:
    made = digits(12)
    assert np.bincount(made.test.labels).tolist() == [36] * 10
    assert np.bincount(made.validation.labels).tolist() == [24] * 10
    assert len(made.train) == 1197
    assert np.bincount(made.train.labels).min() == 114


def test_every_size_has_the_same_digits_in_the_same_order() -> None:
    small, large = ([ink(canvas)[:2] for canvas, _ in canvases(size)] for size in (12, 40))
    assert small == large


def test_sequences_are_pixels_row_by_row() -> None:
    made = digits(20)
    assert (made.encoding, made.max_length) == (Pixels(vocab_size=17), 400)
    assert {sequence.shape for sequence in made.train.tokens} == {(400,)}
    assert max(sequence.max() for sequence in made.train.tokens) == 16


def test_another_seed_gives_another_split() -> None:
    first, second = digits(12, 0), digits(12, 1)
    assert first.test.labels.tolist() != second.test.labels.tolist()
    assert digest(first) == digest(digits(12, 0)) != digest(second)


def test_the_published_task_never_changes() -> None:
    # Scores in the documentation belong to these bytes.
    assert digest(digits(12)) == "4e9b41a3bb4e8059"


@pytest.mark.parametrize("size", [0, 8, 11, 65])
def test_a_canvas_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"^size must be between 12 and 64, got {size}$"):
        digits(size)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    sentence = f"seed must be at least 0 and below 2**32, got {seed}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        digits(12, seed)
