"""The lines that experiments on quality leave, and scores as tables and figures made from them."""

import json
from collections.abc import Iterable, Sequence
from math import floor, log10
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.questions import Group
from spectrans.options import Options
from spectrans.tasks import Metric
from spectrans.training import Outcomes, RunRecord
from spectrans.training.folders import write_whole

# Half the width of a 95 % interval in standard errors, by the number of runs (Student's t).
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


class Line(Options):
    """One run.

    Parameters
    ----------
    group
        Name of the group of runs that share a task and a budget.
    record
        What was asked for and what came out.
    baselines
        What is scored without a neural network.
    commit
        Of the library.
    machine
        What it ran on.
    """

    group: str
    record: RunRecord
    baselines: dict[str, float]
    commit: str
    machine: dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """Read a file of lines; none where it does not exist."""
    if not path.is_file():
        return []
    return [Line(**json.loads(text)) for text in path.read_text(encoding="utf-8").splitlines()]


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    """Write a file of lines, whole."""
    text = "".join(json.dumps(line.model_dump(mode="json")) + "\n" for line in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)


class Scores:
    """What is known of a group: its runs that count, by plan.

    A run counts at the learning rate that was best on validation with the first seed.
    """

    def __init__(self, group: Group, lines: Iterable[Line]) -> None:
        self.group = group
        own = [line for line in lines if line.group == group.name]
        self.baselines = own[0].baselines if own else {}
        self.metric: Metric | None = own[0].record.data.task.lead if own else None
        records = {line.record.spec: line.record for line in own}
        outcomes = Outcomes(group.comparison, records)
        self.runs = {
            plan: [records[spec] for spec in outcomes.runs(plan) if spec in records]
            for plan in group.plans
        }

    def beside(self, other: "Scores", mark: str = "") -> "Scores":
        """Give these and those of another group on the same task, whose plans get a mark."""
        both = Scores(self.group, ())
        both.baselines, both.metric = self.baselines, self.metric
        both.runs = self.runs | {plan + mark: runs for plan, runs in other.runs.items()}
        return both

    def titled(self, name: str) -> "Scores":
        """Give these under another name."""
        other = Scores(self.group._replace(name=name), ())
        other.baselines, other.metric, other.runs = self.baselines, self.metric, self.runs
        return other

    def of(self, plan: str) -> list[float]:
        """Give the test scores of a plan, one per seed."""
        return [record.test for record in self.runs.get(plan, [])]

    def by_seed(self, plan: str) -> dict[int, float]:
        """Give the test scores of a plan by seed."""
        return {record.spec.seed: record.test for record in self.runs.get(plan, [])}

    def shown(self, plan: str) -> str:
        """Give the mean of a plan and half its 95 % interval, nothing where no run is there."""
        return spread(self.of(plan), self.metric)


def spread(scores: Sequence[float], metric: Metric | None) -> str:
    """Write a mean and half its 95 % interval."""
    if not scores or metric is None:
        return ""
    middle, half = mean(scores), interval(scores)
    if half is None:
        return metric.show(middle)
    if metric.percent or half == 0:
        return f"{metric.show(middle)} ± {metric.show(half)}"
    places = max(0, 1 - floor(log10(half)))  # two figures of what is uncertain
    return f"{middle:.{places}f} ± {half:.{places}f}"


def interval(scores: Sequence[float]) -> float | None:
    """Give half the width of the 95 % interval of a mean; None of one run, or more than ten."""
    if len(scores) not in STUDENT:
        return None
    return STUDENT[len(scores)] * stdev(scores) / len(scores) ** 0.5


def table(scores: Scores) -> str:
    """Write a group under its name, with what its runs share."""
    if scores.metric is None:
        return ""
    source, *others = shared(scores.group)
    return f"## {scores.group.name}\n\n`{source}`, {', '.join(others)}\n\n{rows(scores)}\n"


def shared(group: Group) -> tuple[str, str, str, str]:
    """Give the data, the size, the budget and the positions of all runs of a group."""
    spec = group.comparison.shared
    return (
        " ".join(filter(None, (spec.data.source, spec.data.task))),
        f"{spec.num_layers} layers of {spec.hidden_dim}",
        f"{spec.budget} of {spec.batch_size} rows",
        f"{spec.positional_encoding_type} positions",
    )


def rows(scores: Scores) -> str:
    """Write all of a group: mean score, its 95 % interval, seeds, rate, steps, parameters."""
    if scores.metric is None:
        return ""
    show = scores.metric.show
    lines = [
        f"| plan | {scores.metric.title} | seeds | learning rate | steps | parameters |",
        "|---|---:|---:|---:|---:|---:|",
        *(_row(plan, scores) for plan, runs in scores.runs.items() if runs),
        *(f"| {name} | {show(v)} | | | | |" for name, v in scores.baselines.items()),
    ]
    return "\n".join(lines)


def _row(plan: str, scores: Scores) -> str:
    runs = scores.runs[plan]
    first, rate = runs[0].metrics, runs[0].spec.learning_rate
    steps = mean(run.metrics.steps for run in runs)
    return (
        f"| `{plan}` | {scores.shown(plan)} | {len(runs)} | {rate:g} | {steps:,.0f} | "
        f"{first.parameters:,} |"
    )


def columns(all_scores: Sequence[Scores], plans: Sequence[str]) -> str:
    """Write one table of several groups, a column for each."""
    found = [scores for scores in all_scores if scores.metric is not None]
    head = ["plan", *(f"{s.group.name}, {s.metric.title}" for s in found if s.metric)]
    rows = [[f"`{plan}`", *(s.shown(plan) for s in found)] for plan in plans]
    names = dict.fromkeys(name for s in found for name in s.baselines)
    rows += [[name, *(_baseline(scores, name) for scores in found)] for name in names]
    ruler = ["---", *("---:" for _ in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows))


def _baseline(scores: Scores, name: str) -> str:
    """Write what is scored without a neural network; nothing where that is not made for a task."""
    if scores.metric is None or name not in scores.baselines:
        return ""
    return scores.metric.show(scores.baselines[name])


def figure(all_scores: Sequence[Scores], plans: Sequence[str] | None, path: Path) -> None:
    """Draw the scores of every seed, a panel for each group, with the best baseline as a line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = [scores for scores in all_scores if scores.metric is not None]
    drawing = Figure(figsize=(3.2 * len(found), 3.8), dpi=110, layout="constrained")
    FigureCanvasAgg(drawing)
    panels = drawing.subplots(1, len(found), squeeze=False)[0]
    for panel, scores in zip(panels, found, strict=True):
        shown = [plan for plan in plans or scores.group.plans if scores.of(plan)]
        for place, plan in enumerate(shown):
            values = scores.of(plan)
            panel.plot([place] * len(values), values, "o", color="#0072B2", alpha=0.6)
            panel.plot([place - 0.3, place + 0.3], [mean(values)] * 2, color="black", linewidth=1.2)
        metric = scores.metric
        assert metric is not None
        panel.axhline(max(scores.baselines.values(), key=metric.rank), color="0.5", linestyle=":")
        panel.set_xticks(range(len(shown)), shown, rotation=50, ha="right", fontsize=7)
        panel.set_title(scores.group.name, fontsize=9)
        panel.set_ylabel(metric.title, fontsize=8)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    drawing.savefig(path)
