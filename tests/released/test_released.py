"""What every released version saved is read, and gives what it gave."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from spectrans import from_pretrained
from spectrans.training import checkpoint, load_run, train
from spectrans.training.begun import read_begun
from tests.released.write import (
    BEGUN,
    EXPECTED,
    FINISHED,
    HOME,
    MODEL,
    SPEC,
    model_answers,
    run_answers,
)

every_release = pytest.mark.parametrize(
    "release", sorted(HOME.glob("[0-9]*")), ids=lambda path: path.name
)


def expected(release: Path) -> Any:
    return json.loads((release / EXPECTED).read_text())


def near(found: Any, wanted: Any, bound: float) -> None:
    """Fail where numbers of two values of one form are further apart than a bound."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        near([found[name] for name in wanted], list(wanted.values()), bound)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            near(one, other, bound)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=bound, abs=bound)
    else:
        assert found == wanted


@every_release
def test_a_model_of_every_release_gives_the_answers_that_it_gave(
    release: Path, tmp_path: Path
) -> None:
    model = from_pretrained(release / MODEL)
    near(model_answers(model), expected(release)["model"], 1e-6)
    model.save_pretrained(tmp_path)
    name = "model.safetensors"
    assert (tmp_path / name).read_bytes() == (release / MODEL / name).read_bytes()


@every_release
def test_a_run_of_every_release_gives_the_answers_and_figures_that_it_gave(release: Path) -> None:
    run = load_run(release / FINISHED)
    wanted = expected(release)
    near(run_answers(run), wanted["answers"], 1e-6)
    assert list(run.history) == wanted["history"]
    assert run.record.metrics.test == wanted["test"]
    assert run.record.spec == SPEC


@every_release
def test_a_run_that_was_stopped_in_any_release_goes_on_with_the_losses_that_it_had(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(release, tmp_path / "release"))
    monkeypatch.chdir(folder)
    found = checkpoint.survey(folder / BEGUN)
    assert (found.step, found.faults) == (8, ())
    reports: list[int] = []
    run = train(read_begun(folder / BEGUN).spec, None, lambda r: reports.append(r.step), BEGUN)
    assert reports == [9, 10, 11, 12]
    # Another processor rounds otherwise, and steps add up what it does.
    near(list(run.history), expected(release)["history"], 1e-4)
    near(run_answers(run), expected(release)["answers"], 1e-4)
