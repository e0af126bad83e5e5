"""ListOps rows against a literal evaluator, a literal generator and the published figures."""

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from statistics import median

import numpy as np
import pytest
from scipy.stats import chisquare, ks_2samp

from spectrans.data import Dataset, Ids, load
from spectrans.data.builtin.trees import BATCH, VOCABULARY, _shapes
from spectrans.data.splits import generator
from tests.data.digest import digest

SPLITS = ("train", "validation", "test")
REFERENCE: dict[str, Callable[[list[int]], int]] = {
    "[MIN": min,
    "[MAX": max,
    "[MED": lambda members: int(median(members)),
    "[SM": lambda members: sum(members) % 10,
}

made = cache(load)
SMALL = "listops?max=200&min=20&train=3000&validation=500&test=500"
PUBLISHED = "listops?train=3000&validation=500&test=500"


def rows(dataset: Dataset) -> list[tuple[list[str], int]]:
    """All rows as words, with their classes."""
    return [
        ([VOCABULARY[token] for token in tokens], int(label))
        for split in SPLITS
        for tokens, label in zip(
            getattr(dataset, split).tokens, getattr(dataset, split).labels, strict=True
        )
    ]


def parse(words: list[str]) -> object:
    """The node that a row is: a digit, or an operator and members."""
    source = iter(words)
    node = parse_next(source)
    assert next(source, None) is None, "nothing follows the root"
    return node


def parse_next(source: Iterator[str]) -> object:
    head = next(source)
    if head.isdecimal() or head == "]":
        return int(head) if head.isdecimal() else head
    return (head, list(iter(lambda: parse_next(source), "]")))


def value(node: object) -> int:
    if isinstance(node, int):
        return node
    assert isinstance(node, tuple)
    return REFERENCE[node[0]]([value(member) for member in node[1]])


def depth(node: object) -> int:
    return 1 if isinstance(node, int) else 1 + max(map(depth, node[1]))  # type: ignore[index]


def arities(node: object) -> list[int]:
    if isinstance(node, int):
        return []
    assert isinstance(node, tuple)
    return [len(node[1]), *(count for member in node[1] for count in arities(member))]


def literal_length(source: random.Random, level: int = 1) -> int:
    """The length of a random tree, drawn node by node as the task is published."""
    if level >= 10 or source.random() > 0.25:
        return 1
    return 2 + sum(literal_length(source, level + 1) for _ in range(source.randint(2, 10)))


@pytest.mark.parametrize(
    "source",
    [
        SMALL,
        "listops?train=200&validation=50&test=50",
        "listops?max=24&min=2&train=500&validation=9&test=9",
        "listops?max=90&depth=3&args=20&train=500&validation=9&test=9",
    ],
)
def test_every_label_is_the_value_of_its_row(source: str) -> None:
    parsed = [(parse(words), label) for words, label in rows(made(source))]
    assert [(node, label) for node, label in parsed if value(node) != label] == []


def test_a_median_of_an_even_number_of_members_is_rounded_down() -> None:
    nodes = [parse(words) for words, _ in rows(made(SMALL))]
    flat = [
        n for n in nodes if isinstance(n, tuple) and n[0] == "[MED" and len(n[1]) % 2 == 0
    ]  # fmt: skip
    odd = [n for n in flat if (2 * median([value(member) for member in n[1]])) % 2]
    assert len(odd) > 50


@pytest.mark.parametrize(("source", "deepest", "widest"), [
    (SMALL, 10, 10),
    ("listops?max=90&depth=3&args=20&train=500&validation=9&test=9", 3, 20),
])  # fmt: skip
def test_lists_are_no_deeper_and_no_wider_than_asked(
    source: str, deepest: int, widest: int
) -> None:
    nodes = [parse(words) for words, _ in rows(made(source))]
    assert max(map(depth, nodes)) == deepest
    counts = [count for node in nodes for count in arities(node)]
    assert (min(counts), max(counts)) == (2, widest)


def test_lengths_lie_strictly_between_the_limits_and_reach_them() -> None:
    lengths = [len(words) for words, _ in rows(made(SMALL))]
    assert (min(lengths), max(lengths)) == (21, 199)


def test_no_row_repeats_in_any_split() -> None:
    seen = [
        tuple(words)
        for words, _ in rows(made("listops?max=16&min=3&train=2000&validation=200&test=200"))
    ]
    assert len(set(seen)) == len(seen) == 2_400


