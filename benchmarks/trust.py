"""Write what was tried against the library into docs/trust.md: python -m benchmarks.trust.

`--run` first runs every test that tests/faults/rows.toml names, the long ones too (an hour on two
cores), and keeps how many faults were tried and did no harm, with the commit and the day;
`--only WORD...` runs those of a row, such as K1, or those with a word in their name, and leaves the
other counts as they are. `--read FILE...` takes counts from files that `pytest --junitxml` wrote.
Both want a checkout in which nothing of these is changed, so that the commit says what was run.

`--short` runs the tests without the long ones, writes nothing, and prints for every row how many
faults were injected, how many were handled, and how many did harm in silence; it fails unless that
is none. `make reliability` calls it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from textwrap import shorten
from typing import Any
from xml.etree import ElementTree

from benchmarks.machine import commit, machine, uncommitted
from benchmarks.process import ROOT
from spectrans.errors import some

ROWS = ROOT / "tests" / "faults" / "rows.toml"
STORED = ROOT / "benchmarks" / "results" / "trust.json"
LOAD = ROOT / "benchmarks" / "results" / "load.json"
PAGE = ROOT / "docs" / "trust.md"
HEAD = """# What was tried against it

Each row is a fault that tests inject, and what must hold then. *Tried* counts the cases of a test,
or what it counts itself, such as kills and flipped bits; *held* those that did no harm.
`python -m benchmarks.trust` writes this page; `make reliability` injects all but the long forms and
prints how many faults were injected, handled and silent. `SECURITY.md` says how to report what is
missing.
"""
TABLE = "| | fault | what holds | tried | held |\n|---|---|---|---:|---:|"

# Columns that a fault has in a terminal.
_WIDTH = 64

Count = dict[str, Any]


def rows() -> list[dict[str, Any]]:
    """Give the rows of the table."""
    found: list[dict[str, Any]] = tomllib.loads(ROWS.read_text(encoding="utf-8"))["rows"]
    return found


def named() -> list[str]:
    """Give every test that a row names, once."""
    return list(dict.fromkeys(test for row in rows() for test in row["tests"]))


def matching(words: list[str]) -> list[str]:
    """Give the tests of the rows, or with the names, that are asked for; all where none are."""
    ids = {test: [row["id"] for row in rows() if test in row["tests"]] for test in named()}
    return [
        test
        for test, mine in ids.items()
        if not words or any(word in mine or word in test for word in words)
    ]


def counted(files: Iterable[Path]) -> dict[str, Count]:
    """Count faults by test, from what pytest wrote."""
    cases: dict[tuple[str, str], Count] = {}
    for file in files:
        for case in ElementTree.parse(file).iter("testcase"):
            if case.find("skipped") is not None:
                continue
            path = case.get("classname", "").replace(".", "/") + ".py"
            name, _, setting = case.get("name", "").partition("[")
            harmed = case.find("failure") is not None or case.find("error") is not None
            said = {p.get("name", ""): int(p.get("value", 0)) for p in case.iter("property")}
            once = {"tried": 1, "held": int(not harmed)} | said
            if harmed and once["held"] == once["tried"]:
                # What failed before or after the faults that it counts is harm as well.
                once["tried"] += 1
            # A case that was run again counts as the last time.
            cases[f"{path}::{name}", setting] = once
    found: dict[str, Count] = {}
    for (test, _), once in cases.items():
        count = found.setdefault(test, {"tried": 0, "held": 0})
        for key, value in once.items():
            count[key] = count.get(key, 0) + value if key in ("tried", "held") else value
    return found


def of(tests: Iterable[str], counts: dict[str, Count]) -> dict[str, Count]:
    """Give the counts of tests, and of all tests of a file where it stands for them."""
    return {
        name: count
        for test in tests
        for name, count in counts.items()
        if name == test or name.startswith(f"{test}::")
    }


def summed(counts: dict[str, Count]) -> tuple[int, int]:
    """Give the faults that were tried, and those that did no harm."""
    found = counts.values()
    return sum(count["tried"] for count in found), sum(count["held"] for count in found)


def page(counts: dict[str, Count], where: dict[str, Any]) -> str:
    """Give the page."""
    table = rows()
    lines = [HEAD]
    tried, held = summed(counts)
    lines.append(
        f"In all, {tried:,} faults were tried and {held:,} did no harm, {_when(counts)}, on "
        f"{where['cores']} cores of {where['processor'].partition(' (')[0]} with Python "
        f"{where['python']}. `benchmarks/results/trust.json` has the commit of each test.\n"
    )
    for part in dict.fromkeys(row["part"] for row in table):
        lines += [
            f"## {part}\n",
            "| | fault | what holds | tried | held |",
            "|---|---|---|---:|---:|",
        ]
        mine = [row for row in table if row["part"] == part]
        for row in mine:
            tried, held = summed(of(row["tests"], counts))
            lines.append(
                f"| {row['id']} | {row['fault']} | {row['holds']} | {tried:,} | {held:,} |"
            )
        lines.append("")
        lines += [f"{row['id']}: {row['limit']}\n" for row in mine if "limit" in row]
        if part == "Around it" and LOAD.exists():
            lines.append(_load(json.loads(LOAD.read_text(encoding="utf-8"))))
        lines += [_tests(mine, counts), ""]
    return "\n".join(lines)


def _when(counts: dict[str, Count]) -> str:
    """Say of when the counts are."""
    days = sorted({count["day"] for count in counts.values()})
    return f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"


def _load(seen: dict[str, Any]) -> str:
    """Say what a server did that was kept busy."""
    memory, statuses = seen["memory"], seen["statuses"]
    ended = ", ".join(f"{count:,} with {status}" for status, count in sorted(statuses.items()))
    quarter = len(memory) // 4
    late = memory[-quarter:]
    where = ""
    if "commit" in seen:
        model = seen["model"]
        where = (
            f" with a model of {model['parameters']:,} parameters (`{model['plan']}`) at commit "
            f"{seen['commit']} on {seen['machine']['cores']} cores"
        )
    span = " to ".join(dict.fromkeys(f"{mib:.0f}" for mib in (min(late), max(late))))
    return (
        f"L1: `python -m benchmarks.load RUN` kept a server{where} busy for {seen['seconds']:g} s "
        f"from {seen['clients']} connections: requests ended {ended}; 99 of 100 answers came "
        f"within {seen['slow'] / 1e3:.1f} s. Memory was {memory[0]:.0f} MiB at first, "
        f"{max(memory):.0f} at most, and {span} in the last quarter; SIGTERM ended it with exit "
        f"code {seen['code']}.\n"
    )


def _tests(table: list[dict[str, Any]], counts: dict[str, Count]) -> str:
    """Give the tests of some rows, file by file: in a list, as names are too long for a table."""
    lines = []
    for row in table:
        by_file: dict[str, list[str]] = {}
        for test in row["tests"]:
            file, _, name = test.partition("::")
            told = f"`{name}`" if name else "all"
            left = "" if of([test], counts) else " (not in these figures)"
            by_file.setdefault(file, []).append(told + left)
        lines += [f"- {row['id']}, `{file}`: {', '.join(names)}" for file, names in by_file.items()]
    return "\n".join(lines)


def run(tests: list[str], *options: str) -> tuple[Path, int]:
    """Run tests, and give what pytest wrote, and its exit code."""
    file = Path(tempfile.mkdtemp()) / "trust.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={file}"]
    done = subprocess.run([*command, *options, *tests], cwd=ROOT, check=False)
    return file, done.returncode


def card(counts: dict[str, Count], ids: list[str]) -> str:
    """Give the table of what was injected, handled and silent, row by row.

    Parameters
    ----------
    counts
        By test.
    ids
        Of the rows to show.

    Returns
    -------
    str
        For a terminal. The last line sums up; a test that stands in several rows counts once there.
    """
    shown = [row for row in rows() if row["id"] in ids]
    lines = [f"{'':4}{'fault':{_WIDTH}}  injected  handled  silent"]
    found: dict[str, Count] = {}
    for row in shown:
        mine = of(row["tests"], counts)
        found |= mine
        lines.append(_line(row["id"], row["fault"].replace("`", ""), mine))
    return "\n".join([*lines, _line("", "all", found)])


def _line(name: str, fault: str, counts: dict[str, Count]) -> str:
    tried, held = summed(counts)
    told = shorten(fault, _WIDTH, placeholder=" ...")
    return f"{name:4}{told:{_WIDTH}}  {tried:8,}  {held:7,}  {tried - held:6,}"


def short(words: list[str], jobs: int) -> int:
    """Run tests without the long ones, and print the table.

    Parameters
    ----------
    words
        As of `matching`.
    jobs
        Processes that run tests.

    Returns
    -------
    int
        1 where a fault did harm, or a test could not be run.
    """
    tests = matching(words)
    file, code = run(tests, "-m", "not slow and not gpu", "-n", str(jobs))
    counts = counted([file])
    print(f"\n{card(counts, [row['id'] for row in rows() if set(tests) & set(row['tests'])])}")
    tried, held = summed(counts)
    return 1 if tried != held or code else 0


def keep(files: list[Path], again: list[str]) -> None:
    """Keep the counts of some files, beside those of other tests.

    Parameters
    ----------
    files
        What pytest wrote.
    again
        Tests that were run again: what was counted of them before counts no more.
    """
    stored = json.loads(STORED.read_text(encoding="utf-8"))["tests"]
    here = {"commit": commit(), "day": time.strftime("%Y-%m-%d", time.gmtime())}
    new = {name: {**count, **here} for name, count in counted(files).items()}
    old = {
        name: count
        for name, count in stored.items()
        if not any(name == test or name.startswith(f"{test}::") for test in again)
    }
    known = set(named())
    tests = {
        name: count
        for name, count in sorted((old | new).items())
        if known & {name, name.partition("::")[0]}
    }
    told = json.dumps({"machine": machine(), "tests": tests}, indent=1)
    STORED.write_text(told + "\n", encoding="utf-8")


def main(words: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument("--run", action="store_true")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD")
    parser.add_argument("--read", nargs="+", type=Path, default=[])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    asked = parser.parse_args(words)
    tests = matching(asked.only)
    if not tests:
        parser.error(f"--only must match a row or a test, got {' '.join(asked.only)}")
    if asked.short:
        return short(asked.only, asked.jobs)
    if (asked.run or asked.read) and (changed := uncommitted(ROOT)):
        rule = "be committed before counts are kept"
        parser.error(f"src, tests and benchmarks must {rule}, {some(changed)} not")
    if asked.run:
        keep([run(tests)[0]], tests)
    elif asked.read:
        keep(asked.read, [])
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    PAGE.write_text(page(stored["tests"], stored["machine"]), encoding="utf-8")
    harmed = [name for name, count in stored["tests"].items() if count["tried"] != count["held"]]
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
