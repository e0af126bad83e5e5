"""In which order rows are trained on: a function of seed, epoch and place alone.

Nothing is drawn on the way, so that a run that goes on in the middle of an epoch, or with another
number of processes, sees the same rows in the same steps.
"""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from torch.utils.data import Sampler

# Batches whose rows are put in order of length together: more make less padding and less chance.
POOL = 50


class Draw(NamedTuple):
    """A row as it is asked for in an epoch.

    Parameters
    ----------
    row
        Of the training split.
    epoch
        Passes before this one.
    seed
        Of the run.
    filler
        Whether it only stands in for a row that its batch has not.
    """

    row: int
    epoch: int
    seed: int
    filler: bool = False


class Order(Sampler[list[Draw]]):
    """The batches of one process, epoch by epoch.

    Parameters
    ----------
    lengths
        Tokens of every row. Where they differ, neighbours in length share a batch: mixers work on
        rows of one length, and there is less padding.
    batch_size
        Rows per optimiser step, of all processes together.
    seed
        Of the run.
    parts
        Passes in which a process does a step.
    processes
        How many there are.
    rank
        Which one this is.

    Notes
    -----
    The rows of a step are dealt to passes and processes in turn. Where there are too few, a part
    gets a filler, of which nothing is learnt.
    """

    def __init__(
        self,
        lengths: Int64[np.ndarray, " rows"],
        batch_size: int,
        seed: int,
        parts: int = 1,
        processes: int = 1,
        rank: int = 0,
    ) -> None:
        self.lengths = lengths
        self.ragged = bool(lengths.min() < lengths.max())
        self.batch_size = batch_size
        self.seed = seed
        self.parts, self.processes, self.rank = parts, processes, rank
        self.epoch = 0

    @property
    def steps(self) -> int:
        """Optimiser steps of an epoch."""
        return ceil(len(self.lengths) / self.batch_size)

    def __len__(self) -> int:
        return self.steps * self.parts

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch, shares = self.epoch, self.parts * self.processes
        for batch in self._batches(epoch):
            rows = batch.tolist()
            for part in range(self.parts):
                mine = rows[part * self.processes + self.rank :: shares]
                if mine:
                    yield [Draw(row, epoch, self.seed) for row in mine]
                else:
                    yield [Draw(rows[0], epoch, self.seed, filler=True)]

    def _batches(self, epoch: int) -> Iterator[Int64[np.ndarray, " batch"]]:
        """Give the rows of every step of an epoch."""
        random = torch.Generator().manual_seed(self.seed + epoch)
        rows = torch.randperm(len(self.lengths), generator=random).numpy()
        size = self.batch_size
        if not self.ragged:
            yield from (rows[k : k + size] for k in range(0, len(rows), size))
            return
        # At least four pools, as long as there are that many batches.
        pool = size * max(1, min(POOL, len(rows) // (4 * size)))
        for k in range(0, len(rows), pool):
            some = rows[k : k + pool]
            some[:] = some[np.argsort(-self.lengths[some], kind="stable")]
        starts = torch.randperm(self.steps, generator=random).numpy() * size
        # The longest row comes first: if memory is too small, it shows at once.
        longest = int(np.argmax(self.lengths[rows[starts]]))
        starts[[0, longest]] = starts[[longest, 0]]
        yield from (rows[k : k + size] for k in starts)
