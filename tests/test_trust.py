"""The page of faults: complete, true to the tests, and made by its command."""

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from benchmarks import load, trust
from benchmarks.machine import uncommitted
from benchmarks.trust import PAGE, STORED, card, counted, keep, matching, named, of, page, rows
from tests.made_runs import made_run

ROOT = Path(__file__).parents[1]
IDS = (
    *(f"K{n}" for n in range(1, 7)), *(f"N{n}" for n in range(1, 7)), "H1", "H2", "D1",
    *(f"S{n}" for n in range(1, 7)), "F1", "F2", "L1", "L2",
)  # fmt: skip


def defined(path: Path) -> set[str]:
    """The tests of a file, also those that are made of a function and its settings."""
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def test_every_row_is_there_once_and_has_tests() -> None:
    assert sorted(row["id"] for row in rows()) == sorted(IDS)
    assert all(row["tests"] for row in rows())


@pytest.mark.parametrize("test", named())
def test_a_test_that_the_table_names_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert not name or (name.startswith("test_") and name in defined(ROOT / file))
    assert (ROOT / file).exists()


def test_every_test_of_faults_and_of_spoilt_files_has_a_row() -> None:
    here = {
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for folder in ("faults", "fuzz")
        for path in (ROOT / "tests" / folder).glob("test_*.py")
        for name in defined(path)
        if name.startswith("test_")
    }
    assert sorted(here - set(named())) == []


def test_every_row_was_tried_and_nothing_did_harm() -> None:
    stored = json.loads(STORED.read_text("utf-8"))["tests"]
    tried = {row["id"]: of(row["tests"], stored) for row in rows()}
    assert [name for name, counts in tried.items() if not counts] == []
    assert [name for name, count in stored.items() if count["tried"] != count["held"]] == []


def test_every_count_is_of_code_that_was_committed() -> None:
    stored = json.loads(STORED.read_text("utf-8"))["tests"]
    load = json.loads(trust.LOAD.read_text("utf-8"))
    assert {"commit", "day", "tried", "held"} <= set.intersection(*map(set, stored.values()))
    commits = {count["commit"] for count in stored.values()} | {load["commit"]}
    assert [commit for commit in commits if not re.fullmatch("[0-9a-f]{12}", commit)] == []


def test_the_page_is_what_the_command_writes() -> None:
    stored = json.loads(STORED.read_text("utf-8"))
    assert PAGE.read_text("utf-8") == page(stored["tests"], stored["machine"])


def test_faults_are_counted_as_tests_say_or_else_one_a_case(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        """<testsuites><testsuite>
        <testcase classname="tests.a" name="test_b[x]"/>
        <testcase classname="tests.a" name="test_b[y]"><failure/></testcase>
        <testcase classname="tests.a" name="test_b[z]"><skipped/></testcase>
        <testcase classname="tests.a" name="test_c"><properties>
          <property name="tried" value="9"/><property name="held" value="7"/>
          <property name="rows" value="5"/>
        </properties></testcase>
        </testsuite></testsuites>"""
    )
    assert counted([tmp_path / "a.xml"]) == {
        "tests/a.py::test_b": {"tried": 2, "held": 1},
        "tests/a.py::test_c": {"tried": 9, "held": 7, "rows": 5},
    }


def test_a_failure_beside_the_faults_that_a_test_counts_is_harm(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        """<testsuites><testsuite>
        <testcase classname="tests.a" name="test_b"><properties>
          <property name="tried" value="9"/><property name="held" value="9"/>
        </properties><failure/></testcase>
        <testcase classname="tests.a" name="test_c"><properties>
          <property name="tried" value="0"/><property name="held" value="0"/>
        </properties><error/></testcase>
        </testsuite></testsuites>"""
    )
    assert counted([tmp_path / "a.xml"]) == {
        "tests/a.py::test_b": {"tried": 10, "held": 9},
        "tests/a.py::test_c": {"tried": 1, "held": 0},
    }


def test_what_is_silent_stands_in_its_row_and_once_in_the_sum() -> None:
    mine = {row["id"]: row["tests"] for row in rows() if row["id"] in ("K2", "F1")}
    both = len(set(mine["K2"]) & set(mine["F1"]))
    assert both == 1
    counts = {test: {"tried": 1000, "held": 1000} for tests in mine.values() for test in tests}
    counts[mine["F1"][-1]]["held"] = 997
    _, first, second, last = (line.split() for line in card(counts, ["F1", "K2"]).splitlines())
    k2, f1 = len(mine["K2"]), len(mine["F1"])
    assert [first[0], *first[-3:]] == ["K2", f"{k2},000", f"{k2},000", "0"]
    assert [second[0], *second[-3:]] == ["F1", f"{f1},000", f"{f1 - 1},997", "3"]
    total = k2 + f1 - both
    assert [last[0], *last[-3:]] == ["all", f"{total},000", f"{total - 1},997", "3"]


