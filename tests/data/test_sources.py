"""Formats beside lines of text: Parquet, saved data sets, folders and archives."""

import io
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectrans.data import Dataset, Ids, load
from tests.data.digest import digest
from tests.data.tables import TABLE, as_table

# `DatasetDict.save_to_disk` of datasets 5.2.0 wrote it: 40 rows to train on, 20 to test.
SAVED = Path(__file__).parent / "saved"


def write_parquet(
    path: Path, columns: dict[str, Any], metadata: dict[str, str] | None = None
) -> Path:
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=7)
    return path


@pytest.fixture
def wanted(tmp_path: Path) -> Dataset:
    path = tmp_path / "wanted.csv"
    path.write_bytes(as_table(TABLE))
    return load(path)


def test_parquet_gives_the_rows_of_a_table(tmp_path: Path, wanted: Dataset) -> None:
    texts, labels = zip(*TABLE, strict=True)
    path = write_parquet(tmp_path / "a.parquet", {"text": texts, "label": labels})
    assert digest(load(path)) == digest(wanted)


def test_classes_of_parquet_have_the_names_that_datasets_keeps(
    tmp_path: Path, wanted: Dataset
) -> None:
    texts, labels = zip(*TABLE, strict=True)
    names = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    path = write_parquet(
        tmp_path / "a.parquet",
        {"text": texts, "label": [int(label == "pos") for label in labels]},
        {"huggingface": json.dumps({"info": {"features": names}})},
    )
    assert load(path).task.labels == wanted.task.labels
    assert digest(load(path)) == digest(wanted)


def test_a_saved_data_set_keeps_its_test_split_and_its_class_names() -> None:
    made = load(SAVED)
    assert made.task.labels == ("neg", "pos")
    assert (len(made.train), len(made.validation), len(made.test)) == (34, 6, 20)
    texts = {bytes(tokens).decode() for tokens in made.test.tokens}
    assert texts == {f"some {w} text {n}" for n in range(20, 30) for w in ("bad", "good")}
    assert made.reading is not None
    assert made.reading.given == ("train", "test")


X = np.random.RandomState(0).randint(0, 50, (30, 6))
Y = np.arange(30) % 3
ENDS = np.arange(30) % 6 + 1


