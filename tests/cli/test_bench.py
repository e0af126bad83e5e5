"""`spectrans bench`: lengths, times in turns, where plans overtake attention, and the picture."""

import json
import sys
from pathlib import Path

import pytest

from spectrans.training.crossover import Point, Spread, faster_from, parse_lengths
from tests.cli.command import Answer, spectrans

EVEN = Spread(median=1.0, low=0.9, high=1.2)


def point(length: int, speed: float, low: float | None = None) -> Point:
    spread = Spread(median=speed, low=speed if low is None else low, high=speed)
    return Point(length=length, rows=1, milliseconds=EVEN, tokens_per_second=1.0, speed=spread)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("128..1024", (128, 256, 512, 1024)),
        ("100..300", (100, 200)),
        ("9, 5,7", (5, 7, 9)),
        ("3", (3,)),
    ],
)
def test_lengths_are_doubled_or_listed(text: str, lengths: tuple[int, ...]) -> None:
    assert parse_lengths(text) == lengths


@pytest.mark.parametrize(
    ("speeds", "found"),
    [((2, 2, 2), 1), ((0.5, 2, 2), 2), ((2, 0.5, 2), 3), ((2, 2, 0.5), None), ((1.15,) * 3, None)],
)
def test_a_plan_is_faster_from_where_it_stays_so_beyond_chance(
    speeds: tuple[float, ...], found: int | None
) -> None:
    points = [point(n, speed) for n, speed in enumerate(speeds, 1)]
    assert faster_from(points, [EVEN] * 3) == found


def test_a_plan_that_is_slower_in_one_round_of_ten_is_not_called_faster() -> None:
    assert faster_from([point(1, 2.0, low=0.99)], [EVEN]) is None


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def done(here: Path) -> Answer:
    return spectrans(
        "bench", "attention", "fourier", "--lengths", "16,64", "--tokens", "128", "--layers", "1",
        "--hidden-dim", "8", "--heads", "2", "--seconds", "0", "--backward", "--dtype", "bfloat16",
        "--json", "--out", "out", folder=here,
    )  # fmt: skip


def test_every_plan_has_a_time_at_every_length(done: Answer) -> None:
    assert done.code == 0
    found = json.loads(done.out)
    assert [curve["plan"] for curve in found["plans"]] == ["attention", "fourier"]
    points = [(p["length"], p["rows"]) for curve in found["plans"] for p in curve["points"]]
    assert points == [(16, 8), (64, 2)] * 2
    assert all(p["milliseconds"]["median"] > 0 for c in found["plans"] for p in c["points"])
    assert len(found["control"]) == 2
    setting = found["setting"]
    assert (setting["backward"], setting["dtype"], setting["memory"]) == (True, "bfloat16", False)
    assert "16 tokens, 8 rows: attention " in done.err


def test_what_was_measured_is_kept_with_its_picture(here: Path, done: Answer) -> None:
    assert json.loads((here / "out" / "bench.json").read_text()) == json.loads(done.out)
    names = {path.name for path in (here / "out").iterdir()}
    assert names == {"bench.json", "lengths.png", "lengths.svg"}


BAD = [
    (("--lengths", "some"), "lengths must be written as 128..8192 or 100,1000, got 'some'"),
    (("--lengths", "8..4"), "lengths must go from short to long, got '8..4'"),
    (("--lengths", "0,4"), "lengths must lie between 1 and 1,048,576, got '0,4'"),
    (("fuorier",), "plan 'fuorier': unknown mixer 'fuorier'; did you mean 'fourier'?"),
    (("lst", "lst"), "plans must differ, got 'lst'"),
    (("--dtype", "int8"), "dtype must be 'float32', 'bfloat16' or 'float16', got 'int8'"),
    (("--tokens", "0"), "tokens must be greater than 0, got 0"),
    (("--threads", "0"), "threads must be greater than 0, got 0"),
    (("--heads", "5"), "hidden_dim must be a multiple of num_heads=5, got 64"),
    (("--seconds", "-1"), "seconds must be greater than or equal to 0, got -1.0"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD, ids=lambda v: str(v)[:30])
def test_bad_input_gets_one_sentence(
    arguments: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from spectrans.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["spectrans", "bench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"spectrans: {sentence}")
    assert list(tmp_path.iterdir()) == []
