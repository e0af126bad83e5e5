"""The picture of the crossover: how many times faster than attention, by row length."""

import re
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.results import Row

# As in spectrans.report: shapes first, then colours that everyone can tell apart.
_MARKERS = "osD^vP"
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00")


def draw(rows: list[Row], path: Path) -> None:
    """Draw one line per mixer on logarithmic axes and save it as PNG."""
    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    lines = _lines(rows)
    for number, (name, points) in enumerate(lines.items()):
        lengths, ratios = zip(*sorted(points.items()), strict=True)
        style: dict[str, Any] = {"marker": _MARKERS[number], "color": _COLOURS[number]}
        axes.plot(lengths, ratios, linewidth=1.4, markersize=6, label=name, **style)
    axes.axhline(1, color="0.45", linewidth=1, linestyle=(0, (5, 4)), zorder=1)
    axes.annotate("attention", (0.005, 1), xycoords=("axes fraction", "data"), xytext=(0, 3),
                  textcoords="offset points", fontsize=8, color="0.35")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    every = sorted({n for points in lines.values() for n in points})
    axes.set_xticks(every, [f"{n:,}" for n in every])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("tokens in a row; 8,192 in every batch, 256 channels in 4 heads")
    axes.set_ylabel("times as fast as attention, forward, one thread")
    axes.set_title("Where mixers overtake attention", loc="left", fontweight="bold")
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, ncols=2, loc="upper left")
    figure.savefig(path)


def _lines(rows: list[Row]) -> dict[str, dict[int, float]]:
    """Give the ratio by length of every mixer, forward; the highest line first."""
    lines: dict[str, dict[int, float]] = {}
    for row in rows:
        name = re.fullmatch(r"crossover (\S+) forward n=\d+", row.case)
        if name:
            lines.setdefault(name[1], {})[row.sizes["n"]] = row.ratio.median
    return dict(sorted(lines.items(), key=lambda line: -max(line[1].values())))
