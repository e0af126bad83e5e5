"""Language fragments against an independent reading of the file they come from."""

import gzip
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import spectrans.data
from spectrans.data import Bytes, Dataset
from spectrans.data.languages import articles, languages
from tests.data.digest import digest

FILE = Path(spectrans.data.__file__).parent / "files" / "languages.tsv.gz"
SPLITS = ("train", "validation", "test")


# Read once: nothing here writes to a data set.
made_once = cache(languages)


@cache
def declarations() -> dict[str, list[bytes]]:
    lines = gzip.decompress(FILE.read_bytes()).split(b"\n")[:-1]
    return {line.split(b"\t")[0].decode(): line.split(b"\t")[1:] for line in lines}


def fragments(made: Dataset, split: str) -> list[tuple[str, bytes]]:
    chosen = getattr(made, split)
    return [
        (made.task.labels[label], sequence.tobytes())
        for sequence, label in zip(chosen.tokens, chosen.labels, strict=True)
    ]


def test_the_file_holds_a_whole_declaration_in_each_of_64_languages() -> None:
    found = declarations()
    assert len(found) == 64
    assert {len(parts) for parts in found.values()} == {31}
    assert min(len(part) for parts in found.values() for part in parts) > 40
    assert list(found) == sorted(found)


def test_the_file_is_small() -> None:
    assert FILE.stat().st_size < 300_000


@pytest.mark.parametrize("seed", range(20))
def test_every_article_is_in_exactly_one_split(seed: int) -> None:
    dealt = articles(seed)
    assert sorted(dealt.train + dealt.validation + dealt.test) == list(range(31))
    assert min(len(dealt.validation), len(dealt.test)) >= 3


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(("length", "seed"), [(32, 0), (64, 3), (256, 1)])
def test_every_fragment_comes_from_articles_of_its_own_split(
    length: int, seed: int, split: str
) -> None:
    found, numbers = declarations(), getattr(articles(seed), split)
    own = {name: b"\n".join(parts[n] for n in numbers) for name, parts in found.items()}
    pieces = fragments(made_once(length, seed), split)
    assert [(name, piece) for name, piece in pieces if piece not in own[name]] == []


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("length", [32, 64, 100, 512])
def test_languages_are_balanced_in_every_split(length: int, split: str) -> None:
    counts = np.bincount(getattr(made_once(length, 0), split).labels, minlength=64)
    assert counts.min() == counts.max() >= 1


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("length", [16, 64, 101, 512])
def test_no_character_is_cut_and_no_fragment_is_short(length: int, split: str) -> None:
    pieces = [piece for _, piece in fragments(made_once(length, 0), split)]
    assert all(piece.decode("utf-8") for piece in pieces)
    assert {len(piece) for piece in pieces} <= set(range(length - 3, length + 1))


def test_fragments_do_not_repeat() -> None:
    made = languages(128)
    pieces = Counter(piece for split in SPLITS for piece in fragments(made, split))
    assert max(pieces.values()) == 1


@pytest.mark.parametrize("seed", range(5))
def test_each_small_split_holds_15_to_25_percent_of_the_fragments(seed: int) -> None:
    made = made_once(64, seed)
    sizes = np.array([len(made.train), len(made.validation), len(made.test)])
    shares = sizes / sizes.sum()
    assert shares[1:].min() > 0.13
    assert shares[1:].max() < 0.25


def test_another_seed_gives_other_articles() -> None:
    assert articles(0) != articles(1)
    assert digest(languages(64, 0)) == digest(languages(64, 0)) != digest(languages(64, 1))


def test_the_published_task_never_changes() -> None:
    # Scores in the documentation belong to these bytes.
    assert digest(languages(64)) == "a31b6b5cffbb1d62"


def test_what_a_model_is_told_fits_the_task() -> None:
    made = languages(100)
    assert (made.encoding, made.max_length) == (Bytes(), 100)
    assert {"English", "Chinese", "Zulu"} < set(made.task.labels)


@pytest.mark.parametrize("length", [0, 15, 513])
def test_a_length_out_of_range_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"^length must be between 16 and 512, got {length}$"):
        languages(length)