def test_classes_have_the_published_shares() -> None:
    labels = [label for _, label in rows(made(PUBLISHED))]
    shares = np.bincount(labels, minlength=10) / len(labels)
    # 4,000 rows: a share of 0.17 has a standard error of 0.006.
    assert 0.16 < shares.max() < 0.19
    assert shares[[0, 9]].min() > 0.15
    assert 0.06 < shares[1:9].min() < shares[1:9].max() < 0.105


def test_lengths_have_the_published_mean_and_median() -> None:
    lengths = [len(words) for words, _ in rows(made(PUBLISHED))]
    # A standard deviation of 410 over 4,000 rows: 6.5 for the mean.
    assert abs(np.mean(lengths) - 1050) < 30
    assert abs(np.median(lengths) - 980) < 40


@pytest.mark.parametrize(
    ("shortest", "longest", "share"), [(500, 2000, 0.084), (128, 512, 0.046), (32, 128, 0.016)]
)
def test_as_many_trees_are_accepted_as_published(shortest: int, longest: int, share: float) -> None:
    random = generator(0)
    found = [len(_shapes(random, shortest, longest, 10, 10).lengths) for _ in range(4)]
    assert sum(found) / (4 * BATCH) == pytest.approx(share, rel=0.06)


def test_lengths_are_distributed_as_those_of_trees_drawn_node_by_node() -> None:
    source = random.Random(1)
    drawn = [literal_length(source) for _ in range(20_000)]
    literal = [length for length in drawn if 20 < length < 200]
    ours = _shapes(generator(2), 20, 200, 10, 10).lengths
    assert ks_2samp(literal, ours).pvalue > 0.01


def test_operators_and_digits_are_equally_likely() -> None:
    tokens = np.concatenate(list(made(SMALL).train.tokens))
    counts = np.bincount(tokens, minlength=15)
    assert chisquare(counts[:10]).pvalue > 0.001
    assert chisquare(counts[10:14]).pvalue > 0.001
    assert counts[10:14].sum() == counts[14]


def test_the_members_of_a_list_are_lists_wherever_they_stand() -> None:
    nodes = [parse(words) for words, _ in rows(made(SMALL))]
    ends = [
        (isinstance(node[1][0], tuple), isinstance(node[1][-1], tuple))
        for node in nodes
        if isinstance(node, tuple)
    ]
    first, last = np.mean(ends, axis=0)
    assert abs(first - last) < 0.05


def test_without_settings_it_is_the_task_of_the_long_range_arena() -> None:
    from spectrans.data.builtin.listops import ListOps

    task = ListOps()
    assert (task.train, task.validation, task.test) == (96_000, 2_000, 2_000)
    assert (task.shortest, task.max, task.depth, task.args) == (500, 2000, 10, 10)


def test_what_a_model_is_told_fits_the_task() -> None:
    dataset = made(SMALL)
    assert (dataset.encoding, dataset.max_length) == (Ids(vocab_size=15), 199)
    assert dataset.task.labels == tuple("0123456789")
    assert [len(getattr(dataset, split)) for split in SPLITS] == [3000, 500, 500]
    assert dataset.name == "listops200?min=20&train=3000&validation=500&test=500"


def test_another_seed_gives_other_rows() -> None:
    few = "listops64?train=50&validation=9&test=9"
    assert digest(load(few)) == digest(load(few)) != digest(load(few, seed=1))


def test_the_published_task_never_changes() -> None:
    # Scores in the documentation belong to these bytes.
    assert digest(load("listops200?train=200&validation=20&test=20")) == "b99903735fa182f3"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("listops7", "max must be greater than or equal to 8, got 7"),
        ("listops?max=100&min=99", "min must be at least 2 below max=100, got 99"),
        ("listops?train=0", "train must be greater than 0, got 0"),
        ("listops?trian=9", "unknown listops option 'trian'; did you mean 'train'? (available: "),
        ("listops?train", "listops option train must be written name=value, got 'train'"),
        ("listops?train=9&train=8", "listops option train must be given once, got 'train=8'"),
        ("listops500?max=9", "listops option max must be given once, got 'max=9'"),
        ("listops?train=x", "train must be a valid integer, got 'x'"),
        ("listops?max=8&min=2&depth=2&args=2", "min and max must leave room for 100,000 different rows, got (2, 8)"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_in_one_sentence(source: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load(source)
