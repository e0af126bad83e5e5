"""`spectrans search` as a user runs it: interrupted, killed, gone on with, and at its end."""

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import (
    Answer,
    inside,
    spectrans,
    stopped_at,
    write_table,
)

SMALL = ("--layers", "2", "--hidden-dim", "8", "--heads", "2", "--batch-size", "8")
TRIALS = 4
SEARCH = (
    "search", "--data", "colours.csv", "--trials", str(TRIALS), "--steps", "40", "--seeds", "2",
    "--finalists", "1", "--jobs", "1", "--seconds", "0", *SMALL,
)  # fmt: skip


def begun(here: Path, number: int, signum: int) -> Answer:
    """A search that gets a signal as soon as it has tried some plans."""
    return stopped_at(SEARCH, here, f"[{number}/{TRIALS}]", signum)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    write_table(folder / "colours.csv")
    return folder


@pytest.fixture(scope="module")
def interrupted(here: Path) -> Answer:
    return begun(here, 1, signal.SIGINT)


@pytest.fixture(scope="module")
def killed(here: Path, interrupted: Answer) -> Answer:
    return begun(here, 2, signal.SIGKILL)


@pytest.fixture(scope="module")
def done(here: Path, killed: Answer) -> Answer:
    return spectrans(*SEARCH, "--json", folder=here)


@pytest.fixture(scope="module")
def found(done: Answer) -> dict[str, Any]:
    return json.loads(done.out)


def test_ctrl_c_says_what_is_kept_and_ends_with_130(interrupted: Answer) -> None:
    assert interrupted.err.splitlines()[-1] == (
        "spectrans: interrupted: 1 plan and the steps of those under way are kept in "
        "runs/colours-001; the same command goes on from there"
    )
    assert (interrupted.code, interrupted.out) == (130, "")
    assert "Traceback" not in interrupted.err


@pytest.mark.slow
def test_the_same_command_goes_on_after_a_kill(
    here: Path, killed: Answer, done: Answer, found: dict[str, Any]
) -> None:
    assert killed.code == -signal.SIGKILL
    assert f"1 of {TRIALS} plans were finished before" in killed.err
    # A busy machine may do some more before the signal comes.
    before = re.search(rf"^(\d) of {TRIALS} plans were finished before", done.err, re.M)
    assert before is not None
    assert int(before[1]) >= 2
    assert done.code == 0
    tried = done.err.partition("finalists, chosen on validation")[0]
    printed = [int(number) for number in re.findall(rf"^ *\[(\d)/{TRIALS}\]", tried, re.M)]
    assert printed == list(range(int(before[1]) + 1, TRIALS + 1))
    plans = [one["plan"] for one in found["tried"]]
    assert plans[:2] == ["attention", "fourier"]
    assert len(set(plans)) == TRIALS
    assert [path.name for path in (here / "runs").iterdir()] == ["colours-001"]


@pytest.mark.slow
def test_the_result_has_trials_on_validation_and_finalists_on_test(
    here: Path, found: dict[str, Any]
) -> None:
    folder = here / "runs" / "colours-001"
    kept = json.loads((folder / "search.json").read_text())
    assert {key: found[key] for key in kept} == kept
    assert all(0 <= one["validation"] <= 1 for one in found["tried"])
    assert found["tried"][0]["latency"] == 1
    assert all(len(one["curve"]) == 7 for one in found["tried"] if one["state"] == "done")
    compared = found["results"]
    assert [row["plan"] for row in compared["plans"]] == list(
        dict.fromkeys([*found["finalists"], "attention"])
    )
    assert all(len(row["test"]) == 2 for row in compared["plans"])
    assert compared == json.loads((folder / "finalists" / "results.json").read_text())


@pytest.mark.slow
def test_a_search_has_a_page_and_a_picture(here: Path, done: Answer) -> None:
    folder = here / "runs" / "colours-001"
    page = (folder / "report.html").read_text("utf-8")
    assert "Which plan to take" in page
    assert "Finalists on the test rows" in page
    assert "which the search did not look at" in page
    for name in ("search.png", "search.svg"):
        assert (folder / "figures" / name).stat().st_size > 5_000
    (folder / "report.html").unlink()
    answer = spectrans("report", "runs/colours-001", folder=here)
    assert (answer.code, answer.out) == (0, "runs/colours-001/report.html\n")
    assert (folder / "report.html").read_text("utf-8") == page


@pytest.mark.slow
def test_a_search_answers_with_the_best_of_its_finalists(here: Path, done: Answer) -> None:
    answer = spectrans("predict", "runs/colours-001", "abcxyz blue", folder=here)
    assert answer.code == 0
    assert answer.out.split()[0] in {"red", "green", "blue"}
    assert "of the runs in runs/colours-001, the best on validation: " in answer.err


