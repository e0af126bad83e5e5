"""The way of a user through the commands, each in a process of its own."""

import json
import re
import signal
from pathlib import Path

import pytest

from spectrans.report import load_results
from tests.cli.command import Answer, spectrans, stopped_at, write_table

SMALL = ("--layers", "1", "--hidden-dim", "8", "--heads", "2", "--batch-size", "8")
RUNS = 5
COMPARE = (
    "compare", "--data", "colours.csv", "--plan", "attention", "--seeds", str(RUNS), "--jobs", "1",
    "--epochs", "10", "--lengths", "20", *SMALL,
)  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    write_table(folder / "colours.csv")
    return folder


@pytest.fixture(scope="module")
def interrupted(here: Path) -> Answer:
    """A comparison that got Ctrl-C after the first of its runs; a busy machine may do some more."""
    return stopped_at(COMPARE, here, f"[1/{RUNS}]", signal.SIGINT)


@pytest.fixture(scope="module")
def compared(here: Path, interrupted: Answer) -> Answer:
    """The same command again."""
    return spectrans(*COMPARE, "--json", folder=here)


@pytest.fixture(scope="module")
def kept(interrupted: Answer) -> int:
    """How many runs were done before the interruption."""
    return len(re.findall(rf"^ *\[\d+/{RUNS}\]", interrupted.err, re.M))


def test_ctrl_c_says_what_is_kept_and_ends_with_130(interrupted: Answer, kept: int) -> None:
    assert 1 <= kept < RUNS
    assert interrupted.err.splitlines()[-1] == (
        f"spectrans: interrupted: {kept} of {RUNS} runs are kept in runs/colours-001; "
        "the same command goes on from there"
    )
    assert (interrupted.code, interrupted.out) == (130, "")
    assert "Traceback" not in interrupted.err


def test_the_same_command_goes_on_where_it_stopped(here: Path, compared: Answer, kept: int) -> None:
    assert compared.code == 0
    assert f"{kept} of {RUNS} runs were finished before" in compared.err
    assert f"[{kept}/{RUNS}]" not in compared.err
    assert f"[{kept + 1}/{RUNS}] attention  seed {kept}" in compared.err
    assert [path.name for path in (here / "runs").iterdir()] == ["colours-001"]


def test_standard_output_is_the_result_and_nothing_else(here: Path, compared: Answer) -> None:
    folder = here / "runs" / "colours-001"
    assert json.loads(compared.out) == json.loads((folder / "results.json").read_text())
    assert [row.plan for row in load_results(folder).plans] == ["attention"]
    assert load_results(folder).failed == 0
    assert (folder / "accuracy-vs-speed.png").stat().st_size > 10_000
    assert "| attention |" in (folder / "results.md").read_text()


def test_a_comparison_and_its_runs_have_reports(here: Path, compared: Answer) -> None:
    folder = here / "runs" / "colours-001"
    page = (folder / "report.html").read_text("utf-8")
    assert "Which plan to take" in page
    (folder / "report.html").unlink()
    answer = spectrans("report", "runs/colours-001", folder=here)
    assert (answer.code, answer.out) == (0, "runs/colours-001/report.html\n")
    assert (folder / "report.html").read_text("utf-8") == page
    (run,) = (folder / "runs").glob("*-seed0")
    answer = spectrans("report", run, "--json", folder=here)
    assert json.loads(answer.out)["report"] == str(run / "report.html")
    assert "Learning curve" in (run / "report.html").read_text("utf-8")


def test_sensitivity_says_which_layer_matters(here: Path, compared: Answer) -> None:
    answer = spectrans("sensitivity", "runs/colours-001", folder=here)
    assert answer.code == 0
    assert "needed most: layer 0, attention" in answer.out
    (found,) = (here / "runs" / "colours-001" / "runs").glob("*/sensitivity.json")
    assert (found.parent / "figures" / "sensitivity.png").stat().st_size > 5_000
    page = found.parent / "report.html"
    assert "Needed most: layer 0, attention." in page.read_text("utf-8")
    assert f"read  {page.relative_to(here)}" in answer.err
    refused = spectrans("sensitivity", "nowhere", folder=here)
    assert (refused.code, refused.err) == (
        2,
        "spectrans: the folder of a run must exist, got 'nowhere'\n",
    )


def test_a_comparison_classifies_with_its_best_run(here: Path, compared: Answer) -> None:
    run = ("predict", "runs/colours-001", "abcxyz blue", "--file", "-")
    answer = spectrans(*run, folder=here, stdin="zyxcba red\n\naabbcc green\n")
    rows = [line.split() for line in answer.out.splitlines()]
    assert [row[0] for row in rows] == ["blue", "red", "green"]
    assert [len(row) for row in rows] == [6, 6, 6]
    first, last = answer.err.splitlines()
    assert first.startswith("of the runs in runs/colours-001, the best on validation: ")
    assert re.fullmatch(r"3 rows, [\d,]+ rows/s", last)
    assert answer.code == 0


@pytest.fixture(scope="module")
def trained(here: Path, compared: Answer) -> Answer:
    return spectrans(
        "train", "--data", "colours.csv", "--plan", "lst", "--steps", "20", *SMALL, folder=here
    )


def test_train_says_what_it_does_and_prints_what_came_out(trained: Answer) -> None:
    assert trained.code == 0
    assert "60 texts in 3 classes" in trained.err
    assert re.search(r"step 20/20  loss \d\.\d\d  validation [\d.]+ %  [\d,k]+ tok/s", trained.err)
    assert re.search(
        r"^test +accuracy [\d.]+ % \(majority class 33\.3 %, linear", trained.out, re.M
    )
    assert "saved in  runs/colours-002" in trained.out


def test_predict_reads_arguments_files_and_the_test_split(here: Path, trained: Answer) -> None:
    run = ("predict", "runs/colours-002", "--json", "--top", "2", "--quiet")
    (here / "texts").write_text("abc red\n\nxyz blue\n")
    answer = spectrans(*run, "zzz green", "--file", "texts", "--example", "0", folder=here)
    found = [json.loads(line) for line in answer.out.splitlines()]
    keys = {"label", "probability", "top"}
    assert [set(row) - {"truth"} for row in found] == [keys, keys, keys | {"row"}, keys | {"row"}]
    assert found[1]["truth"] in {"red", "green", "blue"}
    assert [row["row"] for row in found[2:]] == [1, 3]
    assert all(len(row["top"]) == 2 for row in found)
    assert (answer.code, answer.err) == (0, "")


def test_a_run_that_fails_ends_with_1_and_its_reason_and_quiet_says_no_more(here: Path) -> None:
    answer = spectrans(
        "train", "-d", "colours.csv", "-p", "lst", "--lr", "1e30", "--steps", "9", *SMALL, "-q",
        folder=here,
    )  # fmt: skip
    assert re.fullmatch(
        r"spectrans: the loss was (nan|inf) at step \d, first behind [a-z0-9.]+: "
        r"lower the learning rate of 1e\+30\n",
        answer.err,
    )
    assert (answer.code, answer.out) == (1, "")
