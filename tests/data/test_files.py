"""Users' files: every format gives the same data set, and every fault one sentence."""

import csv
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrans.data import Dataset, load
from spectrans.data.sources import lines
from tests.data.digest import digest
from tests.data.faults import FAULTS
from tests.data.tables import TABLE, as_jsonl, as_table


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(folder: Path, name: str, content: bytes, **arguments: Any) -> Dataset:
    return load(write(folder, name, content), **arguments)


def labelled(made: Dataset) -> Counter[tuple[bytes, str]]:
    return Counter(
        (sequence.tobytes(), made.task.labels[label])
        for split in (made.train, made.validation, made.test)
        for sequence, label in zip(split.tokens, split.labels, strict=True)
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", as_table(TABLE)),
        ("b.CSV", as_table(TABLE, end="\r\n")),
        ("c.csv", b"\xef\xbb\xbf" + as_table(TABLE)),
        ("d.csv", as_table(TABLE).removesuffix(b"\n")),
        ("e.csv", b"\n" + as_table(TABLE) + b"\n\n"),
        ("f.csv", as_table(TABLE).replace(b"text,label", b" Sentence ,CLASS")),
        ("g.csv", as_table(TABLE).replace(b",pos\n", b", pos \n")),
        ("h.tsv", as_table(TABLE, "\t")),
        ("i.jsonl", as_jsonl(TABLE)),
        ("j.jsonl", b"\xef\xbb\xbf" + as_jsonl(TABLE).replace(b"\n", b"\r\n\r\n")),
    ],
    ids=[
        *("csv", "crlf", "bom", "no final break", "blank lines", "other names", "padded labels"),
        *("tsv", "jsonl", "jsonl bom crlf"),
    ],
)
def test_the_same_rows_in_any_format_give_the_same_dataset(
    tmp_path: Path, name: str, content: bytes
) -> None:
    wanted = read(tmp_path, "wanted.csv", as_table(TABLE))
    assert digest(read(tmp_path, name, content)) == digest(wanted)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).filter(
    lambda text: text.strip() != ""
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(texts, min_size=8, max_size=20, unique=True),
    st.sampled_from(["a.csv", "a.tsv", "a.jsonl"]),
    st.integers(0, 5),
)
def test_every_row_arrives_once_and_unchanged(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], name: str, seed: int
) -> None:
    rows = [(text, "even" if number % 2 else "odd") for number, text in enumerate(texts)]
    formats = {"a.csv": as_table(rows), "a.tsv": as_table(rows, "\t"), "a.jsonl": as_jsonl(rows)}
    made = read(tmp_path_factory.mktemp("rows"), name, formats[name], seed=seed)
    assert labelled(made) == Counter((text.encode(), label) for text, label in rows)


def test_the_splits_are_stratified(tmp_path: Path) -> None:
    rows = [(f"text {number}", "abc"[min(number % 10, 2)]) for number in range(1000)]
    made = read(tmp_path, "rows.csv", as_table(rows))
    counts = [np.bincount(s.labels).tolist() for s in (made.train, made.validation, made.test)]
    assert counts == [[70, 70, 560], [15, 15, 120], [15, 15, 120]]


def test_three_rows_are_enough_for_a_class_to_be_in_every_split(tmp_path: Path) -> None:
    rows = [(f"{label} {number}", label) for label in "xyz" for number in range(3)]
    made = read(tmp_path, "rows.csv", as_table(rows))
    assert [sorted(s.labels.tolist()) for s in (made.train, made.validation, made.test)] == [
        [0, 1, 2]
    ] * 3


@pytest.mark.parametrize("max_length", [None, 6], ids=["repeated", "equal after the cut"])
def test_no_text_is_in_two_splits(tmp_path: Path, max_length: int | None) -> None:
    tail = "" if max_length is None else " and {}"
    rows = [
        (f"row {number % 40:2d}" + tail.format(number), "ab"[number % 2]) for number in range(200)
    ]
    made = read(tmp_path, "rows.csv", as_table(rows), max_length=max_length)
    train, validation, test = (
        {sequence.tobytes() for sequence in split.tokens}
        for split in (made.train, made.validation, made.test)
    )
    assert len(train | validation | test) == 40
    assert len(train) + len(validation) + len(test) == 40
    assert sum(labelled(made).values()) == 200


def test_the_seed_decides_the_splits(tmp_path: Path) -> None:
    path = write(tmp_path, "rows.csv", as_table(TABLE))
    assert digest(load(path)) == digest(load(path, seed=0)) != digest(load(path, seed=1))


