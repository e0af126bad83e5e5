"""What `spectrans predict` is asked about."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spectrans.cli.terminal import clock, plain, rate
from spectrans.cli.verbs.inputs import windows
from spectrans.data import DataSpec, load
from spectrans.training import RunSpec
from spectrans.training.inputs import Input
from spectrans.training.record import DataRecord, Metrics, Run, RunRecord

METRICS = Metrics(
    test={"accuracy": 0.5, "loss": 1.0},
    validation={"accuracy": 0.5, "loss": 1.0},
    best_step=1,
    steps=1,
    seconds=1.0,
    parameters=1,
)


def untrained(data: str) -> Run:
    spec = RunSpec(data=DataSpec(source=data))
    dataset = load(data)
    record = RunRecord(spec=spec, data=DataRecord.of(dataset), metrics=METRICS, versions={})
    return Run(record, spec.build(dataset))


def read_inputs(run: Run, texts: list[str], file: Path | None, examples: list[int]) -> list[Input]:
    return [one for window in windows(run, texts, file, None, examples) for one in window]


@pytest.fixture(scope="module")
def digits() -> Run:
    return untrained("digits")


@pytest.fixture(scope="module")
def languages() -> Run:
    return untrained("languages32")


def test_a_line_of_a_file_is_a_picture(digits: Run, tmp_path: Path) -> None:
    values = np.arange(144) % 17
    lines = (",".join(map(str, values)), " ".join(map(str, values[::-1])))
    (tmp_path / "rows").write_text("\n\n".join(lines))
    first, second = read_inputs(digits, [], tmp_path / "rows", [])
    assert first.tokens.tolist() == values.tolist()
    assert second.tokens.tolist() == values[::-1].tolist()
    # Twelve rows of twelve pixels, two characters wide; 0 is blank and 16 is the darkest.
    assert [len(line) for line in first.picture.splitlines()] == [24] * 12
    assert first.picture[:2] == "  "
    assert first.picture.replace("\n", "")[32:34] == "@@"


def test_an_example_is_the_row_of_the_test_split(digits: Run) -> None:
    test = load("digits").test
    (found,) = read_inputs(digits, [], None, [7])
    assert found.tokens.tolist() == test.tokens[7].tolist()
    assert found.truth == str(test.labels[7])


@pytest.mark.parametrize(
    ("text", "kept"),
    [("short", 5), ("a" * 40, 32), ("ab" + "\N{EURO SIGN}" * 20, 32), ("a" + "é" * 20, 31)],
    ids=["short", "long", "fits", "whole characters"],
)
def test_a_text_is_cut_as_the_texts_of_training_were(languages: Run, text: str, kept: int) -> None:
    (found,) = read_inputs(languages, [text], None, [])
    assert bytes(found.tokens.tolist()) == text.encode()[:kept]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"1 2 3", "rows line 1 must hold 144 grey values, got 3"),
        (b"17 " * 144, "rows line 1 must hold whole numbers from 0 to 16, got '17'"),
        (b"-1," * 144, "rows line 1 must hold whole numbers from 0 to 16, got '-1'"),
        (b"x " * 144, "rows line 1 must hold whole numbers from 0 to 16, got 'x'"),
        (b"\n", "nothing to answer: give --file or --example"),
        (b"\xff", "rows line 1 must be UTF-8, got byte 0xff at position 1; save the file as UTF-8"),
    ],
    ids=["short", "bright", "dark", "letters", "empty", "binary"],
)
def test_what_is_no_picture_is_refused(
    digits: Run, tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "rows").write_bytes(content)
    with pytest.raises(ValueError, match=r"must|nothing") as refusal:
        read_inputs(digits, [], tmp_path / "rows", [])
    assert str(refusal.value) == sentence


def test_pixels_cannot_be_typed_as_text(digits: Run) -> None:
    with pytest.raises(ValueError, match="a model of pixels takes --file with rows of pixels"):
        read_inputs(digits, ["seven"], None, [])


def test_a_blank_text_is_refused(languages: Run) -> None:
    with pytest.raises(ValueError, match="text 2 must not be empty, got ' '"):
        read_inputs(languages, ["a", " "], None, [])


def test_an_example_beyond_the_test_split_is_refused(digits: Run) -> None:
    with pytest.raises(ValueError, match="--example must be below 360, the rows of the test split"):
        read_inputs(digits, [], None, [360])


def test_examples_of_data_that_changed_are_refused(digits: Run) -> None:
    data = digits.record.data.model_copy(update={"fingerprint": "0"})
    changed = replace(digits, record=digits.record.model_copy(update={"data": data}))
    with pytest.raises(ValueError, match="digits has changed since training"):
        read_inputs(changed, [], None, [0])


def test_control_characters_never_reach_the_terminal() -> None:
    assert plain("a\x1b[31mb\nc\u202e") == "a\N{REPLACEMENT CHARACTER}[31mb" + (
        "\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"
    )


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0:00"), (59.6, "1:00"), (125.0, "2:05"), (7500.0, "2 h 05 min")]
)
def test_times_are_short(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(("speed", "shown"), [(9_999.0, "9,999 tok/s"), (63_400.0, "63k tok/s")])
def test_speeds_are_short(speed: float, shown: str) -> None:
    assert rate(speed) == shown