def write_arrays(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def rows_of(made: Dataset) -> list[tuple[list[int], str]]:
    return sorted(
        (tokens.tolist(), made.task.labels[label])
        for split in (made.train, made.validation, made.test)
        for tokens, label in zip(split.tokens, split.labels, strict=True)
    )


@pytest.mark.parametrize(
    ("arrays", "lengths"),
    [
        ({"x": X, "y": Y}, np.full(30, 6)),
        ({"sequences": X.astype(np.uint8), "labels": Y.astype(str), "lengths": ENDS}, ENDS),
        (
            {"x": np.concatenate([row[:n] for row, n in zip(X, ENDS, strict=True)]),
             "y": Y, "lengths": ENDS},
            ENDS,
        ),
    ],
    ids=["one length", "padded", "end to end"],
)  # fmt: skip
def test_an_archive_of_ids_gives_every_row_once(
    tmp_path: Path, arrays: dict[str, Any], lengths: np.ndarray
) -> None:
    made = load(write_arrays(tmp_path / "a.npz", **arrays))
    wanted = [(row[:n].tolist(), str(y)) for row, n, y in zip(X, lengths, Y, strict=True)]
    assert rows_of(made) == sorted(wanted)
    assert made.encoding == Ids(vocab_size=max(max(row) for row, _ in wanted) + 1)


def test_arrays_named_after_splits_are_splits(tmp_path: Path) -> None:
    arrays = {"x_train": X, "y_train": Y, "x_test": X[:3] + 1, "y_test": Y[:3]}
    made = load(write_arrays(tmp_path / "a.npz", **arrays))
    assert sorted(tokens.tolist() for tokens in made.test.tokens) == sorted((X[:3] + 1).tolist())


def test_lists_of_ids_in_lines_are_sequences(tmp_path: Path) -> None:
    rows = [{"sequence": row.tolist(), "label": int(y)} for row, y in zip(X, Y, strict=True)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    made = load(tmp_path / "a.jsonl")
    assert rows_of(made) == rows_of(load(write_arrays(tmp_path / "a.npz", x=X, y=Y)))


RAGGED = np.array([[1, 2], [3]], dtype=object)


def test_an_array_of_inputs_can_have_any_name(tmp_path: Path) -> None:
    path = write_arrays(tmp_path / "a.npz", a=X, y=Y)
    assert rows_of(load(path, text="a")) == sorted(
        (x.tolist(), str(y)) for x, y in zip(X, Y, strict=True)
    )


ARRAYS: dict[str, tuple[dict[str, Any], str]] = {
    "ragged": (
        {"x": RAGGED, "y": [0, 1]},
        "a.npz: x must hold plain numbers, got 'an array of Python objects'; pad rows of different "
        "lengths to one, or put them end to end, and add lengths",
    ),
    "no inputs": (
        {"a": X, "y": Y},
        "a.npz must hold an array named one of x, X, inputs, sequences, data, images, got 'a, y'; "
        "name the array with --text",
    ),
    "no labels": (
        {"x": X},
        "a.npz must have a column with a usual name for the label, such as 'label', got 'x'; "
        "say which one it is with --label",
    ),
    "too few labels": (
        {"x": X, "y": Y[:7]},
        "a.npz: y must have one entry for each of the 30 rows of 'x', got 7",
    ),
    "one axis": (
        {"x": X[0], "y": Y[:6]},
        "a.npz: x must have the shape (rows, n) or (rows, n, channels), or come with lengths, "
        "got (6,)",
    ),
    "text": ({"x": Y.astype(str), "y": Y}, "a.npz: x must hold numbers, got '<U21'"),
    "lengths too long": (
        {"x": X, "y": Y, "lengths": ENDS + 1},
        "a.npz row 5: length must lie between 1 and 6, got 7",
    ),
    "lengths of nothing": (
        {"x": X.ravel(), "y": Y, "lengths": ENDS},
        "a.npz: lengths must be positive and add up to the 180 tokens of 'x', got 105",
    ),
    "fractional lengths": (
        {"x": X, "y": Y, "lengths": ENDS / 1},
        "a.npz: lengths must be a 1-D array of integers, got '1-D float64'",
    ),
    "negative id": (
        {"x": X - 1, "y": Y},
        "a.npz row 0: x must hold ids from 0 to 999,999, got -1; write numbers that are no ids as "
        "fractions, such as 3.0",
    ),
    "label that is no number": (
        {"x": X, "y": np.where(Y == 2, np.nan, Y)},
        "a.npz row 2: y must not be empty, got nan; label or remove the row",
    ),
    "no rows": ({"x": X[:0], "y": Y[:0]}, "a.npz must hold rows of data, got arrays of length 0"),
}


@pytest.mark.parametrize(("arrays", "sentence"), ARRAYS.values(), ids=ARRAYS)
def test_a_fault_of_an_archive_is_told_in_one_sentence(
    tmp_path: Path, arrays: dict[str, Any], sentence: str
) -> None:
    path = write_arrays(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        load(path)


def test_an_archive_that_unpacks_to_gigabytes_is_refused_unopened(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (3 * 2**29,)}
    )
    path = tmp_path / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as file,
    ):
        file.write(header.getvalue())
        for _ in range(96):
            file.write(bytes(2**24))
    with pytest.raises(ValueError, match=r"a.npz must unpack to at most 100 times its size, got"):
        load(path)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"_data_files": [{"filename": "../train/data-00000-of-00001.arrow"}]},
         "test/state.json must name files of its folder, got '../train/data-00000-of-00001.arrow'"),
        ({"_data_files": [{"filename": "none.arrow"}]},
         "test/state.json must name files of its folder, got 'none.arrow'"),
        ({"_data_files": 3}, "test/state.json must list data files, got 3"),
        ({"_data_files": []}, "test/state.json must name data files, got []"),
        ({"_indices_data_files": [{}], "_data_files": []},
         "test must hold its rows in order, got indices: save it again with a newer version of "
         "datasets"),
        ([], "test/state.json must hold a JSON object"),
    ],
    ids=["traversal", "missing", "number", "none", "indices", "list"],
)  # fmt: skip
def test_a_foreign_state_of_a_saved_data_set_is_refused(
    tmp_path: Path, state: object, sentence: str
) -> None:
    folder = shutil.copytree(SAVED, tmp_path / "copy")
    (folder / "test" / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        load(folder)


@pytest.mark.parametrize("cut", [0, 8, 700])
def test_a_truncated_saved_data_set_is_refused(tmp_path: Path, cut: int) -> None:
    folder = shutil.copytree(SAVED, tmp_path / "copy")
    (path,) = (folder / "test").glob("*.arrow")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"^test must be whole, got: "):
        load(folder)


@pytest.mark.parametrize("name", ["a.parquet", "a.npz"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("text,label\n" * 9)
    with pytest.raises(ValueError, match=r"^a\.(parquet must be whole|npz must be a whole \.npz)"):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {},
            r"source must hold folders of texts or pictures, one a class, files named train and test,",
        ),
        ({"b.csv": b"x"}, r"set must hold tables named train and test, got 'b.csv'; or name the"),
        ({"pos/a": b"caf\xe9", "neg/a": b"x"}, r"set/pos/a must be UTF-8, byte 4 is not; save it"),
        ({"pos/a": b" ", "neg/a": b"x"}, r"set/pos/a: text must not be empty, got ' '; write a"),
    ],
    ids=["empty", "tables", "latin-1", "blank"],
)
def test_a_folder_that_is_no_data_set_is_refused(
    tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    (tmp_path / "set").mkdir()
    for name, content in files.items():
        (tmp_path / "set" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "set" / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"^{sentence}"):
        load(tmp_path / "set")


def test_without_pyarrow_the_install_line_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": ["a"], "label": ["b"]})
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r'a.parquet needs pyarrow: pip install "spectrans-hybrid'):
        load(path)
