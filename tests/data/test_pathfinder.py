"""Pathfinder pictures: the label against a trace of the path, and what the pictures look like."""

import re
from functools import cache

import numpy as np
import pytest

from spectrans.data import Pixels, load
from spectrans.data.builtin.pathfinder import Pathfinder, discs
from spectrans.data.builtin.snakes import Scenes, grow
from spectrans.data.splits import generator
from tests.data.digest import digest

SETTINGS = [
    Pathfinder(),
    Pathfinder(contour=6, continuity=1.8),
    Pathfinder(size=64, contour=9),
    Pathfinder(size=128),
]
IDS = [task.name for task in SETTINGS]


@cache
def scenes(task: Pathfinder) -> Scenes:
    return grow(generator(3), task.look(), 96)


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """The least distance of points along two dashes, to a hundredth of their length."""
    share = np.linspace(0, 1, 101)[:, None]
    one, two = (dash[0] + share * (dash[1] - dash[0]) for dash in (first, second))
    return float(np.linalg.norm(one[:, None] - two[None], axis=-1).min())


def dashes(made: Scenes, picture: int) -> np.ndarray:
    drawn = made.curve[picture] >= 0
    return np.stack([made.begin[picture], made.end[picture]], axis=1)[drawn]


def traced(made: Scenes, picture: int) -> list[int]:
    """A number for each dash, equal where a path leads from one to the other by tips that meet.

    Looks at where dashes begin and end, and at nothing else.
    """
    found = dashes(made, picture)
    group = list(range(len(found)))
    tips = np.linalg.norm(found[:, None, :, None] - found[None, :, None, :], axis=-1)
    meet = tips.min(axis=(2, 3)) < 1.02 * made.gap[picture]
    for one, two in np.argwhere(meet):
        group = [group[two] if number == group[one] else number for number in group]
    return group


def at(centre: np.ndarray, found: np.ndarray) -> int:
    """The dash with a tip at a point."""
    return int(np.linalg.norm(found - centre, axis=-1).min(axis=1).argmin())


@pytest.mark.parametrize("task", SETTINGS, ids=IDS)
def test_discs_are_on_one_path_exactly_where_the_label_says_so(task: Pathfinder) -> None:
    made = scenes(task)
    count = len(made.gap)
    label, origin = np.random.RandomState(0).randint(0, 2, size=(2, count))
    first, last = discs(made, label, origin)
    found = [dashes(made, picture) for picture in range(count)]
    groups = [traced(made, picture) for picture in range(count)]
    one_path = [
        groups[k][at(first[k], found[k])] == groups[k][at(last[k], found[k])] for k in range(count)
    ]
    assert count > 30
    assert one_path == (label == 1).tolist()


@pytest.mark.parametrize("task", SETTINGS, ids=IDS)
def test_curves_are_further_apart_than_the_dashes_of_one(task: Pathfinder) -> None:
    made = scenes(task)
    closest = [
        distance(one, two) / made.gap[picture]
        for picture in range(6)
        for one, a in zip(dashes(made, picture), traced(made, picture), strict=True)
        for two, b in zip(dashes(made, picture), traced(made, picture), strict=True)
        if a < b
    ]
    assert min(closest) > 1.1


@pytest.mark.parametrize("task", SETTINGS, ids=IDS)
def test_long_curves_have_all_their_dashes_and_turn_no_further_than_allowed(
    task: Pathfinder,
) -> None:
    made = scenes(task)
    assert ((made.curve == 0).sum(axis=1) == task.contour).all()
    assert ((made.curve == 1).sum(axis=1) == task.contour).all()
    picked = made.curve == 0
    begin, end = (part[picked].reshape(-1, task.contour, 2) for part in made[:2])
    way = end - begin
    np.testing.assert_allclose(np.linalg.norm(way, axis=-1), task.look().paddle)
    gaps = np.linalg.norm(begin[:, 1:] - end[:, :-1], axis=-1)
    np.testing.assert_allclose(gaps, np.broadcast_to(made.gap[:, None], gaps.shape))
    cosine = (way[:, 1:] * way[:, :-1]).sum(-1) / task.look().paddle ** 2
    assert cosine.min() > np.cos(np.pi / 2 / task.continuity) - 1e-9


def test_the_smallest_picture_has_room_for_the_longest_curves() -> None:
    task = Pathfinder(size=24, contour=24)
    assert len(grow(generator(0), task.look(), 1024).gap) > 10


def test_free_curves_turn_as_often_as_published() -> None:
    # So large a picture leaves room: nothing but cos^2 decides, whose mean square is known.
    task = Pathfinder(size=256, contour=3, distractors=0)
    made = grow(generator(0), task.look(), 600)
    way = (made.end - made.begin)[made.curve == 0].reshape(-1, 3, 2)
    angle = np.arctan2(way[..., 0], way[..., 1])
    turn = (np.diff(angle, axis=1) + np.pi) % (2 * np.pi) - np.pi
    assert np.mean(turn**2) == pytest.approx(np.pi**2 / 12 - 0.5, abs=0.03)
    assert abs(turn.mean()) < 0.08


def test_everything_lies_inside_the_picture() -> None:
    made = scenes(SETTINGS[0])
    ends = np.concatenate([made.begin[made.curve >= 0], made.end[made.curve >= 0]])
    assert ends.min() >= 1
    assert ends.max() <= 31


def test_first_dashes_are_as_far_apart_as_published() -> None:
    made = scenes(SETTINGS[0])
    apart = np.linalg.norm(made.begin[:, 0] - made.begin[:, 1], axis=-1)
    np.testing.assert_allclose(apart, 7)


