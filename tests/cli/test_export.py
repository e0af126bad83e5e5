"""`spectrans export`: files that are right, and a page whose programs run."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spectrans.cli.handover import program
from spectrans.training import load_run
from tests.cli.command import ENVIRONMENT, inside, spectrans

FENCE = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


@pytest.fixture(scope="module")
def exported(workplace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both files of the run on texts."""
    out = tmp_path_factory.mktemp("exported") / "texts"
    run = ("export", workplace / "runs" / "texts", "--to", "both", "--out", out)
    answer = spectrans(*run)
    assert answer.code == 0, answer.err
    (out.parent / "said").write_text(answer.out)
    return out


def test_the_folder_holds_all_that_is_needed(exported: Path) -> None:
    names = {"README.md", "labels.json", "model.onnx", "model.pt2"}
    assert {path.name for path in exported.iterdir()} == names
    assert [path.name for path in exported.parent.iterdir() if path.name[0] == "."] == []
    said = (exported.parent / "said").read_text().splitlines()
    errors = [re.search(r"largest error (\S+) of", line) for line in said[:2]]
    assert all(error and float(error[1]) < 1e-5 for error in errors)
    assert all("times the model's speed" in line for line in said[:2])


@pytest.mark.parametrize("number", [0, 1], ids=["pt2", "onnx"])
def test_the_programs_of_the_page_run_without_the_library(
    exported: Path, workplace: Path, number: int
) -> None:
    code = FENCE.findall((exported / "README.md").read_text())[number]
    assert len(code.splitlines()) <= 8
    check = "\nimport sys; assert 'spectrans' not in sys.modules"
    run = [sys.executable, "-c", code + check]
    done = subprocess.run(
        run, cwd=exported, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    asked = ("predict", workplace / "runs" / "texts", "Well made, and cheap", "--json", "-q")
    assert done.stdout.strip() == json.loads(spectrans(*asked).out)["label"]


@pytest.mark.parametrize("run", ["texts", "sets", "numbers", "words", "vectors", "plain", "pieces"])
@pytest.mark.parametrize("name", ["model.onnx", "model.pt2"])
def test_there_is_a_program_for_every_task(workplace: Path, run: str, name: str) -> None:
    done = load_run(workplace / "runs" / run)
    lines = program(done, name)
    compile("\n".join(lines), name, "exec")
    assert len(lines) <= 10


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--to", "onx"], 2, "unknown format 'onx'; did you mean 'onnx'?"),
        (["--out", "full"], 2, "--out must name a new or empty folder, got 'full'"),
        (["--length", "0"], 2, "--length must be greater than or equal to 1, got '0'"),
        (["--tolerance", "-1"], 2, "tolerance must be greater than 0, got -1.0"),
        (["--to", "onnx", "--out", "new"], 1, "ONNX needs onnxruntime, install the extra"),
    ],
)
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    # What Python itself does for a module that must not be found.
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    run = ("export", workplace / "runs" / "texts", "--quiet")
    answer = inside(monkeypatch, capfd, *run, *arguments)
    assert answer.err.startswith(f"spectrans: {sentence}")
    assert (answer.code, answer.out, answer.err.count("\n")) == (code, "", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
    assert not (workplace / "runs" / "texts" / "export").exists()