@pytest.mark.slow
def test_the_short_form_runs_tests_and_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = STORED.read_bytes(), PAGE.read_bytes()
    assert trust.main(["--short", "--only", "test_classes_of_very_many_digits_are_names"]) == 0
    (*_, row, total) = capfd.readouterr().out.splitlines()
    assert (row.split()[0], row.split()[-3:]) == ("D1", ["1", "1", "0"])
    assert total.split() == ["all", "1", "1", "0"]
    assert (STORED.read_bytes(), PAGE.read_bytes()) == before


def test_tests_are_asked_for_by_row_and_by_name() -> None:
    assert matching([]) == named()
    (row,) = [row for row in rows() if row["id"] == "K4"]
    assert matching(["K4"]) == [test for test in named() if test in row["tests"]]
    assert matching(["serving/test_load", "K4"])[-1].startswith("tests/serving/test_load.py::")
    assert matching(["no such test"]) == []


def test_counts_are_replaced_test_by_test_and_say_of_when_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = named()[:3]
    old = {"tried": 3, "held": 3, "commit": "abc", "day": "2020-02-20"}
    stored = {
        "machine": {},
        "tests": {one: old, two: old, three: old, "tests/gone.py::test_x": old},
    }
    (tmp_path / "trust.json").write_text(json.dumps(stored))
    monkeypatch.setattr(trust, "STORED", tmp_path / "trust.json")
    monkeypatch.setattr(trust, "commit", lambda: "def")
    file, _, name = one.partition("::")
    where = file.removesuffix(".py").replace("/", ".")
    (tmp_path / "a.xml").write_text(
        f"""<testsuites><testsuite><testcase classname="{where}" name="{name}[a]"/>
        <testcase classname="tests.other" name="test_y"/></testsuite></testsuites>"""
    )
    keep([tmp_path / "a.xml"], [one, two])
    found = json.loads((tmp_path / "trust.json").read_text("utf-8"))["tests"]
    day = found[one].pop("day")
    # Of what was run again and gave no count, as a test that is skipped, there is none.
    assert found == {one: {"tried": 1, "held": 1, "commit": "def"}, three: old}
    assert day > "2026"


def test_counts_are_kept_of_what_is_committed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "trust.json").write_text("{}")
    monkeypatch.setattr(trust, "STORED", tmp_path / "trust.json")
    monkeypatch.setattr(trust, "ROOT", tmp_path)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a", "-C", str(tmp_path)]
    for folder in ("src", "tests", "benchmarks", "docs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").touch()
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], check=True)
    (tmp_path / "docs" / "a.py").write_text("changed")
    assert uncommitted(tmp_path) == []
    (tmp_path / "tests" / "test_new.py").touch()
    (tmp_path / "benchmarks" / "a.py").write_text("changed")
    for asked in (["--run"], ["--read", "a.xml"]):
        with pytest.raises(SystemExit, match="2"):
            trust.main(asked)
        told = capsys.readouterr().err
        assert "src, tests and benchmarks must be committed before counts are kept" in told
        assert "benchmarks/a.py, tests/test_new.py are not" in told
    assert (tmp_path / "trust.json").read_text() == "{}"


def test_figures_of_load_say_of_what_and_where_they_are(tmp_path: Path) -> None:
    record = made_run("digits12").record.model_dump(mode="json")
    (tmp_path / "run.json").write_text(json.dumps(record))
    told = load.model(tmp_path)
    assert (told["plan"], told["data"]) == (record["spec"]["plan"], "digits12")
    seen = json.loads(trust.LOAD.read_text("utf-8")) | {
        "model": told, "commit": "abc", "machine": {"cores": 3},
    }  # fmt: skip
    shown = trust._load(seen)
    assert f"(`{told['plan']}`) at commit abc on 3 cores busy for" in shown


def test_harm_ends_the_command_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = json.loads(STORED.read_text("utf-8"))
    stored["tests"][named()[0]]["held"] -= 1
    (tmp_path / "trust.json").write_text(json.dumps(stored))
    monkeypatch.setattr(trust, "STORED", tmp_path / "trust.json")
    monkeypatch.setattr(trust, "PAGE", tmp_path / "trust.md")
    assert trust.main([]) == 1
    assert "| K1 |" in (tmp_path / "trust.md").read_text("utf-8")
