"""Time the library against its peers: python -m benchmarks.run [--filter RE] [--full].

With --base REF the library is timed against itself at another commit instead; the exit code is 1
when a case got slower by more than 15 % and by more than the control.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from benchmarks.case import Case
from benchmarks.cases import CASES
from benchmarks.clock import Spread, slower
from benchmarks.machine import commit, cores, machine, versions
from benchmarks.measure import compare, measure
from benchmarks.process import ROOT, BrokenError, Process, RefusedError
from benchmarks.results import Results, Row
from benchmarks.table import comparison_table, header, results_table, verdict

# Results of a run that stored some must not be mixed with those of another machine.
_OTHER = "{path} holds results of another machine or of other versions; give --json another file"


def parse(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--filter", default="", metavar="RE", help="cases whose name matches")
    parser.add_argument("--full", action="store_true", help="all cases, longer, with memory")
    parser.add_argument("--base", metavar="REF", help="time against the library at a commit")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store or update results")
    parser.add_argument("--missing", action="store_true", help="only what --json FILE lacks")
    parser.add_argument("--threads", default="1,all", help="such as 1 or 1,all (default: 1,all)")
    parser.add_argument("--seconds", type=float, help="per case and thread count (1.5; full: 6)")
    parser.add_argument("--malloc", choices=("kept", "default"), default="kept")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    return parser.parse_args(words)


def chosen(pattern: str, full: bool) -> list[Case]:
    """Give the cases that match; a pattern alone reaches cases outside the short set."""
    search = re.compile(pattern).search
    return [c for c in CASES.values() if search(c.name) and (c.short or full or pattern)]


def thread_counts(words: str) -> list[int]:
    """Read "1,all"."""
    return list(dict.fromkeys(cores() if w == "all" else int(w) for w in words.split(",")))


def main(words: list[str] | None = None) -> int:
    """Run the command; give the exit code."""
    options = parse(words)
    cases, console = chosen(options.filter, options.full), _console()
    if options.list:
        for case in cases:
            console.print(f"{case.name}  [dim]{case.against}[/dim]", highlight=False)
        return 0
    if not cases:
        console.print(f"no case matches {options.filter!r}; --list --full lists them")
        return 2
    console.print(header(machine(), versions(), commit(), options.malloc), highlight=False)
    if options.base:
        return against_base(cases, options, console)
    return against_peers(cases, options, console)


def _console() -> Console:
    """Give the terminal, or a wide page where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=150)


def against_peers(cases: list[Case], options: argparse.Namespace, console: Console) -> int:
    """Measure, show and store; 1 when a case was refused or broke."""
    results = Results(machine(), versions())
    if options.json and options.json.exists():
        stored = Results.read(options.json)
        if (stored.machine, stored.versions) != (results.machine, results.versions):
            console.print(_OTHER.format(path=options.json), style="red")
            return 2
        results = stored
    with (
        Process(options.malloc, imports=_shared()) as worker,
        Process("returned", imports=_shared()) as frugal,
    ):
        return _measure_all(cases, options, console, results, worker, frugal)


def _measure_all(
    cases: list[Case],
    options: argparse.Namespace,
    console: Console,
    results: Results,
    worker: Process,
    frugal: Process,
) -> int:
    rows: list[Row] = []
    failures = 0
    for number, case in enumerate(cases, 1):
        counts = [n for n in thread_counts(options.threads) if n == 1 or not case.one_thread]
        if options.missing:
            counts = [n for n in counts if not results.has(case.name, n, options.malloc)]
        if not counts:
            continue
        console.print(f"[dim]{number}/{len(cases)}[/dim] {case.name}", highlight=False)
        try:
            for row in measure(
                case,
                counts,
                worker,
                seconds=options.seconds or (6 if options.full else 1.5),
                commit=commit(),
                device=options.device,
                frugal=frugal if options.full or case.memory_target is not None else None,
            ):
                rows.append(row)
                console.print(f"  {row.threads} threads: {verdict(row)}", highlight=False)
                results.add(row)
                if options.json:
                    results.write(options.json)
        except (RefusedError, BrokenError) as failure:
            failures += 1
            kind = "not timed, results differ" if isinstance(failure, RefusedError) else "failed"
            console.print(f"  {kind}: {failure}", style="red", markup=False)
    console.print(results_table(rows))
    return int(failures > 0)


def against_base(cases: list[Case], options: argparse.Namespace, console: Console) -> int:
    """Compare with a commit and show; 1 when a case got slower."""
    found: list[tuple[Case, int, Spread, Spread]] = []
    with checkout(options.base) as base, ExitStack() as stack:
        libraries = {"base": base / "src", "head": None, "again": None}
        workers = {
            name: stack.enter_context(Process(options.malloc, library, _shared()))
            for name, library in libraries.items()
        }
        for number, case in enumerate(cases, 1):
            console.print(f"[dim]{number}/{len(cases)}[/dim] {case.name}", highlight=False)
            for count in thread_counts(options.threads):
                try:
                    seconds = options.seconds or 4
                    ratio, control = compare(case, workers, count, seconds=seconds)
                except BrokenError as broken:
                    console.print(f"  not compared: {broken}", style="yellow", markup=False)
                    break
                found.append((case, count, ratio, control))
    console.print(comparison_table(found, options.base))
    return int(any(slower(ratio, control) for _, _, ratio, control in found))


def _shared() -> tuple[str, ...]:
    """Give the modules that are imported once for all cases."""
    hugging_face = ("benchmarks.peers.hf",) if find_spec("transformers") else ()
    return ("benchmarks.cases", *hugging_face)


@contextmanager
def checkout(ref: str) -> Iterator[Path]:
    """Check a commit out into a temporary folder."""
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "base"
        subprocess.run([*git, "add", "--quiet", "--detach", str(place), ref], check=True)
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


if __name__ == "__main__":
    sys.exit(main())