@pytest.mark.parametrize(
    ("size", "paddle", "gaps", "thickness", "distractors"),
    [(32, 2, (1, 1), 0.5, 5), (128, 5, (2, 3), 1.5, 8)],
)
def test_measures_are_those_of_the_long_range_arena(
    size: int, paddle: float, gaps: tuple[float, float], thickness: float, distractors: int
) -> None:
    look = Pathfinder(size=size).look()
    assert (look.paddle, look.gaps, look.thickness) == (paddle, gaps, thickness)
    assert (look.contour, look.short, look.distractors) == (14, 4, distractors)


def test_nearly_all_distractors_find_room() -> None:
    made = scenes(SETTINGS[0])
    short = (made.curve >= 2).sum(axis=1) / 4
    assert short.mean() > 4.8


def coverage(begin: np.ndarray, end: np.ndarray, reach: float, most: float) -> np.ndarray:
    """How much of each pixel a line covers, from its definition, for the whole picture."""
    pixels = np.moveaxis(np.mgrid[:32, :32], 0, -1) + 0.5
    along = end - begin
    square = max(float(along @ along), 1e-12)
    share = np.clip((pixels - begin) @ along / square, 0, 1)
    away = np.linalg.norm(pixels - begin - share[..., None] * along, axis=-1)
    return np.clip(reach + 0.5 - away, 0, most)


def test_pictures_show_the_dashes_and_the_discs() -> None:
    task, made = SETTINGS[0], scenes(SETTINGS[0])
    pictures, label = task.draw(np.random.RandomState(5), made)
    chosen = np.random.RandomState(5).randint(0, 2, size=(2, len(label)), dtype=np.int64)
    first, last = discs(made, *chosen)
    centres = np.concatenate([first[:, None], last[:, None]], axis=1)
    for picture in range(8):
        lines = [coverage(one, two, 0.25, 0.5) * 1.5 for one, two in dashes(made, picture)]
        blobs = [coverage(centre, centre, 1.5, 1.0) for centre in centres[picture]]
        wanted = np.round(255 * np.max([*lines, *blobs], axis=0))
        assert np.abs(wanted - pictures[picture]).max() <= 1


@cache
def rows() -> tuple[np.ndarray, np.ndarray]:
    made = load("pathfinder?train=900&validation=50&test=50")
    return np.stack(made.train.tokens).reshape(-1, 32, 32), made.train.labels


def test_classes_are_balanced() -> None:
    _, labels = rows()
    # A standard error of 0.017.
    assert abs(labels.mean() - 0.5) < 0.07


def test_the_density_of_ink_does_not_tell_the_classes() -> None:
    pictures, labels = rows()
    ink = pictures.mean(axis=(1, 2))
    one, two = ink[labels == 1], ink[labels == 0]
    assert 24 < ink.mean() < 31
    assert abs(one.mean() - two.mean()) < 5 * ink.std() * np.sqrt(2 / len(one))


def test_every_picture_holds_two_discs() -> None:
    pictures, _ = rows()
    # The middle of a disc is as bright as can be, and no dash is.
    assert (pictures == 255).any(axis=(1, 2)).all()
    assert (pictures == 255).sum(axis=(1, 2)).max() <= 2 * 9


def test_without_settings_it_is_the_task_of_the_long_range_arena() -> None:
    task = Pathfinder()
    assert (task.size, task.contour, task.continuity) == (32, 14, 1.0)
    assert (task.train, task.validation, task.test) == (160_000, 20_000, 20_000)


def test_what_a_model_is_told_fits_the_task() -> None:
    made = load("pathfinder24?contour=6&train=20&validation=9&test=9")
    assert (made.encoding, made.max_length) == (Pixels(vocab_size=256), 576)
    assert made.task.labels == ("two curves", "one curve")
    assert made.name == "pathfinder24?contour=6&train=20&validation=9&test=9"


def test_another_seed_gives_other_pictures() -> None:
    few = "pathfinder?train=20&validation=9&test=9"
    assert digest(load(few)) == digest(load(few)) != digest(load(few, seed=1))


def test_the_published_task_never_changes() -> None:
    # Scores in the documentation belong to these bytes.
    assert digest(load("pathfinder?train=40&validation=9&test=9")) == "45355fa859aee5b7"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("pathfinder16", "size must be greater than or equal to 24, got 16"),
        ("pathfinder?contuor=9", "unknown pathfinder option 'contuor'; did you mean 'contour'?"),
        ("pathfinder?contour=25", "contour must be less than or equal to 24, got 25"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_one_sentence(source: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load(source)


@pytest.mark.parametrize(("contour", "least", "most"), [(14, 0.5, 0.55), (6, 0.6, 0.75)])
def test_the_distance_of_the_discs_alone_tells_only_short_curves(
    contour: int, least: float, most: float
) -> None:
    random, look = generator(0), Pathfinder(contour=contour).look()
    apart: tuple[list[float], list[float]] = ([], [])
    while len(apart[0]) < 1500:
        made = grow(random, look, 512)
        for begin, end, curve in zip(made.begin, made.end, made.curve, strict=True):
            tips = [(begin[which][0], end[which][-1]) for which in (curve == 0, curve == 1)]
            for one, (first, _) in enumerate(tips):
                for two, (_, last) in enumerate(tips):
                    apart[one == two].append(float(np.linalg.norm(first - last)))
    cuts = np.linspace(0, look.size * 2**0.5, 200)[:, None]
    far, near = (np.asarray(some) > cuts for some in apart)
    right = (far.mean(1) + 1 - near.mean(1)) / 2
    assert least <= max(right.max(), (1 - right).max()) <= most
