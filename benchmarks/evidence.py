"""Write the scores of stored runs into the documents: python -m benchmarks.evidence [FILE].

Each table stands between `<!-- NAME -->` and `<!-- end -->`; the sentences around it are written by
hand.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

from benchmarks import defaults
from benchmarks.pages import filled
from benchmarks.process import ROOT
from benchmarks.questions import (
    BY_TIME,
    CORE,
    CORES,
    DEFAULTS,
    EVEN,
    HYBRIDS,
    LONGER,
    OPTIONS,
    PRESETS,
    SETTINGS,
    SOLVED,
    TIMED,
    TOP,
    VIEWS,
    WIDE,
    Group,
    View,
)
from benchmarks.scores import (
    Line,
    Scores,
    columns,
    figure,
    interval,
    read_lines,
    rows,
    shared,
)

STORED = ROOT / "benchmarks" / "results" / "quality-cpu.jsonl"
DOCS = ROOT / "docs"
PAGES = (DOCS / "evidence.md", DOCS / "evidence-runs.md", DOCS / "choose-a-plan.md")
FIGURE = DOCS / "images" / "evidence.png"
HYBRID, WIDER = "4xwavelet,2xattention", ", wider"
# By which to choose a plan.
FEW = ("attention", *HYBRIDS, TOP, "gfnet", "fourier")


def tables(lines: list[Line]) -> dict[str, str]:
    """Give every table by the name that its place in the page has."""
    core = [Scores(group, lines) for group in CORES]
    wide = [a.beside(Scores(b, lines), WIDER) for a, b in zip(core, WIDE, strict=True)]
    optional = {group.name.removesuffix(", options"): Scores(group, lines) for group in DEFAULTS}
    options = [s.beside(optional[s.group.name]) for s in core if s.group.name in optional]
    changed = {group.name: Scores(group, lines) for group in SETTINGS}
    timed = [
        Scores(group, lines).titled(group.name.removesuffix(", equal time")) for group in TIMED
    ]
    solved = {group.name.removesuffix(", in turns"): Scores(group, lines) for group in SOLVED}
    alone = {scores.group.name: scores for scores in core}
    solved = {name: alone[name].beside(s) if name in alone else s for name, s in solved.items()}
    every = [Scores(group, lines) for group in (*PRESETS["cpu"], *PRESETS["defaults"])]
    views = {name: columns(core, view.plans) for name, view in VIEWS.items()}
    return {
        **views,
        "few plans": columns(core, FEW),
        "share": share(core, VIEWS["recovery"]),
        "equal parameters": columns(wide, ("attention", HYBRID, HYBRID + WIDER)),
        "solved": columns(list(solved.values()), (*VIEWS["alone"].plans, *EVEN)),
        "longer": columns([Scores(LONGER, lines)], LONGER.plans),
        **defaults.tables(defaults.read()),
        "options": columns(options, [plan for plans in OPTIONS.values() for plan in plans]),
        "settings": "\n\n".join(filter(None, (settings(s, changed) for s in core))),
        "by time": columns(timed, BY_TIME),
        "settings of all runs": shared_by([scores.group for scores in every]),
        "all runs": "\n\n".join(f"## {s.group.name}\n\n{rows(s)}" for s in every),
        "runs": origin(lines),
    }


def settings(core: Scores, changed: Mapping[str, Scores]) -> str:
    """Write a group beside those in which a setting of all its models was another."""
    both, plans = core, []
    for name, scores in changed.items():
        base, _, change = name.partition(", ")
        if base == core.group.name:
            mark = f", {change}"
            both = both.beside(scores, mark)
            plans += [named for plan in scores.group.plans for named in (plan, plan + mark)]
    shown = list(dict.fromkeys(plans))
    return columns([both], shown) if shown and both.metric is not None else ""


def shared_by(groups: Sequence[Group]) -> str:
    """Write what the runs of each group share, a row for each."""
    lines = ["| runs | data | model | budget | positions |", "|---|---|---|---|---|"]
    for group in groups:
        source, model, budget, positions = shared(group)
        lines.append(f"| {group.name} | `{source}` | {model} | {budget} | {positions.split()[0]} |")
    return "\n".join(lines)


def share(all_scores: Sequence[Scores], view: View) -> str:
    """Write how much of the way from the plan without attention to all-attention a hybrid goes.

    Seed by seed, with half the 95 % interval of the mean. Only where every seed of attention is
    better than every seed without: elsewhere there is nothing to recover.
    """
    whole, without, *hybrids = view.plans
    found = [scores for scores in all_scores if scores.metric is not None]
    head = ["plan", *(scores.group.name for scores in found)]
    lines = []
    for plan in hybrids:
        cells = [_share(scores, plan, whole, without) for scores in found]
        lines.append([f"`{plan}`", *cells])
    ruler = ["---", *("---:" for _ in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *lines))


def _share(scores: Scores, plan: str, whole: str, without: str) -> str:
    reached, best, worst = (scores.by_seed(name) for name in (plan, whole, without))
    metric = scores.metric
    if metric is None or not best or not reached.keys() == best.keys() == worst.keys():
        return "-"
    if min(map(metric.rank, best.values())) <= max(map(metric.rank, worst.values())):
        return "-"
    shares = [(score - worst[seed]) / (best[seed] - worst[seed]) for seed, score in reached.items()]
    half = interval(shares)
    middle = f"{100 * mean(shares):.0f}"
    return f"{middle} %" if half is None else f"{middle} ± {100 * half:.0f} %"


def origin(lines: list[Line]) -> str:
    """Say where and from what the numbers come."""
    machines = {f"{m['processor']}, {m['cores']} cores" for m in (line.machine for line in lines)}
    commits = sorted({line.commit for line in lines})
    return (
        f"{len(lines):,} runs on {'; '.join(sorted(machines))}. "
        f"The library's commits: {', '.join(commits)}."
    )


def main(words: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=STORED)
    file = parser.parse_args(words).file
    lines = read_lines(file)
    if not lines:
        print(f"{file} must hold runs: python -m benchmarks.quality --preset cpu --lines {file}")
        return 2
    found = tables(lines)
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8"), found), encoding="utf-8")
    figure([Scores(group, lines) for group in CORES], CORE, FIGURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
