"""Faults of data through the command line: exit code 2 and one line, soon and in little memory."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectrans import archives
from spectrans.data.sources.lines import LONGEST_LINE
from spectrans.printable import plain
from tests.cli.command import Answer, inside
from tests.cli.made import write_lines
from tests.data.faults import FAULTS
from tests.data.test_sources import ARRAYS
from tests.data.test_tasks import FAULTS as LABELS
from tests.faults.bounds import mebibytes, seconds
from tests.faults.test_bad_data import FILES, LARGE

# Of the processor: an answer comes at once, however large a file is.
SOON = 5.0
# Twice what a line may hold.
LITTLE = 2 * LONGEST_LINE / 2**20
MANY = 1_000_000

# Users have none, and they take most of the time.
pytestmark = pytest.mark.usefixtures("without_shape_checks")

Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Trains on a file in an empty folder, within bounds of time, then again within memory."""
    monkeypatch.chdir(tmp_path)

    def train(name: str, *words: str, little: float = LITTLE) -> Answer:
        def body() -> Answer:
            return inside(monkeypatch, capfd, "train", "--data", name, "-o", "run", *words)

        body()  # what loads the libraries
        answer, spent = seconds(body)
        assert spent < SOON
        again, most = mebibytes(body)
        assert again == answer
        assert most < little
        assert not (tmp_path / "run").exists()
        return answer

    return train


def refused(sentence: str) -> Answer:
    return Answer(2, "", plain(f"spectrans: {sentence}") + "\n")


@pytest.mark.parametrize(("name", "content", "arguments", "sentence"), FAULTS.values(), ids=FAULTS)
def test_a_fault_ends_the_command_with_2_and_one_line(
    name: str, content: bytes, arguments: dict[str, Any], sentence: str, run: Run
) -> None:
    Path(name).write_bytes(content)
    words = [str(word) for key, value in arguments.items() for word in (f"--{key.replace('_', '-')}", value)]  # fmt: skip
    assert run(name, *words) == refused(sentence)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        pytest.param(*values, id=name, marks=[pytest.mark.slow] if name in LARGE else [])
        for name, values in FILES.items()
    ],
)
def test_a_strange_file_ends_the_command_with_2_and_one_line(
    name: str, content: bytes, sentence: str, run: Run
) -> None:
    Path(name).write_bytes(content)
    assert run(name, little=8 * LITTLE) == refused(sentence)


@pytest.mark.parametrize(("arrays", "sentence"), ARRAYS.values(), ids=ARRAYS)
def test_a_fault_of_an_archive_ends_the_command_with_2_and_one_line(
    arrays: dict[str, Any], sentence: str, run: Run
) -> None:
    np.savez(Path("a.npz"), **arrays)
    assert run("a.npz") == refused(sentence)


@pytest.mark.parametrize(("rows", "settings", "sentence"), LABELS.values(), ids=LABELS)
def test_a_label_that_is_no_answer_ends_the_command_with_2_and_one_line(
    rows: list[dict[str, Any]], settings: dict[str, Any], sentence: str, run: Run
) -> None:
    write_lines(Path("a.jsonl"), rows)
    words = []
    for key, value in settings.items():
        for one in value if isinstance(value, tuple) else (value,):
            words += [f"--{key}", str(one)]
    found = run("a.jsonl", *words)
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    assert plain(sentence) in found.err


def test_ids_that_repeat_and_unseen_classes_end_the_command_with_2_and_one_line(run: Run) -> None:
    rows = [{"id": n % 9, "text": f"text {n}", "label": "ab"[n % 2]} for n in range(12)]
    write_lines(Path("a.jsonl"), rows)
    twice = "a.jsonl line 10: id must not repeat, got that of a.jsonl line 1; remove the row, or rename the column if it is no id"
    assert run("a.jsonl") == refused(twice)
    Path("set").mkdir()
    write_lines(Path("set/train.jsonl"), ({**row, "id": n} for n, row in enumerate(rows)))
    write_lines(Path("set/test.jsonl"), [{"id": 99, "text": "new", "label": "c"}])
    unseen = "test.jsonl line 1: label must be a class of the training rows, got 'c'; add rows of it there, or remove this row"
    assert run("set") == refused(unseen)


def test_a_line_without_end_ends_the_command_with_2_and_one_line(run: Run) -> None:
    with Path("a.csv").open("wb") as file:
        file.truncate(2**34)  # sparse: 16 GiB of NUL that take no room on the disk
    found = run("a.csv", little=1.5 * LITTLE)
    assert found == refused(
        "a.csv line 1 must hold at most 16,777,216 bytes, got more; put a break after each row"
    )


CLASSES = "must be one of at most 10,000 classes, got another; is it the right column? Numbers need --task regression"
FEW = "must be of at most 1,000 classes, got another; is it the right column?"


def a_class_a_row() -> bytes:
    return b"text,label\n" + b"".join(b"t%d,c%d\n" % (n, n) for n in range(MANY))


