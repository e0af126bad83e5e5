"""Time series in `.ts` files, and those of an installed package."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from spectrans.data import Vectors, load
from spectrans.data.sources.series import TimeSeries

HEADER = "# about\n%# more\n@problemName made\n@timeStamps false\n@classLabel true up down\n@data\n"


def lines(count: int, shift: float = 0.0) -> str:
    """Series of two channels and of lengths that differ; those with odd numbers rise."""
    return "".join(
        f"{','.join(str(shift + k * (2 * (n % 2) - 1)) for k in range(3 + n % 4))}"
        f":{','.join(str(k + n) for k in range(3 + n % 4))}:{('down', 'up')[n % 2]}\n"
        for n in range(count)
    )


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_line_holds_channels_and_a_class(tmp_path: Path) -> None:
    path = write(tmp_path, "a.ts", HEADER + "1,2,-3.5:4e1,5,6:up\n\n7:8:down\n")
    rows = list(TimeSeries(path).rows())
    assert [number for number, _ in rows] == [7, 9]
    np.testing.assert_array_equal(rows[0][1]["x"], [[1, 40], [2, 5], [-3.5, 6]])
    np.testing.assert_array_equal(rows[1][1]["x"], [[7, 8]])
    assert [row["y"] for _, row in rows] == ["up", "down"]


def test_a_file_is_a_data_set_of_vectors(tmp_path: Path) -> None:
    made = load(write(tmp_path, "a.ts", HEADER + lines(40)))
    assert isinstance(made.encoding, Vectors)
    assert len(made.encoding.mean) == 2
    assert made.task.labels == ("down", "up")
    assert made.max_length == 6


def test_numbers_to_predict_are_a_regression(tmp_path: Path) -> None:
    text = "@targetLabel true\n@data\n" + "".join(f"1,{n},3:{n / 7:.3f}\n" for n in range(40))
    assert load(write(tmp_path, "a.ts", text)).task.kind == "regression"


def test_files_of_a_folder_are_its_splits(tmp_path: Path) -> None:
    write(tmp_path / "made", "Made_TRAIN.ts", HEADER + lines(20))
    write(tmp_path / "made", "Made_TEST.ts", HEADER + lines(8, shift=0.5))
    made = load(tmp_path / "made")
    assert (len(made.train) + len(made.validation), len(made.test)) == (20, 8)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with two sets, in the place of the real one."""
    data = tmp_path / "aeon" / "datasets" / "data"
    write(tmp_path / "aeon", "__init__.py", "raise AssertionError('it must not be imported')")
    for name in ("GunPoint", "Others"):
        write(data / name, f"{name}_TRAIN.ts", HEADER + lines(20))
        write(data / name, f"{name}_TEST.ts", HEADER + lines(8, shift=0.5))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


@pytest.mark.usefixtures("package")
def test_the_sets_of_the_package_have_names() -> None:
    made = load("series?set=Others")
    assert (made.name, len(made.test)) == ("series?set=Others", 8)
    assert load("series").name == "series"
    assert "cited" in made.licence


@pytest.mark.usefixtures("package")
def test_an_unknown_set_is_refused() -> None:
    sentence = "unknown set of series 'Gunpoint'; did you mean 'GunPoint'? (available: GunPoint, Ot"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load("series?set=Gunpoint")


def test_without_the_package_a_sentence_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [])
    sentence = "series needs aeon: pip install --no-deps aeon"
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        load("series")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1,2:up\n", "a.ts line 1 must follow a line @data, got '1,2:up'"),
        ("@classLabel true a\n", "a.ts must have a line @data, got none"),
        (HEADER, "a.ts must hold rows of data, got no series after @data"),
        ("@data\n1:a\n", "a.ts line 1 must come after @classLabel true, or @targetLabel true, got None"),
        ("@timeStamps True\n@classLabel true\n@data\n", "a.ts line 3 must come after @timeStamps false: a series is values alone, got 'True'"),
        (HEADER + "1,x:up\n", "a.ts line 7 must hold numbers between commas, got '1,x:up'"),
        (HEADER + "1,2:1:up\n", "a.ts line 7 must have channels of one length, got 2, 1"),
        (HEADER + "up\n", "a.ts line 7 must have channels of one length, got no channel"),
        (HEADER + "1,?:1,2:up\n", "a.ts line 7: x must hold finite numbers, got nan at position 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told_in_one_sentence(
    text: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        load(write(tmp_path, "a.ts", text))


def test_a_number_after_the_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^series must be named without a number, got 'series3'$"):
        load("series3")
