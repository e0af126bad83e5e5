"""Shares of tokens between two neighbours, place by place from their definition."""

from collections import Counter

import numpy as np


def shares(rows: list[list[int]], size: int, left: int, right: int, strength: float) -> np.ndarray:
    """Give the share of each token between two others, `size` standing for the end of a row.

    What was counted at a place is mixed with a guess as if the guess had been seen `strength`
    times. The guess of both neighbours is that of tokens whose neighbours are independent of each
    other, given the token: p(token) p(left | token) p(right | token), and each of these by Bayes
    from the share after the left one, and before the right one.
    """
    alone: Counter[int] = Counter()
    after: Counter[tuple[int, int]] = Counter()
    before: Counter[tuple[int, int]] = Counter()
    between: Counter[tuple[int, int, int]] = Counter()
    for row in rows:
        for place, token in enumerate(row):
            a = row[place - 1] if place else size
            b = row[place + 1] if place + 1 < len(row) else size
            alone[token] += 1
            after[a, token] += 1
            before[b, token] += 1
            between[a, token, b] += 1
    share = np.array([max(alone[token], 0.5) for token in range(size)], dtype=np.float64)
    share /= share.sum()

    def beside(counts: Counter[tuple[int, int]], neighbour: int) -> np.ndarray:
        seen = np.array([counts[neighbour, token] for token in range(size)], dtype=np.float64)
        return (seen + strength * share) / (seen.sum() + strength)

    guess = share * (beside(after, left) / share) * (beside(before, right) / share)
    guess /= guess.sum()
    seen = np.array([between[left, token, right] for token in range(size)], dtype=np.float64)
    return (seen + strength * guess) / (seen.sum() + strength)
