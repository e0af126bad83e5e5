"""What was generated once is read again, whole or not at all."""

import multiprocessing
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectrans.data import cache, load
from spectrans.data.cache import Made, cached
from spectrans.sequences import Sequences
from tests.data.digest import digest

FEW = "listops64?train=60&validation=9&test=9"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPECTRANS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def rows(number: int, size: int = 100) -> Callable[[], Made]:
    flat = np.full(size, number, dtype=np.uint8)
    return lambda: Made(Sequences.of([flat[: size // 2], flat]), np.array([0, 1]))


def never() -> Made:
    raise AssertionError("the rows are there already")


def key(number: int) -> dict[str, object]:
    return {"task": "made", "seed": number}


def same(one: Made, two: Made) -> bool:
    pairs = zip(one.tokens, two.tokens, strict=True)
    return all(map(np.array_equal, *zip(*pairs, strict=True))) and (one.labels == two.labels).all()


def test_rows_are_made_once() -> None:
    first = cached(key(1), rows(1))
    assert same(first, rows(1)())
    assert same(cached(key(1), never), first)


def test_another_key_is_another_entry() -> None:
    cached(key(1), rows(1))
    assert same(cached(key(2), rows(2)), rows(2)())


def test_a_data_set_is_the_same_from_the_cache() -> None:
    first, second = load(FEW), load(FEW)
    assert digest(first) == digest(second)
    assert second.train.tokens.file is not None


def test_cached_rows_are_opened_by_other_processes() -> None:
    made = load(FEW)
    copied = pickle.loads(pickle.dumps(made.train.tokens))
    assert all(map(np.array_equal, copied, made.train.tokens))


@pytest.mark.parametrize("name", ["tokens", "lengths", "labels", "about.json"])
@pytest.mark.parametrize("harm", [b"", b"xx"], ids=["emptied", "changed"])
def test_a_damaged_entry_is_made_anew(folder: Path, name: str, harm: bytes) -> None:
    cached(key(1), rows(1))
    (entry,) = folder.iterdir()
    file = entry / name
    file.write_bytes(harm + file.read_bytes()[len(harm) :] if harm else b"")
    assert same(cached(key(1), rows(1)), rows(1)())
    assert same(cached(key(1), never), rows(1)())


@pytest.mark.parametrize("name", ["tokens", "lengths", "labels", "about.json"])
def test_an_entry_that_lacks_a_file_is_made_anew(folder: Path, name: str) -> None:
    cached(key(1), rows(1))
    (entry,) = folder.iterdir()
    (entry / name).unlink()
    assert same(cached(key(1), rows(1)), rows(1)())


def test_entries_are_written_whole_or_not_at_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(path: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", stop)
    with pytest.raises(KeyboardInterrupt):
        cached(key(1), rows(1))
    assert list(folder.iterdir()) == []


def test_the_entries_that_were_unused_for_longest_go_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRANS_CACHE_GIB", str(3.5e6 / 2**30))
    for number in range(3):
        cached(key(number), rows(number, 670_000))
        (newest,) = [
            f for f in folder.iterdir() if f'"seed": {number}' in (f / "about.json").read_text()
        ]
        os.utime(newest / "about.json", (number + 1, number + 1))
    # The first one is used again, so the second is the oldest now.
    cached(key(0), never)
    cached(key(3), rows(3, 670_000))
    kept = "".join((f / "about.json").read_text() for f in folder.iterdir())
    assert re.findall(r'"seed": (\d)', kept).count("1") == 0
    assert sorted(re.findall(r'"seed": (\d)', kept)) == ["0", "2", "3"]
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) <= 3.5e6


def test_what_is_larger_than_the_cache_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRANS_CACHE_GIB", "0")
    assert same(cached(key(1), rows(1)), rows(1)())
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_to_changes_no_row(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SPECTRANS_CACHE", str(tmp_path / "file" / "below"))
    assert same(cached(key(1), rows(1)), rows(1)())


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_a_bound_that_is_no_number_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPECTRANS_CACHE_GIB", text)
    sentence = f"SPECTRANS_CACHE_GIB must be a number of at least 0, got {text!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        cached(key(1), rows(1))


def test_the_cache_is_in_the_folder_for_caches_unless_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECTRANS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "spectrans" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.folder() == Path.home() / ".cache" / "spectrans" / "data"


def _load(source: str) -> str:
    return digest(load(source))


def test_processes_that_make_the_same_rows_at_once_get_the_same() -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(_load, [FEW, FEW])
    assert found == [_load(FEW)] * 2


def test_folders_that_were_never_finished_are_removed(folder: Path) -> None:
    left = folder / ".new-left"
    left.mkdir(parents=True)
    os.utime(left, (1, 1))
    cached(key(1), rows(1))
    assert not left.exists()
