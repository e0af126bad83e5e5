"""One door to every data set."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import spectrans.data
from spectrans.data import load, names
from tests.data.digest import digest

# Of those that are generated, few rows are enough here.
FEW = "train=20&validation=9&test=9"
EMBEDDED = [name for name in names() if name.startswith(("digits", "languages"))]
GENERATED = [name for name in names() if name not in (*EMBEDDED, "series")]


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_listed_name_loads_with_its_description(name: str) -> None:
    made = load(name)
    assert made.description == names()[name]
    assert made.name.startswith(name)
    assert made.licence


@pytest.mark.parametrize("name", GENERATED)
def test_every_task_that_is_generated_has_settings_for_its_sizes(name: str) -> None:
    made = load(f"{name}?{FEW}")
    assert (len(made.train), len(made.validation), len(made.test)) == (20, 9, 9)
    assert made.name.startswith(name)
    assert load(made.name).description == made.description
    assert made.licence.startswith("generated")


@pytest.mark.parametrize(
    ("short", "full"), [("digits", "digits12"), ("languages", "languages64")], ids=str
)
def test_a_family_name_stands_for_its_default(short: str, full: str) -> None:
    assert load(short).name == full
    assert digest(load(short)) == digest(load(full))


@pytest.mark.parametrize(
    ("name", "max_length"), [("digits13", 169), ("digits33", 33 * 33), ("languages99", 99)], ids=str
)
def test_numbers_between_the_listed_ones_work_too(name: str, max_length: int) -> None:
    assert load(name).max_length == max_length


@pytest.mark.parametrize("name", ["digits12", "languages512"])
def test_the_seed_reaches_the_data(name: str) -> None:
    assert digest(load(name, seed=3)) != digest(load(name, seed=4))


@pytest.mark.parametrize(
    ("source", "arguments", "sentence"),
    [
        ("digist", {}, "unknown data set 'digist'; did you mean 'digits'? (available: copying, digits, "),
        ("langages", {}, "unknown data set 'langages'; did you mean 'languages'? (available: "),
        ("imdb", {}, "unknown data set 'imdb' (available: copying, digits, "),
        ("digits11", {}, "size must be between 12 and 64, got 11"),
        ("languages8", {}, "length must be between 16 and 512, got 8"),
        ("digits", {"text": "a"}, "text must be left out for 'digits', which is no file, got 'a'"),
        ("digits", {"label": "b"}, "label must be left out for 'digits', which is no file, got "),
        ("digits", {"max_length": 143}, "max_length must be at least 144, the length of 'digits1"),
        ("languages", {"max_length": 63}, "max_length must be at least 64, the length of 'languag"),
        ("here/digits", {}, "source must end in .csv, .tsv, .jsonl, .parquet, .npz, .ts, .txt, got 'here/digits'"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_refused_in_one_sentence(
    source: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load(source, **arguments)


@pytest.mark.parametrize("name", ["digits.csv.gz", "languages.tsv.gz"])
def test_the_licence_file_is_about_these_bytes(name: str) -> None:
    folder = Path(spectrans.data.__file__).parent / "files"
    licences = (folder / "LICENSES.md").read_text()
    assert f"## `{name}`" in licences
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() in licences


def test_a_limit_that_cuts_nothing_is_accepted() -> None:
    assert digest(load("digits", max_length=144)) == digest(load("digits"))


def test_another_process_reads_the_same_data(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [f"text {number},{'abcdefgh'[number % 8]}" for number in range(99)]
    path.write_text("\n".join(["text,label", *rows]))
    sources = ["digits14", "languages128", str(path)]
    script = (
        "import sys; from spectrans.data import load; from tests.data.digest import digest;"
        "print(*(digest(load(source)) for source in sys.argv[1:]))"
    )
    # Another hash seed: the order of a set must decide nothing.
    done = subprocess.run(
        [sys.executable, "-c", script, *sources],
        env={"PYTHONHASHSEED": "12345", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [digest(load(source)) for source in sources]


def test_reading_data_imports_no_optional_library() -> None:
    script = "import spectrans.data, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"transformers", "pandas", "datasets", "sklearn", "matplotlib", "scipy"}
