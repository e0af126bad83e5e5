"""Write the stored results into the documents: python -m benchmarks.pages FILE.

A table stands between `<!-- NAME -->` and `<!-- end -->`, and its numbers have their one home in
benchmarks/results.
"""

import argparse
import re
import sys
from itertools import compress
from pathlib import Path
from statistics import median

from benchmarks.cases import CASES
from benchmarks.cases.crossover import FAMILY, LENGTHS
from benchmarks.clock import Spread
from benchmarks.figure import draw
from benchmarks.process import ROOT
from benchmarks.results import Results, Row

STORED = ROOT / "benchmarks" / "results" / "epyc-2-cores.json"
DOCS = ROOT / "docs"
PAGES = (
    DOCS / "performance.md",
    DOCS / "choose-a-mixer.md",
    DOCS / "padding.md",
    ROOT / "README.md",
)
FIGURE = DOCS / "images" / "crossover.png"

# Row lengths by which to choose a mixer, and how the names of cases with padding begin.
CHOSEN = (128, 512, 2048, 8192)
PADDED = ("padded", "64 distinct")
# What the README shows of it.
FEW = (
    "fourier forward n=512",
    "fourier forward+backward n=4096",
    "gfnet forward+backward n=4096",
    "afno forward n=1024",
    "dwt round trip n=512 d=768",
    "hadamard n=1024",
    "attention forward n=4096",
    "random features n=4096",
    "fnet 12 layers n=512",
    "fnet 12 layers n=512 bf16 / BERT bf16",
    "hybrid 2 of 12 n=4096",
    "hybrid 2 of 12 training step n=4096",
)


def tables(results: Results) -> dict[str, str]:
    """Give every table by the name that its place in a page has."""
    kept = [row for row in results.rows if row.malloc == "kept" and row.family != FAMILY]
    few = [row for row in kept if row.case in FEW]
    default = [row for row in results.rows if row.malloc == "default"]
    return {
        "machine": _machine(results),
        "results": _results(kept),
        "controls": _controls(kept),
        "few results": _few(few),
        "default malloc": _default(default, kept),
        "padding": _few([row for row in kept if row.case.startswith(PADDED)]),
        "crossover few": _crossover(results.rows, "forward", CHOSEN),
        "crossover forward": _crossover(results.rows, "forward"),
        "crossover forward+backward": _crossover(results.rows, "forward+backward"),
    }


def filled(page: str, found: dict[str, str]) -> str:
    """Give a page with its tables made anew."""

    def anew(place: re.Match[str]) -> str:
        return f"<!-- {place[1]} -->\n{found[place[1]]}\n<!-- end -->"

    names = "|".join(re.escape(name) for name in found)
    return re.sub(f"<!-- ({names}) -->\n.*?<!-- end -->", anew, page, flags=re.DOTALL)


def main(words: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=STORED)
    results = Results.read(parser.parse_args(words).file)
    found = tables(results)
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8"), found), encoding="utf-8")
    draw([row for row in results.rows if row.family == FAMILY], FIGURE)
    return 0


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    """Give a table without the columns that have nothing in them."""
    used = [any(cells) for cells in zip(*lines, strict=True)] or [True] * len(head)
    head, *lines = [list(compress(cells, used)) for cells in (head, *lines)]
    ruler = ["---" if name in ("work", "against", "mixer") else "---:" for name in head]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *lines))


def _machine(results: Results) -> str:
    m, packages = results.machine, results.versions
    named = ", ".join(f"{name} {version}" for name, version in packages.items())
    return (
        f"{m['processor']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}, "
        f"Python {m['python']}; {named}. {_company(results.rows)}"
    )


def _company(rows: list[Row]) -> str:
    """Say how much else was running."""
    busy = [row.busy for row in rows if row.busy is not None]
    if not busy:
        return ""
    return f"Other processes kept {median(busy):.1f} cores busy (the median)."


def _pairs(rows: list[Row]) -> list[tuple[Row, Row | None]]:
    """Give the row of each case on one thread, in the order of the cases, with that on all."""
    place = {name: number for number, name in enumerate(CASES)}
    one = sorted((r for r in rows if r.threads == 1), key=lambda r: place.get(r.case, 0))
    more = {row.case: row for row in rows if row.threads > 1}
    return [(row, more.get(row.case)) for row in one]


def _results(rows: list[Row]) -> str:
    head = ["work", "against", "wanted", "1 thread", "all threads"]
    lines = [
        [
            one.case,
            one.against,
            "" if one.target is None else f"{one.target:.2f}",
            _marked(one),
            "" if more is None else _marked(more),
        ]
        for one, more in _pairs(rows)
    ]
    return _markdown(head, lines)


def _controls(rows: list[Row]) -> str:
    """Give what the ratios are judged by, and the memory: all in one table is wider than a page."""
    head = ["work", "memory", "error", "A/A 1 thread", "A/A all threads"]
    lines = [
        [
            one.case,
            _memory(one),
            "" if one.error is None else f"{one.error:.0e}",
            _spread(one.control),
            "" if more is None else _spread(more.control),
        ]
        for one, more in _pairs(rows)
    ]
    return _markdown(head, lines)


def _few(rows: list[Row]) -> str:
    head = ["work", "against", "1 thread", "all threads", "memory"]
    lines = [
        [
            one.case,
            one.against,
            f"{one.ratio.median:.2f}",
            "" if more is None else f"{more.ratio.median:.2f}",
            _memory(one),
        ]
        for one, more in _pairs(rows)
    ]
    return _markdown(head, lines)


def _default(rows: list[Row], kept: list[Row]) -> str:
    """Give the ratios with either malloc side by side."""
    head = ["work", "threads", "kept", "A/A", "default", "A/A"]
    elder = {(row.case, row.threads): row for row in kept}
    lines = []
    for row in rows:
        other = elder[row.case, row.threads]
        cells = [_spread(s) for r in (other, row) for s in (r.ratio, r.control)]
        lines.append([row.case, str(row.threads), *cells])
    return _markdown(head, lines)


def _crossover(rows: list[Row], step: str, shown: tuple[int, ...] = LENGTHS) -> str:
    found = {row.case: row.ratio.median for row in rows if row.family == FAMILY}
    pattern = re.compile(rf"{FAMILY} (\S+) {re.escape(step)} n=(\d+)")
    matches = [m for m in map(pattern.fullmatch, found) if m]
    lengths = [n for n in shown if any(int(m[2]) == n for m in matches)]
    lines = []
    for name in dict.fromkeys(m[1] for m in matches):
        cells = [found.get(f"{FAMILY} {name} {step} n={n}") for n in lengths]
        lines.append([f"`{name}`", *("" if cell is None else f"{cell:.1f}" for cell in cells)])
    return _markdown(["mixer", *(f"n={n}" for n in lengths)], lines)


def _marked(row: Row) -> str:
    """Give the ratio, bold where it is what was wanted."""
    text = f"{row.ratio.median:.2f}"
    reached = row.target is not None and row.ratio.median >= row.target
    text = f"**{text}**" if reached else text
    return f"{text} [{row.ratio.low:.2f}-{row.ratio.high:.2f}]"


def _spread(found: Spread) -> str:
    return f"{found.median:.2f} [{found.low:.2f}-{found.high:.2f}]"


def _memory(row: Row) -> str:
    if row.memory_mib is None:
        return ""
    ours, peer = row.memory_mib
    if not peer:  # less than what can be told from nothing
        return ""
    return f"{ours / peer:.2f} ({ours:.0f}/{peer:.0f} MiB)"


if __name__ == "__main__":
    sys.exit(main())
