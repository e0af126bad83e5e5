"""ListOps: nested lists of digits, and what they come to."""

from typing import ClassVar

from pydantic import Field, PositiveInt, model_validator

from spectrans.data.builtin.base import Builtin, in_order
from spectrans.data.builtin.trees import VOCABULARY, trees
from spectrans.data.cache import cached
from spectrans.data.dataset import Dataset
from spectrans.data.encoding import Ids
from spectrans.data.splits import generator
from spectrans.errors import must
from spectrans.tasks import Classification

# Counts up when the rows that a seed gives change.
VERSION = 1
LICENCE = (
    "generated; the task is that of N. Nangia and S. Bowman 2018, arXiv:1804.06028, with the sizes "
    "of Y. Tay et al. 2020, Long Range Arena, arXiv:2011.04006"
)


class ListOps(Builtin):
    """Settings of the ListOps task; without any it is that of the Long Range Arena.

    Parameters
    ----------
    max
        Rows are shorter than this many tokens.
    min
        Rows are longer than this many tokens; None stands for a quarter of `max`.
    depth
        Lists are nested to at most one less than this.
    args
        A list has 2 to this many members.
    train
        Rows to train on.
    validation
        Rows to choose by.
    test
        Rows to test on.
    """

    family: ClassVar[str] = "listops"
    number: ClassVar[str] = "max"
    listed: ClassVar[tuple[int, ...]] = (256, 512, 1024, 2000)

    max: int = Field(default=2000, ge=8, le=16_384)
    min: int | None = Field(default=None, ge=1)
    depth: int = Field(default=10, ge=2, le=32)
    args: int = Field(default=10, ge=2, le=32)
    train: PositiveInt = 96_000
    validation: PositiveInt = 2_000
    test: PositiveInt = 2_000

    @model_validator(mode="after")
    def _check(self) -> "ListOps":
        if self.shortest > self.max - 2:
            rule = f"be at least 2 below max={self.max}"
            raise ValueError(must("min", rule, self.shortest))
        return self

    @property
    def shortest(self) -> int:
        """What `min` stands for."""
        return self.max // 4 if self.min is None else self.min

    def describe(self) -> str:
        """Say in one line what the task is."""
        return (
            f"ListOps: nested MIN, MAX, MED and SM of digits, {self.shortest + 1:,} to "
            f"{self.max - 1:,} tokens, {self.train:,} rows to train on"
        )

    def build(self, seed: int) -> Dataset:
        """Make the data set, or read it where it was made before."""
        sizes = (self.train, self.validation, self.test)
        key = {"task": "listops", "version": VERSION, "seed": seed, **self.model_dump()}
        rows = cached(
            key | {"min": self.shortest},
            lambda: trees(
                generator(seed), sum(sizes), self.shortest, self.max, self.depth, self.args
            ),
        )
        train, validation, test = in_order(rows.tokens, rows.labels, sizes)
        return Dataset(
            name=self.name,
            train=train,
            validation=validation,
            test=test,
            task=Classification(labels=tuple("0123456789")),
            encoding=Ids(vocab_size=len(VOCABULARY)),
            max_length=self.max - 1,
            description=self.describe(),
            licence=LICENCE,
        )
