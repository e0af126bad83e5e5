"""`spectrans inspect` as a process: the table, the numbers and the pictures."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from spectrans.mixers.response import FrequencyResponse
from spectrans.training.layers import responses
from spectrans.training.record import load_run
from tests.cli.command import Answer, spectrans, write_table
from tests.made_runs import saved_run

PLAN = "gfnet,afno,wavelet,fourier,attention,lst"
MIXERS = PLAN.split(",")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspect")
    write_table(folder / "colours.csv")
    saved_run(folder / "run", folder / "colours.csv", plan=PLAN, num_layers=6)
    return folder


@pytest.fixture(scope="module")
def inspected(here: Path) -> Answer:
    return spectrans("inspect", "run", "--seconds", "0", "--json", folder=here)


def test_every_layer_has_its_size_its_time_and_what_it_does(here: Path, inspected: Answer) -> None:
    assert inspected.code == 0
    found = json.loads(inspected.out)
    assert [layer["mixer"] for layer in found["layers"]] == MIXERS
    kinds = [(layer["response"] or {}).get("kind") for layer in found["layers"]]
    assert kinds == ["frequency", "frequency", "level", "frequency", "attention", None]
    origins = [
        layer["response"]["origin"] for layer in found["layers"] if layer["layer"] in (0, 1, 3)
    ]
    assert origins == ["learned", "measured", "defined"]
    assert all(layer["mixer_milliseconds"] > 0 for layer in found["layers"])
    summary = load_run(here / "run").model.summary(found["tokens"])
    assert [layer["flops"] for layer in found["layers"]] == [row.flops for row in summary.layers]
    assert (found["parameters"], found["rows"]) == (summary.parameters, 9)


def test_the_numbers_are_those_of_the_model(here: Path, inspected: Answer) -> None:
    first = json.loads(inspected.out)["layers"][0]["response"]
    (shown, *_) = responses(load_run(here / "run").model, [], 12)
    assert isinstance(shown, FrequencyResponse)
    gain = shown.gain.numpy()
    np.testing.assert_allclose(first["mean"], gain.mean(1), rtol=1e-5)
    np.testing.assert_allclose(first["low"], np.percentile(gain, 10, axis=1), rtol=1e-5)
    np.testing.assert_allclose(first["cycles_per_token"], np.arange(7) / 12, rtol=1e-6)


def test_pictures_are_written_as_png_and_svg(here: Path, inspected: Answer) -> None:
    found = json.loads(inspected.out)
    names = {path.name for path in (here / "run" / "inspect").iterdir()}
    assert names == set(found["pictures"])
    assert {Path(name).stem for name in names} == {"plans", "frequencies", "levels", "attention"}
    picture = imread(here / "run" / "inspect" / "frequencies.png")
    assert picture.shape[1] > 600
    assert np.ptp(picture[..., :3]) > 0.8


def test_without_its_data_a_run_shows_what_was_learned(here: Path) -> None:
    (here / "colours.csv").rename(here / "gone.csv")
    shown = spectrans("inspect", "run", "--seconds", "0", "-o", "out", folder=here)
    (here / "gone.csv").rename(here / "colours.csv")
    assert shown.code == 0
    assert shown.err.startswith("without rows, only what was learned is shown: ")
    lines = shown.out.splitlines()
    assert lines[1].split()[:3] == ["0", "G", "gfnet"]
    assert "gain low" in lines[1]
    assert "flat by definition" in lines[4]
    assert "entropy" not in shown.out
    assert (here / "out" / "plans.svg").is_file()
    assert not (here / "out" / "attention.png").exists()


BAD = [
    (("nowhere",), 2, "the folder of a run must exist, got 'nowhere'"),
    (("run", "--rows", "-1"), 2, "--rows must be greater than or equal to 0, got '-1'"),
    (("run", "--threads", "0"), 2, "--threads must be greater than or equal to 1, got '0'"),
    (("run", "--seconds", "x"), 2, "--seconds must be a valid number, got 'x'"),
    (("run", "--out", "colours.csv"), 2, "colours.csv: file exists"),
    ((), 2, "Missing argument 'RUN'."),
]


@pytest.mark.parametrize(("arguments", "code", "sentence"), BAD, ids=lambda v: str(v)[:30])
def test_bad_input_gets_one_sentence(
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from spectrans.cli import main

    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "argv", ["spectrans", "inspect", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, *capsys.readouterr()) == (code, "", f"spectrans: {sentence}\n")
