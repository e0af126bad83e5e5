"""`spectrans doctor`: what is there, what is missing, and what to do."""

import json
import os
import stat
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from spectrans.cli.extras import DISTRIBUTION, PURPOSES, extras, installed
from spectrans.cli.verbs import doctor
from tests.cli.command import ENVIRONMENT, spectrans

ROOT = Path(__file__).parents[2]


def sentences(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    found = json.loads(capsys.readouterr().out)["findings"]
    levels: dict[str, list[str]] = {"ok": [], "warn": [], "fail": []}
    for finding in found:
        levels[finding["level"]].append(finding["sentence"])
    return levels


def test_a_machine_that_can_train_ends_with_0_and_keeps_no_file(tmp_path: Path) -> None:
    answer = spectrans("doctor", "--json", folder=tmp_path)
    found = json.loads(answer.out)
    assert (answer.code, answer.err, found["ready"]) == (0, "", True)
    assert found["versions"]["torch"] == metadata.version("torch")
    assert found["packages"]["transformers"] == metadata.version("transformers")
    assert found["machine"]["threads"] == 1
    assert not [f for f in found["findings"] if f["level"] == "fail"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="another OpenMP, which does not say it so")
@pytest.mark.parametrize(
    ("own", "wanted"),
    [(None, "GOMP_SPINCOUNT = '0'"), ("ACTIVE", "OMP_WAIT_POLICY = 'ACTIVE'")],
    ids=["by default", "told"],
)
def test_threads_that_wait_let_the_processor_go_unless_told_otherwise(
    own: str | None, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "OMP_DISPLAY_ENV", "VERBOSE")
    monkeypatch.delitem(ENVIRONMENT, "OMP_WAIT_POLICY", raising=False)
    if own is not None:
        monkeypatch.setitem(ENVIRONMENT, "OMP_WAIT_POLICY", own)
    assert wanted in spectrans("doctor", "--json", folder=tmp_path).err


def test_every_finding_is_a_line(tmp_path: Path) -> None:
    lines = spectrans("doctor", folder=tmp_path).out.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert any("a small model learns" in line for line in lines)


def test_without_the_engine_it_ends_with_1_and_the_install_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(Exception) as end:  # noqa: PT011 - typer's Exit
        doctor.run(as_json=True)
    assert getattr(end.value, "exit_code", None) == 1
    wanted = 'training needs accelerate: pip install "spectrans-hybrid[hf]"'
    assert sentences(capsys)["fail"] == [wanted]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    answer = spectrans("doctor", folder=tmp_path)
    tmp_path.chmod(stat.S_IRWXU)
    assert answer.code == 1
    assert "fail runs/ must be writable, got: " in answer.out


def test_a_file_in_the_place_of_the_folder_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    answer = spectrans("doctor", folder=tmp_path)
    assert answer.code == 1
    assert "fail runs/ must be writable, got: " in answer.out


def test_the_library_of_the_same_name_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = {"spectrans": "0.1.0"}
    monkeypatch.setattr(doctor, "installed", lambda name: others.get(name) or installed(name))
    doctor.run(as_json=True)
    wanted = "spectrans 0.1.0, another library, is installed and shares our folder"
    assert any(sentence.startswith(wanted) for sentence in sentences(capsys)["warn"])


def test_what_is_missing_or_old_is_told_apart() -> None:
    wanted = [
        "numpy>=1.26",
        "torch>=2.10; extra == 'hf'",
        "numpy>=99.1; extra == 'arrow'",
        "no-such-package>=1; extra == 'onnx'",
        "ruff; extra == 'dev'",
    ]
    arrow, hf, onnx = extras(wanted)
    assert (hf.name, hf.fits) == ("hf", True)
    assert str(arrow.packages[0]).endswith("is older than 99.1")
    assert str(onnx.packages[0]) == "no-such-package is missing"
    assert onnx.install == f'pip install "{DISTRIBUTION}[onnx]"'


def test_every_purpose_is_one_of_an_extra() -> None:
    written = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert written["project"]["optional-dependencies"].keys() >= PURPOSES.keys()
