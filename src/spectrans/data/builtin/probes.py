"""Probes that tell mixers apart: what a row asks for lies anywhere in it.

They are made anew each time, which takes less than reading a file would.
"""

from typing import ClassVar

import numpy as np
from jaxtyping import Float64, Int64
from pydantic import Field, PositiveInt, model_validator

from spectrans.data.builtin.base import Builtin, in_order
from spectrans.data.dataset import Dataset
from spectrans.data.encoding import Ids
from spectrans.data.splits import generator
from spectrans.errors import must
from spectrans.sequences import Sequences
from spectrans.tasks import Classification, TokenClassification
from spectrans.tasks.tokens import NO_LABEL

# Rows that are drawn together: with large vocabularies each takes as many random numbers.
BATCH = 1024
# Exponent of the distances at which recall asks, from the code of Arora et al. 2023.
POWER = 0.01

Rows = Int64[np.ndarray, "rows n"]


class _Probe(Builtin):
    """Settings that probes share."""

    def draw(self, random: np.random.RandomState, rows: int) -> tuple[Rows, np.ndarray]:
        """Draw tokens, and a label for each row or for each token.

        Parameters
        ----------
        random
            Decides everything.
        rows
            How many.

        Returns
        -------
        tuple of ndarray
            Tokens and labels.
        """
        raise NotImplementedError

    def dataset(
        self,
        seed: int,
        sizes: tuple[int, int, int],
        tokens: int,
        labels: tuple[str, ...],
        source: str,
    ) -> Dataset:
        """Make the data set of a probe.

        Parameters
        ----------
        seed
            Decides everything.
        sizes
            Rows of each split.
        tokens
            Number of different tokens.
        labels
            Names of the classes.
        source
            Who the task is by.

        Returns
        -------
        Dataset
            For each row as many tokens.
        """
        random, count = generator(seed), sum(sizes)
        drawn = [self.draw(random, min(BATCH, count - done)) for done in range(0, count, BATCH)]
        inputs = np.concatenate([part for part, _ in drawn]).astype(np.int32)
        answers = np.concatenate([part for _, part in drawn])
        per_token = answers.ndim == 2
        targets = _sequences(answers.astype(np.int32)) if per_token else answers
        task = TokenClassification if per_token else Classification
        train, validation, test = in_order(_sequences(inputs), targets, sizes)
        return Dataset(
            name=self.name,
            train=train,
            validation=validation,
            test=test,
            task=task(labels=labels),
            encoding=Ids(vocab_size=tokens),
            max_length=inputs.shape[1],
            description=self.describe(),
            licence=f"generated; the task is that of {source}",
        )


def _sequences(rows: np.ndarray) -> Sequences:
    """Give the rows of a table as sequences that share its memory."""
    count, length = rows.shape
    lengths = np.full(count, length, dtype=np.int64)
    return Sequences(rows.reshape(-1), np.cumsum(lengths) - lengths, lengths)


def _some(weights: Float64[np.ndarray, "rows k"], count: int) -> Rows:
    """Draw some of several without putting back, by weight, given what `_chances` made of these."""
    return np.argsort(-weights, axis=1, kind="stable")[:, :count]


def _chances(
    random: np.random.RandomState, rows: int, log_weights: Float64[np.ndarray, " k"]
) -> Float64[np.ndarray, "rows k"]:
    """Give numbers of which the largest fall where weights are: one after the other, as draws."""
    return log_weights - np.log(-np.log(random.random_sample((rows, len(log_weights)))))


