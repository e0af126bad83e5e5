"""Pathfinder: whether two discs are on one dashed curve."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from pydantic import Field, PositiveFloat, PositiveInt

from spectrans.data.builtin.base import Builtin, in_order
from spectrans.data.builtin.grid import patch, put
from spectrans.data.builtin.snakes import Look, Scenes, grow
from spectrans.data.cache import Made, cached
from spectrans.data.dataset import Dataset
from spectrans.data.encoding import Pixels
from spectrans.data.splits import generator
from spectrans.data.store import Store
from spectrans.tasks import Classification

# Counts up when the pictures that a seed gives change.
VERSION = 1
BATCH = 512
LABELS = ("two curves", "one curve")
LICENCE = (
    "generated; the task is that of D. Linsley et al. 2018, arXiv:1805.08315, with the sizes of "
    "Y. Tay et al. 2020, Long Range Arena, arXiv:2011.04006"
)


class Pathfinder(Builtin):
    """Settings of the Pathfinder task; without any it is the hard one of the Long Range Arena.

    Parameters
    ----------
    size
        Side of a picture in pixels.
    contour
        Dashes of each long curve: 6, 9 and 14 are called easy, intermediate and hard.
    continuity
        A dash turns by less than 90 degrees divided by this.
    distractors
        Dashes that distract, in curves of a third of `contour`; None stands for 20 at 32 pixels, 35
        at 128, and between them in proportion.
    train
        Pictures to train on.
    validation
        Pictures to choose by.
    test
        Pictures to test on.
    """

    family: ClassVar[str] = "pathfinder"
    number: ClassVar[str] = "size"
    listed: ClassVar[tuple[int, ...]] = (32, 64, 128)

    size: int = Field(default=32, ge=24, le=256)
    contour: int = Field(default=14, ge=3, le=24)
    continuity: PositiveFloat = Field(default=1.0, ge=0.5, le=4)
    distractors: int | None = Field(default=None, ge=0, le=100)
    train: PositiveInt = 160_000
    validation: PositiveInt = 20_000
    test: PositiveInt = 20_000

    def describe(self) -> str:
        """Say in one line what the task is."""
        return (
            f"Pathfinder: are two discs on one curve of {self.contour} dashes? {self.size}x"
            f"{self.size} pictures, read as {self.size**2:,} pixels, {self.train:,} to train on"
        )

    def look(self) -> Look:
        """Give the measures of the pictures: those of the Long Range Arena at 32 and 128 pixels."""
        short = max(1, self.contour // 3)
        dashes = self._between(20.0, 35.0) if self.distractors is None else self.distractors
        return Look(
            size=self.size,
            contour=self.contour,
            continuity=self.continuity,
            distractors=int(dashes + 1e-9) // short,
            short=short,
            paddle=self._between(2.0, 5.0),
            gaps=(self._between(1.0, 2.0), self._between(1.0, 3.0)),
            thickness=self._between(0.5, 1.5),
            padding=1.0,
            apart=self._between(7.0, 20.0),
        )

    def _between(self, small: float, large: float) -> float:
        """Give a measure from those at 32 and at 128 pixels, on a line of their logarithms."""
        return float(small * (large / small) ** (np.log2(self.size / 32) / 2))

    def build(self, seed: int) -> Dataset:
        """Make the data set, or read it where it was made before."""
        sizes = (self.train, self.validation, self.test)
        key = {"task": "pathfinder", "version": VERSION, "seed": seed, **self.model_dump()}
        rows = cached(key, lambda: self._pictures(generator(seed), sum(sizes)))
        train, validation, test = in_order(rows.tokens, rows.labels, sizes)
        return Dataset(
            name=self.name,
            train=train,
            validation=validation,
            test=test,
            task=Classification(labels=LABELS),
            encoding=Pixels(vocab_size=256),
            max_length=self.size**2,
            description=self.describe(),
            licence=LICENCE,
        )

    def _pictures(self, random: np.random.RandomState, rows: int) -> Made:
        """Draw pictures until there are enough."""
        store, labels, look = Store(np.uint8), np.zeros(0, dtype=np.int64), self.look()
        # Of the smallest pictures with the longest curves one in 40 is kept.
        while len(labels) < rows:
            pictures, truth = self.draw(random, grow(random, look, BATCH))
            few = min(len(truth), rows - len(labels))
            labels = np.concatenate([labels, truth[:few]])
            store.append(pictures[:few])
        return Made(store.finish(np.full(rows, self.size**2, dtype=np.int64)), labels)

    def draw(
        self, random: np.random.RandomState, scenes: Scenes
    ) -> tuple[UInt8[np.ndarray, "b size size"], Int64[np.ndarray, " b"]]:
        """Paint scenes, and put a disc on the first tip of one long curve and on the last of one.

        Parameters
        ----------
        random
            Decides which curves.
        scenes
            Curves.

        Returns
        -------
        tuple of ndarray
            Grey values, and 1 where both discs are on one curve.
        """
        rows = np.arange(len(scenes.gap))
        label, origin = random.randint(0, 2, size=(2, len(rows)), dtype=np.int64)
        canvas = np.zeros((len(rows), self.size, self.size), dtype=np.float32)
        thickness, contrast = self.look().thickness, self._between(1.5, 0.9)
        for begin, end, curve in zip(
            *(np.moveaxis(part, 1, 0) for part in scenes[:2]), scenes.curve.T, strict=True
        ):
            drawn = curve >= 0
            # A line thinner than a pixel covers at most that share of one.
            most = min(thickness, 1.0)
            _paint(canvas, rows[drawn], begin[drawn], end[drawn], thickness / 2, most, contrast)
        for centre in discs(scenes, label, origin):
            _paint(canvas, rows, centre, centre, self._between(1.5, 3.0), 1.0, 1.0)
        return np.round(255 * canvas).astype(np.uint8), label


def discs(
    scenes: Scenes, label: Int64[np.ndarray, " b"], origin: Int64[np.ndarray, " b"]
) -> tuple[Float64[np.ndarray, "b 2"], Float64[np.ndarray, "b 2"]]:
    """Give the centres of the discs: where curve `origin` begins, and where it or the other ends.

    Parameters
    ----------
    scenes
        Curves.
    label
        1 puts both on one curve.
    origin
        Curve of the first disc.

    Returns
    -------
    tuple of ndarray
        Both centres.
    """
    rows = np.arange(len(origin))
    first = np.argmax(scenes.curve == origin[:, None], axis=1)
    other = np.where(label == 1, origin, 1 - origin)
    last = scenes.curve.shape[1] - 1 - np.argmax(scenes.curve[:, ::-1] == other[:, None], axis=1)
    return scenes.begin[rows, first], scenes.end[rows, last]


def _paint(
    canvas: Float32[np.ndarray, "b size size"],
    rows: Int64[np.ndarray, " k"],
    begin: Float64[np.ndarray, "k 2"],
    end: Float64[np.ndarray, "k 2"],
    reach: float,
    most: float,
    contrast: float,
) -> None:
    """Draw a line, with smooth edges, into one picture each."""
    down, right, square = patch(begin, end, reach)
    value = np.clip(reach + 0.5 - np.sqrt(square), 0, most)
    put(canvas, rows, down, right, np.minimum(contrast * value, 1).astype(canvas.dtype))
