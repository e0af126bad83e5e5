"""Dashed curves that keep apart, grown in many pictures at once.

A curve is a chain of dashes. Each next dash leaves the tip of the last one, after a gap, in a
direction that is likelier the less it turns, and only where no other dash is near. What is taken is
kept on a grid of half pixels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from spectrans.data.builtin.grid import Points, patch, put

# Cells of the grid per pixel.
CELLS = 2
# Directions that a dash may choose from, and spots that a first dash may.
TURNS = 24
SPOTS = 32
# Attempts for each distractor; in a full picture some do not fit.
ATTEMPTS = 4
# Share of pictures that are given up before the others are put together.
GIVEN_UP = 0.25


@dataclass(frozen=True)
class Look:
    """What curves look like, in pixels.

    Parameters
    ----------
    size
        Side of the picture.
    contour
        Dashes of each of the two long curves.
    continuity
        A dash turns by less than 90 degrees divided by this.
    distractors
        Short curves that are tried.
    short
        Dashes of each of these.
    paddle
        Length of a dash.
    gaps
        Between dashes: the smallest and the largest, one of which a picture has.
    thickness
        Of a dash.
    padding
        Free edge.
    apart
        From the first dash of one long curve to that of the other.
    """

    size: int
    contour: int
    continuity: float
    distractors: int
    short: int
    paddle: float
    gaps: tuple[float, float]
    thickness: float
    padding: float
    apart: float


class Scenes(NamedTuple):
    """Dashes of pictures.

    Parameters
    ----------
    begin
        Where each begins, rows before columns, in pixels.
    end
        Where it ends.
    curve
        Which curve it belongs to: 0 and 1 are the long curves, from their first dash to their last,
        more are distractors, and -1 is for dashes that found no room.
    gap
        From a dash of a curve to the next.
    """

    begin: Float64[np.ndarray, "b dashes 2"]
    end: Float64[np.ndarray, "b dashes 2"]
    curve: Int64[np.ndarray, "b dashes"]
    gap: Float64[np.ndarray, " b"]


def grow(random: np.random.RandomState, look: Look, pictures: int) -> Scenes:
    """Grow the curves of some pictures.

    Parameters
    ----------
    random
        Decides everything.
    look
        What they look like.
    pictures
        How many are begun; those in which a long curve finds no way on are given up.

    Returns
    -------
    Scenes
        Of those that are left.
    """
    field = _Field.empty(random, look, pictures)
    tips = _two_firsts(random, look, field)
    for _ in range(look.contour - 1):
        tips = [_extend(random, look, field, curve, tip) for curve, tip in enumerate(tips)]
        if field.alive.mean() < 1 - GIVEN_UP:
            tips = field.drop(tips)
    field.drop(tips)
    taken = field.taken[0] | field.taken[1]
    for begin, end in (field.last(0), field.last(1)):
        _mark(taken, np.arange(len(taken)), begin, end, field.clear(look))
    for number in range(look.distractors):
        _distractor(random, look, field, taken, 2 + number)
    return Scenes(
        np.stack(field.begin, axis=1),
        np.stack(field.end, axis=1),
        np.stack(field.curve, axis=1),
        field.gap,
    )


class _Tip(NamedTuple):
    """Where a curve ends, and its direction there."""

    point: Points
    angle: Float64[np.ndarray, " b"]


@dataclass
class _Field:
    """The pictures so far: for each long curve, the cells that it must keep out of."""

    taken: list[Bool[np.ndarray, "b cells cells"]]
    alive: Bool[np.ndarray, " b"]
    gap: Float64[np.ndarray, " b"]
    begin: list[Points]
    end: list[Points]
    curve: list[Int64[np.ndarray, " b"]]

    @classmethod
    def empty(cls, random: np.random.RandomState, look: Look, pictures: int) -> "_Field":
        cells = CELLS * look.size
        taken = [np.zeros((pictures, cells, cells), dtype=bool) for _ in range(2)]
        gap = np.array(look.gaps)[random.randint(0, 2, size=pictures)]
        return cls(taken, np.ones(pictures, dtype=bool), gap, [], [], [])

    def clear(self, look: Look) -> Float64[np.ndarray, " b"]:
        """How far cells around a dash are taken: curves must stay further apart than dashes."""
        # A point is up to 0.36 pixels from the centre of its cell, and spots are 0.25 apart.
        return self.gap + look.thickness / 2 + 0.7

    def last(self, curve: int) -> tuple[Points, Points]:
        """Give the newest dash of a curve."""
        place = max(k for k, c in enumerate(self.curve) if (c == curve).all())
        return self.begin[place], self.end[place]

    def put(self, begin: Points, end: Points, curve: Int64[np.ndarray, " b"]) -> None:
        """Note a dash in every picture."""
        self.begin.append(begin)
        self.end.append(end)
        self.curve.append(curve)

    def drop(self, tips: list[_Tip]) -> list[_Tip]:
        """Leave out the pictures that were given up."""
        kept = self.alive
        self.taken = [taken[kept] for taken in self.taken]
        self.gap, self.alive = self.gap[kept], kept[kept]
        self.begin, self.end = [b[kept] for b in self.begin], [e[kept] for e in self.end]
        self.curve = [c[kept] for c in self.curve]
        return [_Tip(tip.point[kept], tip.angle[kept]) for tip in tips]


def _two_firsts(random: np.random.RandomState, look: Look, field: _Field) -> list[_Tip]:
    """Put the first dash of both long curves: one anywhere in the middle, the other near it."""
    count = len(field.gap)
    # The second must find room on all sides of the first.
    edge = min(2 * look.apart, 0.45 * look.size)
    first = edge + random.random_sample((count, 2)) * (look.size - 2 * edge)
    around = random.random_sample(count) * 2 * np.pi
    second = first + look.apart * _direction(around)
    tips = []
    for curve, begin in enumerate((first, second)):
        angle = random.random_sample(count) * 2 * np.pi
        end = begin + look.paddle * _direction(angle)
        tips.append(_Tip(end, angle))
        free = _free(look, field.taken[curve], np.arange(count), begin[:, None], angle[:, None])
        field.alive &= free[:, 0]
        field.put(begin, end, np.full(count, curve))
        _mark(field.taken[1 - curve], np.arange(count), begin, end, field.clear(look))
    return tips


def _extend(
    random: np.random.RandomState, look: Look, field: _Field, curve: int, tip: _Tip
) -> _Tip:
    """Put the next dash of a long curve."""
    rows = np.arange(len(field.gap))
    begins, angles, weights = _turns(random, look, tip, field.gap)
    weights = weights * _free(look, field.taken[curve], rows, begins, angles)
    chosen, found = _choose(random, weights)
    field.alive &= found
    begin, angle = begins[rows, chosen], angles[rows, chosen]
    end = begin + look.paddle * _direction(angle)
    # A curve keeps away from itself but for the dash that it goes on from.
    before = field.last(curve)
    _mark(field.taken[curve], rows, *before, field.clear(look))
    _mark(field.taken[1 - curve], rows, begin, end, field.clear(look))
    field.put(begin, end, np.full(len(rows), curve))
    return _Tip(end, angle)


def _distractor(
    random: np.random.RandomState,
    look: Look,
    field: _Field,
    taken: Bool[np.ndarray, "b cells cells"],
    curve: int,
) -> None:
    """Put a short curve into every picture that has room for it."""
    count = len(taken)
    begin, end = np.zeros((look.short, count, 2)), np.zeros((look.short, count, 2))
    done = np.zeros(count, dtype=bool)
    for _ in range(ATTEMPTS):
        rows = np.flatnonzero(~done)
        tried = taken[rows]
        own = np.arange(len(rows))
        clear = field.clear(look)[rows]
        spots = look.size * random.random_sample((len(rows), SPOTS, 2))
        around = 2 * np.pi * random.random_sample((len(rows), SPOTS))
        chosen, found = _choose(random, 1.0 * _free(look, tried, own, spots, around))
        start, angle = spots[own, chosen], around[own, chosen]
        for number in range(look.short):
            stop = start + look.paddle * _direction(angle)
            begin[number, rows], end[number, rows] = start, stop
            if number:
                _mark(tried, own, begin[number - 1, rows], end[number - 1, rows], clear)
            if number + 1 < look.short:
                tip = _Tip(stop, angle)
                begins, angles, weights = _turns(random, look, tip, field.gap[rows])
                weights = weights * _free(look, tried, own, begins, angles)
                chosen, way = _choose(random, weights)
                found &= way
                start, angle = begins[own, chosen], angles[own, chosen]
        _mark(tried, own, start, start + look.paddle * _direction(angle), clear)
        taken[rows[found]] = tried[found]
        done[rows[found]] = True
    for number in range(look.short):
        field.put(begin[number], end[number], np.where(done, curve, -1))


def _turns(
    random: np.random.RandomState, look: Look, tip: _Tip, gap: Float64[np.ndarray, " b"]
) -> tuple[Points, Float64[np.ndarray, "b turns"], Float64[np.ndarray, "b turns"]]:
    """Give where the next dash may begin, its directions, and how likely each is."""
    # Evenly spread, and shifted by chance in each picture.
    shift = random.random_sample((len(gap), 1))
    turn = ((np.arange(TURNS) + shift) / TURNS - 0.5) * np.pi / look.continuity
    angles = tip.angle[:, None] + turn
    begins = tip.point[:, None] + gap[:, None, None] * _direction(angles)
    return begins, angles, np.cos(look.continuity * turn) ** 2


def _direction(angle: Float64[np.ndarray, "*b"]) -> Points:
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def _choose(
    random: np.random.RandomState, weights: Float64[np.ndarray, "b k"]
) -> tuple[Int64[np.ndarray, " b"], Bool[np.ndarray, " b"]]:
    """Draw one of several by weight, and say where all weights are 0."""
    sums = np.cumsum(weights, axis=1)
    drawn = random.random_sample(len(weights)) * sums[:, -1]
    chosen = np.minimum((sums <= drawn[:, None]).sum(axis=1), weights.shape[1] - 1)
    return chosen, sums[:, -1] > 0


def _free(
    look: Look,
    taken: Bool[np.ndarray, "b cells cells"],
    rows: Int64[np.ndarray, " b"],
    begins: Float64[np.ndarray, "b k 2"],
    angles: Float64[np.ndarray, "b k"],
) -> Bool[np.ndarray, "b k"]:
    """Say which dashes would lie inside the picture, and on free cells only."""
    inside = np.ones(angles.shape, dtype=bool)
    for points in (begins, begins + look.paddle * _direction(angles)):
        for axis in range(2):
            inside &= np.abs(points[..., axis] - look.size / 2) <= look.size / 2 - look.padding
    # Where a dash is outside, any cell will do.
    steps = np.linspace(0, look.paddle, int(np.ceil(2 * look.paddle)) + 1)
    last = taken.shape[1] - 1
    down, right = (
        (CELLS * (begins[..., axis, None] + steps * turn(angles)[..., None])).astype(np.int64)
        for axis, turn in enumerate((np.sin, np.cos))
    )
    hit = taken[rows[:, None, None], down.clip(0, last), right.clip(0, last)].any(axis=2)
    return inside & ~hit


def _mark(
    taken: Bool[np.ndarray, "b cells cells"],
    rows: Int64[np.ndarray, " b"],
    begin: Points,
    end: Points,
    clear: Float64[np.ndarray, " b"],
) -> None:
    """Take the cells around a dash."""
    reach = CELLS * clear
    down, right, square = patch(CELLS * begin, CELLS * end, float(reach.max(initial=0)))
    put(taken, rows, down, right, square < np.square(reach)[:, None, None].astype(np.float32))