@pytest.mark.parametrize("max_length", [4, 5, 6, 7, 8, 12, 13, 100])
def test_cut_texts_are_counted_and_cut_between_characters(tmp_path: Path, max_length: int) -> None:
    rows = [(f"{number}{text}", label) for number, (text, label) in enumerate(TABLE)]
    made = read(tmp_path, "rows.csv", as_table(rows), max_length=max_length)
    whole = [text for text, _ in rows if len(text.encode()) <= max_length]
    assert made.truncated == len(rows) - len(whole)
    assert made.max_length <= max_length
    starts = [text.decode() for text, _ in labelled(made).elements()]
    assert all(any(text.startswith(start) for text, _ in rows) for start in starts)
    # A cut leaves no room for the three bytes that the longest character may still need.
    cut = [start for start in starts if start not in whole]
    assert all(len(start.encode()) > max_length - 4 for start in cut)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        ([10, 9, 2], ("2", "9", "10")),
        ([True, False, True], ("false", "true")),
        (["b", "a", "10"], ("10", "a", "b")),
        (["1", "01", "2"], ("01", "1", "2")),
    ],
    ids=str,
)
def test_classes_are_in_order(tmp_path: Path, labels: list[Any], names: tuple[str, ...]) -> None:
    rows = [(f"{label} {number}", label) for label in labels for number in range(3)]
    assert read(tmp_path, "rows.jsonl", as_jsonl(rows)).task.labels == names


def test_columns_can_be_named(tmp_path: Path) -> None:
    content = as_table(TABLE).replace(b"text,label", b"label,text")
    made = read(tmp_path, "rows.csv", content, text="label", label="text")
    assert digest(made) == digest(read(tmp_path, "wanted.csv", as_table(TABLE)))


def test_other_columns_are_left_alone(tmp_path: Path) -> None:
    lines = [b"id,text,label\n", *(b"%d,some text %d,%s\n" % (n, n, b"ab"[n % 2 :][:1])
                                   for n in range(12))]  # fmt: skip
    made = read(tmp_path, "rows.csv", b"".join(lines))
    assert made.task.labels == ("a", "b")
    assert sum(labelled(made).values()) == 12


def test_a_field_may_be_longer_than_the_limit_of_the_csv_module(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)
    rows = as_table([*TABLE, ("long " * 40_000, "pos")])
    made = read(tmp_path, "rows.csv", rows, max_length=2**20)
    assert made.max_length == 200_000
    assert csv.field_size_limit() == 131_072


@pytest.mark.parametrize(("name", "content", "arguments", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_in_one_sentence(
    tmp_path: Path, name: str, content: bytes, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        read(tmp_path, name, content, **arguments)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path, "f.csv", b"")
    with path.open("r+b") as file:
        file.truncate(2**34)  # sparse: 16 GiB of NUL that take no room on the disk
    with pytest.raises(ValueError, match=r"^f.csv line 1 must hold at most 16,777,216 bytes"):
        load(path)


def test_a_line_may_be_as_long_as_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("a" * (number + 10), "xy"[number % 2]) for number in range(8)]
    longest = max(map(len, as_table(rows).splitlines(keepends=True)))
    monkeypatch.setattr(lines, "LONGEST_LINE", longest)
    assert sum(labelled(read(tmp_path, "f.csv", as_table(rows))).values()) == 8
    monkeypatch.setattr(lines, "LONGEST_LINE", longest - 1)
    with pytest.raises(ValueError, match=rf"^f.csv line 9 must hold at most {longest - 1} bytes"):
        load(tmp_path / "f.csv")


def piped(content: bytes, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """The lines of what goes to standard input."""
    out, into = os.pipe()
    os.write(into, content)
    os.close(into)
    with os.fdopen(out) as given:
        monkeypatch.setattr(sys, "stdin", given)
        return [line for block in lines.Piped().blocks() for line in block]


def test_a_line_without_end_of_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 20)
    content = b"one\n\n" + b"a" * 20
    assert piped(content, monkeypatch) == [(1, "one"), (3, "a" * 20)]
    with pytest.raises(ValueError, match=r"^standard input line 3 must hold at most 20 bytes, got"):
        piped(content + b"a", monkeypatch)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("none.csv", "name an existing file"),
        ("notes.doc", "end in .csv, .tsv, .jsonl, .parquet, .npz, .ts, .txt"),
    ],
)
def test_a_path_that_is_no_table_is_refused(tmp_path: Path, name: str, rule: str) -> None:
    (tmp_path / "notes.doc").write_text("hello")
    path = tmp_path / name
    with pytest.raises(ValueError, match=f"^source must {rule}, got {re.escape(repr(str(path)))}$"):
        load(path)
