"""Scores of many runs as tables and a figure, from their lines alone."""

import re
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from spectrans.options import Options
from spectrans.tasks import Metric
from spectrans.training import RunSpec

# Half the width of a 95 % interval in standard errors, by the number of runs (Student's t).
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


class Line(Options):
    """One run.

    Parameters
    ----------
    task
        Name of the data set, with its settings.
    metric
        The figure that decides.
    score
        It, on the test split.
    chosen
        Whether the run counts: at the learning rate that was best on validation.
    baselines
        What is scored without a neural network.
    spec
        All settings of the run.
    test
        All figures on the test split.
    validation
        All figures on the validation split.
    best_step
        Steps before the weights that were kept.
    seconds
        Time of the run.
    parameters
        Numbers that training changes.
    data
        Fingerprint of the data set.
    commit
        Of the library.
    machine
        What it ran on.
    versions
        Of the libraries.
    """

    task: str
    metric: Metric
    score: float
    chosen: bool
    baselines: dict[str, float]
    spec: RunSpec
    test: dict[str, float]
    validation: dict[str, float]
    best_step: int
    seconds: float
    parameters: int
    data: str
    commit: Any
    machine: Any
    versions: Any


def cells(lines: list[Line]) -> dict[str, dict[str, list[Line]]]:
    """Give the runs that count, by task and plan."""
    found: dict[str, dict[str, list[Line]]] = {}
    for line in lines:
        if line.chosen:
            size = f"{line.task}, {line.spec.num_layers} layers of {line.spec.hidden_dim}"
            found.setdefault(size, {}).setdefault(line.spec.plan, []).append(line)
    return found


def interval(scores: list[float]) -> float | None:
    """Give half the width of the 95 % interval of a mean; None of one run, or more than ten."""
    if len(scores) not in STUDENT:
        return None
    return STUDENT[len(scores)] * stdev(scores) / len(scores) ** 0.5


def table(lines: list[Line]) -> str:
    """Write a table for each task: mean score, its 95 % interval, seeds, rate, time, parameters."""
    parts = []
    for title, plans in cells(lines).items():
        first = next(iter(plans.values()))[0]
        rows = [
            f"## {title}",
            "",
            f"| plan | {first.metric.title} | seeds | learning rate | seconds | parameters |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        rows += [_row(plan, runs) for plan, runs in plans.items()]
        shown = first.metric.show
        rows += [f"| {name} | {shown(v)} | | | | |" for name, v in first.baselines.items()]
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(plan: str, runs: list[Line]) -> str:
    scores = [run.score for run in runs]
    metric, half = runs[0].metric, interval(scores)
    shown = metric.show(mean(scores)) + ("" if half is None else f" ± {metric.show(half)}")
    seconds = mean(run.seconds for run in runs)
    rate = f"{runs[0].spec.learning_rate:g}"
    return f"| `{plan}` | {shown} | {len(runs)} | {rate} | {seconds:.0f} | {runs[0].parameters:,} |"


def figure(lines: list[Line], path: Path) -> None:
    """Draw the scores of every seed, a panel for each task, with the best baseline as a line."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    found = cells(lines)
    drawing, panels = plt.subplots(1, len(found), figsize=(3.2 * len(found), 3.6), squeeze=False)
    for panel, (title, plans) in zip(panels[0], found.items(), strict=True):
        for place, runs in enumerate(plans.values()):
            panel.plot([place] * len(runs), [run.score for run in runs], "o", alpha=0.7)
        metric = next(iter(plans.values()))[0].metric
        known = next(iter(plans.values()))[0].baselines.values()
        panel.axhline(max(known, key=metric.rank), color="grey", linestyle=":")
        panel.set_xticks(range(len(plans)), plans, rotation=45, ha="right", fontsize=7)
        panel.set_title(re.sub(r"[?&]|, ", "\n", title), fontsize=6)
        panel.set_ylabel(metric.title, fontsize=8)
    drawing.tight_layout()
    drawing.savefig(path, dpi=100)
    plt.close(drawing)
