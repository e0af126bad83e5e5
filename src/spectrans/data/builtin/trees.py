"""Random ListOps trees, many at a time, level by level.

A node is a digit with probability 3/4, and else a list of members that are nodes again. How many
nodes of a level are lists, and how many members these have, decides how long the row is: so rows of
the wrong length are dropped before any of their tokens is drawn.
"""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8

from spectrans.data.cache import Made
from spectrans.data.store import Store
from spectrans.errors import must

VOCABULARY = (*"0123456789", "[MIN", "[MAX", "[MED", "[SM", "]")
MIN, MAX, MED, SM = range(4)
_OPERATOR, _CLOSE = 10, 14
# Share of the nodes that are lists: r > 0.25 makes a digit.
LISTS = 0.25
# Trees that are begun together, and after how many it is said that there are too few.
BATCH = 16_384
PATIENCE = 1_000_000
FEWEST = 1 / 5_000

Counts = Int64[np.ndarray, " _"]


class _Shapes(NamedTuple):
    """How many nodes and lists each tree has on each level, and the members of all lists."""

    nodes: list[Counts]
    lists: list[Counts]
    members: list[Counts]
    lengths: Counts


def trees(
    random: np.random.RandomState, rows: int, shortest: int, longest: int, depth: int, args: int
) -> Made:
    """Draw different trees as rows of tokens, with their values.

    Parameters
    ----------
    random
        Decides everything.
    rows
        How many.
    shortest
        Rows have more tokens than this.
    longest
        Rows have fewer tokens than this.
    depth
        Nodes of this level are digits; the root is of level 1.
    args
        Most members of a list; the fewest are 2.

    Returns
    -------
    Made
        Tokens, numbered as in `VOCABULARY`, and the value of each row.

    Raises
    ------
    ValueError
        `min and max must leave room for <rows> different rows ...`.
    """
    store, lengths, values = Store(np.uint8), [], []
    known: set[bytes] = set()
    tried = 0
    while len(known) < rows:
        shapes = _shapes(random, shortest, longest, depth, args)
        tried += BATCH
        tokens, value = _fill(random, shapes)
        ends = np.cumsum(shapes.lengths)
        for end, length, label in zip(
            ends.tolist(), shapes.lengths.tolist(), value.tolist(), strict=True
        ):
            row = tokens[end - length : end]
            digest = blake2b(row.tobytes(), digest_size=16).digest()
            if len(known) < rows and digest not in known:
                known.add(digest)
                store.append(row)
                lengths.append(length)
                values.append(label)
        if tried >= PATIENCE and len(known) < min(rows, tried * FEWEST):
            rule = f"leave room for {rows:,} different rows"
            raise ValueError(must("min and max", rule, (shortest, longest)))
    made = store.finish(np.array(lengths, dtype=np.int64))
    return Made(made, np.array(values, dtype=np.int64))


def _shapes(
    random: np.random.RandomState, shortest: int, longest: int, depth: int, args: int
) -> _Shapes:
    """Begin a batch of trees, and give the shapes of those that have a length in range."""
    alive = np.arange(BATCH)
    nodes = np.ones(BATCH, dtype=np.int64)
    length = np.zeros(BATCH, dtype=np.int64)
    levels: list[tuple[Counts, Counts, Counts, Counts]] = []
    for level in range(1, depth + 1):
        lists = random.binomial(nodes, LISTS) if level < depth else np.zeros_like(nodes)
        owner = np.repeat(np.arange(len(alive)), lists)
        members = random.randint(2, args + 1, size=len(owner), dtype=np.int64)
        levels.append((alive, nodes, lists, members))
        # A list is two tokens, a digit one, and so is at least every member.
        length += nodes + lists
        below = np.bincount(owner, members, minlength=len(alive)).astype(np.int64)
        kept = length + below < longest
        alive, length, nodes = alive[kept], length[kept], below[kept]
    good = length > shortest
    chosen, length = alive[good], length[good]
    found = _Shapes([], [], [], length)
    for alive, nodes, lists, members in levels:
        own = np.isin(alive, chosen, assume_unique=True)
        found.nodes.append(nodes[own])
        found.lists.append(lists[own])
        found.members.append(members[np.repeat(own, lists)])
    return found


class _Level(NamedTuple):
    """The nodes of all trees on one level; the members of the first list come first below."""

    is_list: np.ndarray
    operator: Counts
    members: Counts
    digit: Counts


def _fill(
    random: np.random.RandomState, shapes: _Shapes
) -> tuple[UInt8[np.ndarray, " tokens"], Counts]:
    """Draw which nodes are lists, the operators and the digits; give all rows, and their values."""
    levels = [
        _level(random, nodes, lists, members)
        for nodes, lists, members in zip(shapes.nodes, shapes.lists, shapes.members, strict=True)
    ]
    # From the leaves up: tokens of each node, and its value.
    sizes: list[Counts] = []
    values = sums = np.zeros(0, dtype=np.int64)
    for level in reversed(levels):
        size, value = np.ones_like(level.digit), level.digit.copy()
        if len(level.members):
            starts = np.cumsum(level.members) - level.members
            size[level.is_list] = 2 + np.add.reduceat(sums, starts)
            value[level.is_list] = _evaluate(level.operator, values, level.members, starts)
        sizes.append(size)
        values, sums = value, size
    # From the root down: where each node begins.
    tokens = np.zeros(int(shapes.lengths.sum()), dtype=np.uint8)
    places = np.cumsum(shapes.lengths) - shapes.lengths
    for level, size, below in zip(levels, sizes[::-1], [*sizes[-2::-1], None], strict=True):
        tokens[places] = level.digit
        opened = places[level.is_list]
        tokens[opened] = _OPERATOR + level.operator
        tokens[opened + size[level.is_list] - 1] = _CLOSE
        if below is None:
            break
        before = np.cumsum(below) - below
        first = before[np.cumsum(level.members) - level.members] if len(opened) else opened
        places = np.repeat(opened + 1 - first, level.members) + before
    return tokens, values


def _level(random: np.random.RandomState, nodes: Counts, lists: Counts, members: Counts) -> _Level:
    """Draw the nodes of a level: every choice of that many lists is as likely as any other."""
    tree = np.repeat(np.arange(len(nodes)), nodes)
    order = np.lexsort((random.random_sample(len(tree)), tree))
    rank = np.empty(len(tree), dtype=np.int64)
    rank[order] = np.arange(len(tree))
    first = np.cumsum(nodes) - nodes
    is_list = rank - first[tree] < lists[tree]
    operator = random.randint(0, 4, size=len(members), dtype=np.int64)
    return _Level(is_list, operator, members, random.randint(0, 10, size=len(tree), dtype=np.int64))


def _evaluate(operator: Counts, values: Counts, members: Counts, starts: Counts) -> Counts:
    """Give what lists come to; the median of an even number of members is rounded down."""
    ends = starts + members
    sums = np.add.reduceat(values, starts)
    group = np.repeat(np.arange(len(members)), members)
    ordered = np.sort(10 * group + values) - 10 * group
    middle = (ordered[starts + (members - 1) // 2] + ordered[starts + members // 2]) // 2
    return np.choose(operator, (ordered[starts], ordered[ends - 1], middle, sums % 10))
