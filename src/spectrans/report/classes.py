"""Answers looked at closely: which classes are taken for which, and what probabilities mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int64

from spectrans.report.style import COLOURS, INK, MUTED, PAPER, Picture, label, series
from spectrans.tasks import Task
from spectrans.training.evidence import Bin, Evidence

# A table of more classes is no picture any more.
MOST_CLASSES = 30


def matrix(evidence: Evidence, classes: int) -> Int64[np.ndarray, "classes classes"]:
    """Give how often each class (row) was answered with each class (column)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    for true, answered, count in evidence.confusion:
        counts[true, answered] = count
    return counts


def confusions(evidence: Evidence, task: Task, most: int = 10) -> list[tuple[str, str, int]]:
    """Give the commonest mistakes: the true class, the answered one, and how often."""
    wrong = [pair for pair in evidence.confusion if pair[0] != pair[1]]
    wrong.sort(key=lambda pair: -pair[2])
    return [(task.labels[true], task.labels[found], n) for true, found, n in wrong[:most]]


def confusion(evidence: Evidence, task: Task) -> Picture | None:
    """Give the picture of the confusion matrix; None without classes, or with too many."""
    if not evidence.confusion or len(task.labels) > MOST_CLASSES:
        return None
    counts = matrix(evidence, len(task.labels))
    right, total = int(counts.trace()), int(counts.sum())
    side = 2.6 + 0.32 * len(task.labels)
    return Picture(
        name="confusion",
        says=f"Confusion matrix of the test split: {right:,} of {total:,} answers lie on the "
        "diagonal. Numbers count answers, the shade is the share of the true class.",
        draw=lambda figure: _draw_confusion(figure, counts, task.labels),
        size=(side + 0.8, side),
    )


def _draw_confusion(figure: Any, counts: np.ndarray, names: Sequence[str]) -> Any:
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors=MUTED, linewidth=0.2)
    places = np.arange(len(names)) + 0.5
    shown = [label(name, 16) for name in names]
    # Short names lie flat.
    turned = 0 if max(map(len, shown)) <= 2 else 90
    axes.set_xticks(places, shown, rotation=turned)
    axes.set_yticks(places, shown)
    axes.set(xlabel="answered class", ylabel="true class", aspect="equal")
    axes.invert_yaxis()
    axes.grid(visible=False)
    for (true, found), count in np.ndenumerate(counts):
        if count:
            # Written on the shade, not on the page: the same by day and by night.
            colour = "#ffffff" if shares[true, found] > 0.55 else "#10141a"
            size = 7 if len(names) <= 20 else 5
            axes.text(found + 0.5, true + 0.5, f"{count}", ha="center", va="center",
                      color=colour, fontsize=size)  # fmt: skip
    bar = figure.colorbar(image, ax=axes, shrink=0.7)
    bar.set_label("share of the true class")
    return axes


def reliability(evidence: Evidence, task: Task) -> Picture | None:
    """Give the picture of probabilities against what holds; None where there are none."""
    error = evidence.calibration_error
    if error is None:
        return None
    answers = sum(part.count for part in evidence.reliability)
    what = "classes of rows" if task.kind == "multi-label" else "answers"
    return Picture(
        name="calibration",
        says=f"Of answers with a probability of 80 %, 80 % should be right: then points lie on "
        f"the diagonal. The mean distance over {answers:,} {what} of the test split is "
        f"{100 * error:.1f} points.",
        draw=lambda figure: _draw_reliability(figure, evidence.reliability, task),
        size=(6.0, 4.4),
    )


def _draw_reliability(figure: Any, bins: Sequence[Bin], task: Task) -> Any:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    known = [part for part in bins if part.count]
    upper.plot((0, 100), (0, 100), color=MUTED, linewidth=1, linestyle=(0, (5, 4)))
    given = [100 * part.probability / part.count for part in known]
    held = [100 * part.right / part.count for part in known]
    errors = [200 * np.sqrt(max(p * (1 - p), 0.0) / part.count)
              for p, part in ((part.right / part.count, part) for part in known)]  # fmt: skip
    upper.errorbar(given, held, yerr=errors, capsize=3, elinewidth=1, **series(0))
    multi = task.kind == "multi-label"
    upper.set(ylabel="that hold (%)" if multi else "right answers (%)", ylim=(-3, 103))
    edges = np.linspace(0, 100, len(bins) + 1)
    heights = [part.count for part in bins]
    lower.bar(edges[:-1], heights, width=np.diff(edges), align="edge", color=COLOURS[5],
              edgecolor=INK, linewidth=0.6, hatch="///")  # fmt: skip
    lower.set(xlabel="probability that the model gave (%)", ylabel="answers", xlim=(0, 100))
    return upper, lower


def numbers(evidence: Evidence) -> Picture | None:
    """Give the picture of answered against true numbers; None where there are none."""
    if not evidence.points:
        return None
    count = len(evidence.points)
    shown = min(count, 6)
    rows = len(next(iter(evidence.points.values())))
    return Picture(
        name="numbers",
        says=f"Answered against true numbers, of the first {rows:,} test rows: a perfect model "
        "lies on the diagonal.",
        draw=lambda figure: _draw_numbers(figure, evidence, shown),
        size=(3.6 * min(shown, 3), 3.6 * -(-shown // 3)),
    )


def _draw_numbers(figure: Any, evidence: Evidence, shown: int) -> Any:
    grid = figure.subplots(-(-shown // 3), min(shown, 3), squeeze=False)
    for axes, (name, pairs) in zip(grid.flat, list(evidence.points.items())[:shown], strict=False):
        true, found = np.array(pairs).T
        ends = (min(true.min(), found.min()), max(true.max(), found.max()))
        axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=(0, (5, 4)))
        axes.plot(true, found, "o", color=COLOURS[0], markersize=3.5, markeredgecolor=PAPER,
                  markeredgewidth=0.3)  # fmt: skip
        axes.set(title=label(name), xlabel="true", ylabel="answered")
    return grid
