"""What a folder and a repository hold: files, the page, and code for Auto classes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub import ModelCard

from spectrans.hf import (
    SpectransConfig,
    SpectransForMaskedLM,
    SpectransForSequenceClassification,
    model_card,
)
from spectrans.hf.export import CODE
from tests.hf.made import TASKS, batch, build, saved

METRICS = {"accuracy": 0.9375, "eval_loss": 0.25}


@pytest.fixture
def exported() -> Iterator[None]:
    """Register for export, and undo that: it is a mark on the classes."""
    SpectransForSequenceClassification.register_for_auto_class()
    yield
    SpectransForSequenceClassification._auto_class = None
    SpectransConfig._auto_class = None


def test_a_folder_holds_config_weights_and_page(tmp_path: Path) -> None:
    saved(build(SpectransForMaskedLM), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"config.json", "model.safetensors", "README.md"}


@pytest.mark.parametrize("cls", TASKS, ids=lambda cls: cls.__name__[9:])
def test_the_page_tells_plan_data_and_metrics(cls: Any, tmp_path: Path) -> None:
    model = build(cls)
    model.save_pretrained(tmp_path / "mine", data="ten letters", metrics=METRICS)
    card: Any = ModelCard.load(tmp_path / "mine" / "README.md")
    assert card.data.library_name == "transformers"
    assert card.data.tags == ["spectrans", "gfnet", "attention"]
    assert card.data.pipeline_tag == cls.pipeline_tag
    found = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert (found, card.data.eval_results[0].dataset_name) == (METRICS, "ten letters")
    assert str(model.model.summary()) in card.text
    assert f"{model.num_parameters():,} parameters in 2 layers" in card.text
    for words in ("# mine\n", "ten letters", "| accuracy | 0.9375 |", f"import {cls.auto_class}\n"):
        assert words in card.text
    assert "pip install" not in card.text


def test_the_program_on_the_page_runs(tmp_path: Path) -> None:
    folder = saved(build(SpectransForMaskedLM), tmp_path)
    program = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    scope: dict[str, Any] = {}
    exec(program.replace('"..."', repr(str(folder))), scope)
    assert type(scope["model"]) is SpectransForMaskedLM


def test_a_page_of_ones_own_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    model = build(SpectransForMaskedLM)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    model.save_pretrained(tmp_path, data="ten letters")
    assert "ten letters" in (tmp_path / "README.md").read_text()


def test_a_page_without_scores_has_no_results() -> None:
    card: Any = model_card(build(SpectransForMaskedLM), data="ten letters")
    assert card.data.eval_results is None
    assert "Not said." in card.text


# -- pushing -----------------------------------------------------------------------------------


class Hub:
    """In the place of the hub: remembers what it is sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, has_page: bool = False) -> None:
        self.files: dict[str, str] = {}
        self.asked: dict[str, Any] = {}
        hub = huggingface_hub.HfApi
        monkeypatch.setattr(hub, "create_repo", self.create)
        monkeypatch.setattr(hub, "file_exists", lambda *_: has_page)
        monkeypatch.setattr(hub, "create_branch", self.branch)
        monkeypatch.setattr(hub, "upload_folder", self.upload)

    def create(self, name: str, **settings: Any) -> Any:
        self.asked.update(settings)
        return huggingface_hub.RepoUrl(f"https://huggingface.co/me/{name}")

    def branch(self, repo_id: str, *, branch: str, exist_ok: bool) -> None:
        self.asked["branch"] = (repo_id, branch, exist_ok)

    def upload(self, *, repo_id: str, folder_path: Path, **settings: Any) -> Any:
        self.asked.update(settings, repo_id=repo_id)
        self.files = {p.name: p.read_bytes().decode("latin1") for p in folder_path.iterdir()}
        address = f"https://huggingface.co/{repo_id}/commit/1"
        return huggingface_hub.CommitInfo(address, "", "", "1")


