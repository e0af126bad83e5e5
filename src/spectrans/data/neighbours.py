"""How often a token stands between two others: what hidden tokens can be told from by counting."""

import numpy as np
from jaxtyping import Float64, Int64

from spectrans.data.dataset import Examples

# Of tokens that a vocabulary may have here: the tables of pairs have its square.
MOST_TOKENS = 2_500
# How many sightings a guess from less is worth; chosen on the validation split.
STRENGTHS = (1.0, 4.0, 16.0, 64.0)
# Places that are answered together.
BATCH = 4096

Triples = Int64[np.ndarray, "places 3"]


class Neighbours:
    """Shares of tokens by their neighbours, learnt by counting.

    The share of a token between two others is mixed from how often it was seen there and from what
    either neighbour says for itself; that in turn from how often the pair was seen and from the
    share of the token alone. The more often something was seen, the less is mixed in.

    Parameters
    ----------
    train
        Rows to count in.
    size
        Of the vocabulary.
    """

    def __init__(self, train: Examples, size: int) -> None:
        seen = triples(train, size)
        self.size = size
        # A token that was never seen gets a small share, not a loss without bound.
        alone = np.maximum(np.bincount(seen[:, 1], minlength=size), 0.5)
        self.alone: Float64[np.ndarray, " size"] = alone / alone.sum()
        self.after, self.before = (
            np.bincount(seen[:, side] * size + seen[:, 1], minlength=(size + 1) * size)
            .reshape(size + 1, size)
            .astype(np.float64)
            for side in (0, 2)
        )
        self._codes, self._counts = np.unique(self._code(seen), return_counts=True)

    def _code(self, at: Triples) -> Int64[np.ndarray, " places"]:
        return (at[:, 0] * (self.size + 1) + at[:, 2]) * self.size + at[:, 1]

    def shares(
        self, at: Int64[np.ndarray, "places 2"], strength: float
    ) -> Float64[np.ndarray, "places size"]:
        """Give the share of each token between two others.

        Parameters
        ----------
        at
            The tokens on the left and on the right, the size of the vocabulary at an end of a row.
        strength
            How many sightings a guess from less is worth.

        Returns
        -------
        numpy.ndarray
            Each row sums to one.
        """
        guess = 1 / self.alone
        for side, table in enumerate((self.after, self.before)):
            seen = table[at[:, side]]
            total = seen.sum(1, keepdims=True) + strength
            guess = guess * ((seen + strength * self.alone) / total)
        guess /= guess.sum(1, keepdims=True)
        first = (at[:, 0] * (self.size + 1) + at[:, 1]) * self.size
        low = np.searchsorted(self._codes, first)
        high = np.searchsorted(self._codes, first + self.size)
        shares = strength * guess
        for place, (start, end) in enumerate(zip(low, high, strict=True)):
            shares[place, self._codes[start:end] - first[place]] += self._counts[start:end]
        return np.asarray(shares / shares.sum(1, keepdims=True))

    def judge(self, rows: Examples, strength: float) -> tuple[float, float]:
        """Give the mean loss in nats and the share of right guesses, over all tokens of rows."""
        found = triples(rows, self.size)
        loss, right = 0.0, 0
        for start in range(0, len(found), BATCH):
            some = found[start : start + BATCH]
            shares = self.shares(some[:, ::2], strength)
            loss -= float(np.log(shares[np.arange(len(some)), some[:, 1]]).sum())
            right += int((shares.argmax(1) == some[:, 1]).sum())
        return loss / len(found), right / len(found)


def triples(rows: Examples, size: int) -> Triples:
    """Give every token of rows between its neighbours; `size` stands beyond the ends of a row."""
    found = []
    for row in rows.tokens:
        padded = np.pad(np.asarray(row, dtype=np.int64), 1, constant_values=size)
        found.append(np.stack([padded[:-2], padded[1:-1], padded[2:]], axis=1))
    return np.concatenate(found)