class Recall(_Probe):
    """Settings of associative recall: pairs of a key and a value, then keys alone.

    Parameters
    ----------
    length
        Tokens of a row.
    pairs
        Pairs at its beginning, each of which is asked for once.
    vocab
        Different tokens: a blank, keys, and as many values as half of this.
    train
        Rows to train on.
    validation
        Rows to choose by.
    test
        Rows to test on.
    """

    family: ClassVar[str] = "recall"
    number: ClassVar[str] = "length"
    listed: ClassVar[tuple[int, ...]] = (64, 128, 256, 512)

    length: int = Field(default=64, ge=6, le=16_384)
    pairs: PositiveInt = 8
    vocab: int = Field(default=128, ge=8, le=8192)
    train: PositiveInt = 10_000
    validation: PositiveInt = 1_000
    test: PositiveInt = 2_000

    @model_validator(mode="after")
    def _check(self) -> "Recall":
        most = min(self.length // 3, self.vocab // 2 - 1)
        if self.pairs > most:
            rule = f"be at most {most}, a third of the length and fewer than half of vocab"
            raise ValueError(must("pairs", rule, self.pairs))
        return self

    def describe(self) -> str:
        """Say in one line what the task is."""
        return (
            f"associative recall: {self.pairs} pairs of a key and a value, then each key once; "
            f"which value has it? {self.length:,} tokens"
        )

    def build(self, seed: int) -> Dataset:
        """Make the data set."""
        values = tuple(str(value) for value in range(self.vocab // 2, self.vocab))
        source = "S. Arora et al. 2023, Zoology, arXiv:2312.04927"
        sizes = (self.train, self.validation, self.test)
        return self.dataset(seed, sizes, self.vocab, values, source)

    def draw(self, random: np.random.RandomState, rows: int) -> tuple[Rows, Rows]:
        """Draw rows, and a label at each key that stands alone."""
        half, pairs = self.vocab // 2, self.pairs
        keys = 1 + _some(random.random_sample((rows, half - 1)), pairs)
        values = _some(random.random_sample((rows, self.vocab - half)), pairs)
        tokens = np.zeros((rows, self.length), dtype=np.int64)
        tokens[:, 0 : 2 * pairs : 2], tokens[:, 1 : 2 * pairs : 2] = keys, half + values
        free = self.length - 2 * pairs
        near = (POWER - 1) * np.log(np.arange(1.0, free + 1))
        places = 2 * pairs + _some(_chances(random, rows, near), pairs)
        labels = np.full_like(tokens, NO_LABEL)
        np.put_along_axis(tokens, places, keys, axis=1)
        np.put_along_axis(labels, places, values, axis=1)
        return tokens, labels


class Copying(_Probe):
    """Settings of selective copying: tokens among blanks, then a place for each of them in turn.

    Parameters
    ----------
    length
        Tokens of a row before the places.
    tokens
        Tokens that are to be copied, and places at the end.
    vocab
        Different tokens among these.
    train
        Rows to train on.
    validation
        Rows to choose by.
    test
        Rows to test on.
    """

    family: ClassVar[str] = "copying"
    number: ClassVar[str] = "length"
    listed: ClassVar[tuple[int, ...]] = (64, 256, 1024, 4096)

    length: int = Field(default=256, ge=2, le=16_384)
    tokens: PositiveInt = 16
    vocab: int = Field(default=16, ge=2, le=1024)
    train: PositiveInt = 10_000
    validation: PositiveInt = 1_000
    test: PositiveInt = 2_000

    @model_validator(mode="after")
    def _check(self) -> "Copying":
        if self.tokens > self.length:
            raise ValueError(must("tokens", f"be at most length={self.length}", self.tokens))
        return self

    def describe(self) -> str:
        """Say in one line what the task is."""
        return (
            f"selective copying: {self.tokens} tokens of {self.vocab} kinds among {self.length:,} "
            "places, to be repeated in order"
        )

    def build(self, seed: int) -> Dataset:
        """Make the data set."""
        kinds = tuple(str(kind) for kind in range(1, self.vocab + 1))
        source = "A. Gu and T. Dao 2023, Mamba, arXiv:2312.00752, section 4.1.1"
        sizes = (self.train, self.validation, self.test)
        return self.dataset(seed, sizes, self.vocab + 2, kinds, source)

    def draw(self, random: np.random.RandomState, rows: int) -> tuple[Rows, Rows]:
        """Draw rows, and a label at each place at the end."""
        chosen = _some(random.random_sample((rows, self.length)), self.tokens)
        kinds = random.randint(0, self.vocab, size=(rows, self.tokens), dtype=np.int64)
        tokens = np.zeros((rows, self.length + self.tokens), dtype=np.int64)
        np.put_along_axis(tokens, np.sort(chosen, axis=1), 1 + kinds, axis=1)
        tokens[:, self.length :] = self.vocab + 1
        labels = np.full_like(tokens, NO_LABEL)
        labels[:, self.length :] = kinds
        return tokens, labels


class Induction(_Probe):
    """Settings of induction: the token that followed the mark that the row ends with.

    Parameters
    ----------
    length
        Tokens of a row.
    vocab
        Different tokens beside the marks.
    marks
        Different marks; all but one are in the row only once, before another token.
    train
        Rows to train on.
    validation
        Rows to choose by.
    test
        Rows to test on.
    """

    family: ClassVar[str] = "induction"
    number: ClassVar[str] = "length"
    listed: ClassVar[tuple[int, ...]] = (64, 256, 1024)

    length: int = Field(default=256, ge=4, le=16_384)
    vocab: int = Field(default=16, ge=2, le=1024)
    marks: int = Field(default=1, ge=1, le=64)
    train: PositiveInt = 10_000
    validation: PositiveInt = 1_000
    test: PositiveInt = 2_000

    @model_validator(mode="after")
    def _check(self) -> "Induction":
        if 2 * self.marks >= self.length:
            rule = f"be below half of length={self.length}"
            raise ValueError(must("marks", rule, self.marks))
        return self

    def describe(self) -> str:
        """Say in one line what the task is."""
        marks = "the mark" if self.marks == 1 else f"that of {self.marks} marks"
        return (
            f"induction: which of {self.vocab} tokens followed {marks} that the row ends with? "
            f"{self.length:,} tokens"
        )

    def build(self, seed: int) -> Dataset:
        """Make the data set."""
        kinds = tuple(str(kind) for kind in range(self.vocab))
        source = "A. Gu and T. Dao 2023, Mamba, arXiv:2312.00752, section 4.1.2"
        sizes = (self.train, self.validation, self.test)
        return self.dataset(seed, sizes, self.vocab + self.marks, kinds, source)

    def draw(
        self, random: np.random.RandomState, rows: int
    ) -> tuple[Rows, Int64[np.ndarray, " rows"]]:
        """Draw rows, and the token that is asked for."""
        tokens = random.randint(0, self.vocab, size=(rows, self.length), dtype=np.int64)
        # A mark and what follows it take two places: so many, in any order among the others.
        spots = self.length - 1 - self.marks
        chosen = _some(random.random_sample((rows, spots)), self.marks)
        places = chosen + (chosen[:, :, None] > chosen[:, None, :]).sum(axis=2)
        marks = np.broadcast_to(self.vocab + np.arange(self.marks), (rows, self.marks))
        np.put_along_axis(tokens, places, marks, axis=1)
        asked = random.randint(0, self.marks, size=(rows, 1), dtype=np.int64)
        tokens[:, -1:] = self.vocab + asked
        place = 1 + np.take_along_axis(places, asked, axis=1)
        return tokens, np.take_along_axis(tokens, place, axis=1)[:, 0]