def test_a_pushed_repository_holds_what_a_folder_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch)
    model = build(SpectransForMaskedLM)
    address = model.push_to_hub(
        "letters", data="ten letters", metrics=METRICS, private=True, create_pr=True
    )
    assert address == "https://huggingface.co/me/letters/commit/1"
    assert hub.files.keys() == {"config.json", "model.safetensors", "README.md"}
    assert json.loads(hub.files["config.json"])["architectures"] == ["SpectransForMaskedLM"]
    assert "# letters\n" in hub.files["README.md"]
    assert "| accuracy | 0.9375 |" in hub.files["README.md"]
    assert (hub.asked["private"], hub.asked["create_pr"], hub.asked["repo_id"]) == (
        (True, True, "me/letters")
    )


def test_pushing_leaves_a_page_that_is_there_unless_there_is_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = Hub(monkeypatch, has_page=True)
    model = build(SpectransForMaskedLM)
    model.push_to_hub("letters")
    assert "README.md" not in hub.files
    model.push_to_hub("letters", metrics=METRICS)
    assert "README.md" in hub.files


def test_pushing_to_a_branch_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(monkeypatch)
    build(SpectransForMaskedLM).push_to_hub("letters", revision="second")
    assert hub.asked["branch"] == ("me/letters", "second", True)
    assert hub.asked["revision"] == "second"


def test_saving_does_not_push_on_the_way(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="push_to_hub must be called as a method"):
        build(SpectransForMaskedLM).save_pretrained(tmp_path, push_to_hub=True)


# -- code for Auto classes that do not know us -------------------------------------------------

LOAD = """
import sys, {first}
from transformers import AutoModelForSequenceClassification
import torch
model = AutoModelForSequenceClassification.from_pretrained({folder!r}, trust_remote_code=True)
print(type(model).__module__, model(torch.arange(6).view(2, 3)).logits.tolist())
"""


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PATH": ""},
    )


@pytest.mark.usefixtures("exported")
def test_an_exported_folder_loads_without_importing_us(tmp_path: Path) -> None:
    model = build(SpectransForSequenceClassification)
    folder = saved(model, tmp_path / "model")
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "model.safetensors", "README.md", "config.py", "models.py"}
    assert json.loads((folder / "config.json").read_text())["auto_map"] == {
        "AutoConfig": "config.SpectransConfig",
        "AutoModelForSequenceClassification": "models.SpectransForSequenceClassification",
    }
    done = run(LOAD.format(first="os", folder=str(folder)), tmp_path)
    assert done.returncode == 0, done.stderr
    module, _, logits = done.stdout.strip().rpartition("\n")[2].partition(" ")
    assert module == "spectrans.hf.models"
    expected = model(torch.arange(6).view(2, 3)).logits
    torch.testing.assert_close(torch.tensor(json.loads(logits)), expected)


def test_the_code_in_a_folder_gives_every_class() -> None:
    scope: dict[str, Any] = {}
    exec(CODE, scope)
    assert scope["SpectransConfig"] is SpectransConfig
    assert all(scope[cls.__name__] is cls for cls in TASKS)


@pytest.mark.usefixtures("exported")
def test_where_we_are_not_installed_one_sentence_says_so(tmp_path: Path) -> None:
    folder = saved(build(SpectransForSequenceClassification), tmp_path / "model")
    program = LOAD.format(first="os; sys.modules['spectrans'] = None", folder=str(folder))
    done = run(program, tmp_path)
    assert done.returncode != 0
    assert (
        done.stderr.strip()
        .rpartition("\n")[2]
        .startswith(
            "ImportError: this model needs the package spectrans-hybrid with its extra hf (the package"
        )
    )
    assert "pip install spectrans" not in done.stderr


@pytest.mark.usefixtures("exported")
def test_an_exported_config_is_the_same_config(tmp_path: Path) -> None:
    folder = saved(build(SpectransForSequenceClassification), tmp_path)
    again = SpectransForSequenceClassification.from_pretrained(folder)
    assert again(**batch(SpectransForSequenceClassification)).logits.isfinite().all()


def test_nothing_is_exported_unless_asked(tmp_path: Path) -> None:
    folder = saved(build(SpectransForSequenceClassification), tmp_path)
    assert "auto_map" not in json.loads((folder / "config.json").read_text())