def all_in_one_row() -> bytes:
    rows = ({"text": "t", "labels": [f"c{n}" for n in range(k)]} for k in (2, MANY))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def a_column_each() -> bytes:
    names = b",".join(b"c%d" % n for n in range(MANY))
    return names + b"\n" + b"1," * (MANY - 1) + b"1\n"


MILLION: dict[str, tuple[str, Callable[[], bytes], tuple[str, ...], str]] = {
    "a class a row": ("a.csv", a_class_a_row, (), f"a.csv line 10002: label {CLASSES}"),
    "all in one row": ("a.jsonl", all_in_one_row, (), f"a.jsonl line 2: labels {FEW}"),
    "a column each": (
        "a.csv", a_column_each, (),
        "a.csv must have a column with a usual name for the text, such as 'text', got 'c0, c1, c2, c3, c4, c5, c6, c7, c8, c...95, c999996, c999997, c999998, c999999'; say which one it is with --text",
    ),
    "a column each and none as named": (
        "a.csv", a_column_each, ("--text", "hello"),
        f"a.csv: unknown column 'hello' (available: {', '.join(sorted(f'c{n}' for n in range(MANY))[:50])} and 999,950 more)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "words", "sentence"),
    [pytest.param(*values, id=name, marks=[pytest.mark.slow]) for name, values in MILLION.items()],
)
def test_a_million_labels_end_the_command_with_2_and_one_line(
    name: str, content: Callable[[], bytes], words: tuple[str, ...], sentence: str, run: Run
) -> None:
    Path(name).write_bytes(content())
    assert run(name, *words, little=12 * LITTLE) == refused(sentence)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.csv.gz", "source must end in .csv, .tsv, .jsonl, .parquet, .npz, .ts, .txt, got 'a.csv.gz'"),
        ("a.csv", "a.csv line 1 must be UTF-8, got byte 0x8b at position 2; save the file as UTF-8"),
        ("a.npz", "a.npz must be a whole .npz file, got: File is not a zip file"),
    ],
)  # fmt: skip
def test_a_gzip_bomb_is_not_unpacked(name: str, sentence: str, run: Run) -> None:
    Path(name).write_bytes(gzip.compress(b"text,label\n" + bytes(2**26)))
    assert run(name, little=8) == refused(sentence)


def test_a_parquet_file_that_unpacks_to_far_more_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "LARGE", 2**20)
    table = pa.table({"text": ["a" * 2**20] * 20, "label": ["a", "b"] * 10})
    pq.write_table(table, "a.parquet", compression="gzip", use_dictionary=False)
    found = run("a.parquet", little=8)
    assert (found.code, found.err.count("\n")) == (2, 1)
    sentence = "spectrans: a.parquet must unpack to at most 100 times its size, got 2097"
    assert found.err.startswith(sentence)
    # Numbers that repeat take no room in a file, in a list of any length.
    ids = pa.array([[0] * 200_000] * 10, type=pa.list_(pa.int32()))
    pq.write_table(pa.table({"x": ids, "y": [0, 1] * 5}), "a.parquet")
    found = run("a.parquet", little=8)
    assert found.err.startswith(f"{sentence[:-4]}1600")


def named_often(value: Any, times: int, kind: pa.DataType) -> pa.Array:
    """A column that holds one value, and names it in each row."""
    return pa.DictionaryArray.from_arrays([0] * times, pa.array([value], type=kind))


def test_a_text_that_a_file_holds_once_and_names_in_each_row_is_kept_once(run: Run) -> None:
    text = named_often("b" * 2**22, 500, pa.string())
    pq.write_table(pa.table({"text": text, "label": ["a", "b"] * 250}), "a.parquet")
    assert Path("a.parquet").stat().st_size < 2**19
    # Two gigabytes, were they all there at one time.
    assert run("a.parquet", little=5 * LITTLE) == refused(
        "a.parquet must have at least 3 different texts in each class, got 0 in 'b'; raise max_length"
    )
    text = named_often("b" * (LONGEST_LINE + 1), 4, pa.string())
    pq.write_table(pa.table({"text": text, "label": ["a", "b"] * 2}), "a.parquet")
    assert run("a.parquet", little=5 * LITTLE) == refused(
        "a.parquet row 1 must hold at most 16,777,216 bytes, got more; cut it in several rows"
    )


def test_long_lists_are_looked_at_a_few_at_a_time(run: Run) -> None:
    words, tags = ["word" * 4] * 50_000, ["O"] * 50_000
    rows = {"tokens": [["", *words], *[words] * 199], "tags": [["O", *tags], *[tags] * 199]}
    pq.write_table(pa.table(rows), "a.parquet")
    # Half a gigabyte, were all the rows looked at together.
    assert run("a.parquet", little=5 * LITTLE) == refused(
        "a.parquet row 1: tokens must hold words with something in them and no blank, got ''"
    )
