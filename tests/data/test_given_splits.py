"""Splits that a source comes in, rows that are in two of them, and what is said of both."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from spectrans.data import Dataset, DataSpec, load
from spectrans.data.check import check
from tests.data.tables import as_table

ROWS = [(f"row {number}", "ab"[number % 2]) for number in range(40)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four of ten test rows are in the training rows too, one of these with another label."""
    leaking = [*ROWS[:3], ("row 3", "a")]
    own = [(f"test {number}", "ab"[number % 2]) for number in range(6)]
    (tmp_path / "train.csv").write_bytes(as_table([*ROWS, ROWS[5]]))
    (tmp_path / "test.csv").write_bytes(as_table([*own, *leaking]))
    return tmp_path


def texts(made: Dataset) -> Iterator[list[str]]:
    for split in (made.train, made.validation, made.test):
        yield sorted(bytes(tokens).decode() for tokens in split.tokens)


def test_rows_in_two_splits_are_counted_and_shown(folder: Path) -> None:
    made = load(folder)
    assert made.reading is not None
    assert sum(made.reading.leaks.values()) >= 4
    assert made.reading.leaks["test"] == 4
    assert made.reading.leak == ("test.csv line 8", "train.csv line 2")
    assert (made.reading.repeated, made.reading.conflicts) == (5, 1)


def test_dedup_keeps_every_row_once_and_test_rows_first(folder: Path) -> None:
    train, validation, test = texts(load(folder, dedup=True))
    everything = [*train, *validation, *test]
    assert len(everything) == len(set(everything)) == 46
    assert {"row 0", "row 1", "row 2", "row 3"} < set(test)


def test_the_split_of_every_row_is_written_down(folder: Path) -> None:
    made = load(folder, dedup=True)
    assert made.reading is not None
    split = made.reading.split
    assert np.bincount(split).tolist() == [len(made.train), len(made.validation), 10, 5]
    # The first three of the training file are left out, and are in the test file.
    assert split[:4].tolist() == [3, 3, 3, 3]
    assert split[41:].tolist() == [2] * 10


def test_a_class_that_only_the_test_rows_have_is_refused(folder: Path) -> None:
    with (folder / "test.csv").open("a") as file:
        file.write("new,c\n")
    sentence = (
        "test.csv line 12: label must be a class of the training rows, got 'c'; "
        "add rows of it there, or remove this row"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        load(folder)


@pytest.mark.parametrize("name", ["id", "ID"])
def test_an_id_that_repeats_is_refused(tmp_path: Path, name: str) -> None:
    lines = [f"{name},text,label", *(f"{n % 9},text {n},{'ab'[n % 2]}" for n in range(12))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    sentence = (
        f"a.csv line 11: {name} must not repeat, got that of a.csv line 2; "
        "remove the row, or rename the column if it is no id"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        load(tmp_path / "a.csv")


def said(path: Path) -> list[tuple[str, str]]:
    return [(f.level, f.sentence) for f in check(DataSpec(source=str(path)))]


def test_a_check_tells_of_leaks_repetitions_and_contradictions(folder: Path) -> None:
    warnings = [sentence for level, sentence in said(folder) if level == "warn"]
    assert warnings[:3] == [
        "4 rows of test are also in another split (test.csv line 8 = train.csv line 2): "
        "leave them out with --dedup",
        "5 rows repeat an earlier one: they stay in one split; --dedup leaves them out",
        "1 of them with another label: no model can be right about both",
    ]


def test_a_check_tells_of_every_faulty_row_at_once(tmp_path: Path) -> None:
    faults = [b"x\n", b" ,a\n", b"caf\xe9,a\n", b"good,\n", b"n\0l,b\n", *[b",b\n"] * 4]
    (tmp_path / "a.csv").write_bytes(as_table(ROWS) + b"".join(faults))
    failed = [sentence for level, sentence in said(tmp_path / "a.csv") if level == "fail"]
    assert {int(sentence.split(" ")[2].rstrip(":")) for sentence in failed[:5]} == set(
        range(42, 47)
    )
    assert failed[5:] == ["4 more rows have faults"]


def test_a_check_of_sound_data_has_nothing_to_warn_of(tmp_path: Path) -> None:
    rows = [(f"row {number}", "ab"[number % 2]) for number in range(1000)]
    (tmp_path / "a.csv").write_bytes(as_table(rows))
    found = said(tmp_path / "a.csv")
    assert {level for level, _ in found} == {"ok"}
    assert ("ok", "columns: text from 'text', label from 'label'") in found
    assert ("ok", "length: median 7 bytes, 99 % within 7, longest 7") in found


def test_a_check_tells_of_cut_rows_and_unequal_classes(tmp_path: Path) -> None:
    rows = [(f"{number} " + "long " * 300, "ab"[number % 20 == 0]) for number in range(1000)]
    (tmp_path / "a.csv").write_bytes(as_table(rows))
    warnings = [sentence for level, sentence in said(tmp_path / "a.csv") if level == "warn"]
    assert warnings == [
        "1,000 rows are longer than 1,024 bytes and would be cut: "
        "--max-length sets how long a row may be",
        "classes: 'a' has 666 rows to train on, 'b' has 36",
    ]


def test_a_source_that_cannot_be_read_at_all_is_one_failure(tmp_path: Path) -> None:
    assert said(tmp_path / "none.csv") == [
        ("fail", f"source must name an existing file, got {str(tmp_path / 'none.csv')!r}")
    ]