@pytest.mark.slow
def test_more_trials_can_be_asked_for_in_the_same_folder(here: Path, found: dict[str, Any]) -> None:
    more = (*SEARCH, "--trials", str(TRIALS + 1), "--finalists", "0", "--out", "runs/colours-001")
    answer = spectrans(*more, folder=here)
    assert answer.code == 0
    assert f"{TRIALS} of {TRIALS + 1} plans were finished before" in answer.err
    lines = answer.out.splitlines()
    assert re.search(r"plan +validation accuracy +x attention +parameters +note", lines[0])
    assert sum("Pareto" in line for line in lines[1 : TRIALS + 2]) >= 1
    assert f"{TRIALS + 1} plans tried, of which" in answer.out
    assert "test rows were not looked at" in " ".join(answer.out.split())


@pytest.mark.slow
def test_a_plan_with_options_goes_through_compare(here: Path) -> None:
    answer = spectrans(
        "compare", "-d", "colours.csv", "-p", "wavelet( levels = 1 ),attention(bias=false)",
        "--seeds", "1", "--steps", "4", "--lengths", "none", "--json", "--out", "options", *SMALL,
        folder=here,
    )  # fmt: skip
    assert answer.code == 0
    assert "[1/1] wavelet(levels=1),attention(bias=false)  seed 0" in answer.err
    (row,) = json.loads(answer.out)["plans"]
    assert row["plan"] == "wavelet(levels=1),attention(bias=false)"
    (run,) = (here / "options" / "runs").iterdir()
    assert run.name.startswith("wavelet-levels-1-attention-bias-false-")
    assert "wavelet(levels=1),attention(bias=false)" in (run / "README.md").read_text().replace(
        "\\", ""
    )
    assert (
        "wavelet(levels=1),attention(bias=false)" in (here / "options" / "report.html").read_text()
    )


@pytest.mark.slow
def test_a_search_in_which_nothing_trains_fails_with_the_reason(here: Path) -> None:
    answer = spectrans(
        "search", "-d", "colours.csv", "--lr", "1e30", "--trials", "2", "--steps", "8", "-q",
        "--seconds", "0",
        "--out", "failed", *SMALL, folder=here,
    )  # fmt: skip
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("spectrans: no trial was done, the first because ")
    assert "lower the learning rate" in answer.err


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one that is in use for something else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--mixers", "fuorier"], "mixers 'fuorier': unknown mixer 'fuorier'; did you mean 'fourier'?"),
        (["--mixers", "wavelet(level=2)"], "mixers 'wavelet(level=2)': wavelet: unknown Wavelet option 'level'"),
        (["--mixers", "wavelet(levels=2"], "mixers 'wavelet(levels=2': layer_types must close the parenthesis"),
        (["--mixers", "3xfourier"], "mixers must be mixers without counts, got '3xfourier'"),
        (["--mixers", "afno(num_blocks=3)"], "afno: num_blocks must divide 64 channels, got 3"),
        (["--mixers", "lst"], "mixers and attention must name each mixer once, got 'lst'"),
        (["--attention", "fourier,lst"], "mixers and attention must name each mixer once, got 'fourier'"),
        (["--max-attention", "5"], "max_attention must be at most num_layers=4, got 5"),
        (["--max-attention", "-1"], "max_attention must be greater than or equal to 0, got -1"),
        (["--trials", "0"], "trials must be greater than 0, got 0"),
        (["--minutes", "0"], "minutes must be greater than 0, got 0.0"),
        (["--seeds", "0"], "seeds must be greater than 0, got 0"),
        (["--finalists", "-1"], "finalists must be greater than or equal to 0, got -1"),
        (["--jobs", "0"], "--jobs must be greater than or equal to 1, got '0'"),
        (["--epochs", "1", "--steps", "1"], "steps must be left out when epochs is given, got 1"),
        (["--size", "smal"], "unknown size 'smal'; did you mean 'small'?"),
        (["--data", "digts"], "unknown data set 'digts'; did you mean 'digits'?"),
        (["--out", "full"], "the folder must be empty or hold a search, got 'full'"),
        (["--trails", "3"], "unknown option --trails; did you mean --trials?"),
        (["stray"], "Got unexpected extra argument(s) (stray)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_bad_input_gets_one_sentence_and_exit_code_2(
    arguments: list[str],
    sentence: str,
    empty: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    answer = inside(monkeypatch, capfd, "search", *arguments)
    assert answer.err.startswith(f"spectrans: {sentence}")
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert [path.name for path in empty.iterdir()] == ["full"]


def test_without_optuna_the_install_line_is_named(
    empty: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # What Python itself does for a module that must not be found.
    monkeypatch.setitem(sys.modules, "optuna", None)
    answer = inside(monkeypatch, capfd, "search")
    wanted = 'spectrans: search needs optuna: pip install "spectrans-hybrid[search]"\n'
    assert (answer.code, answer.out, answer.err) == (1, "", wanted)
    assert [path.name for path in empty.iterdir()] == ["full"]
