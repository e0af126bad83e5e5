"""The picture of plans against the length of a row: time, and speed beside attention."""

from collections.abc import Sequence
from typing import Any

from spectrans.report.style import GRID, MUTED, Picture, label, series
from spectrans.training.crossover import REFERENCE, Curves, Point

_MEMORY = " Memory is that of a training step on the batch at its peak, without the weights."


def times(curves: Curves) -> Picture:
    """Give the picture of the time of a thousand tokens, and of the ratio to attention."""
    setting = curves.setting
    what = "a training step" if setting.backward else "inference"
    return Picture(
        name="lengths",
        says=f"Time of {what} for 1,000 tokens against the length of a row, and how many times as "
        f"fast as {REFERENCE} of the same size. Points are medians, bars hold 80 % of the rounds, "
        f"and the grey band is {REFERENCE} against itself: what lies in it is chance. "
        f"{sentence(curves)}{_MEMORY if setting.memory else ''}",
        draw=lambda figure: _draw(figure, curves),
        size=(13.2 if setting.memory else 9.4, 4.3),
    )


def sentence(curves: Curves) -> str:
    """Say from which length on each plan is faster than attention."""
    said = []
    longest = curves.setting.lengths[-1]
    for curve in curves.plans:
        if curve.plan == REFERENCE:
            continue
        if curve.faster_from is None:
            said.append(f"{curve.plan} is not faster at {longest:,} tokens")
        elif curve.faster_from == curves.setting.lengths[0]:
            said.append(f"{curve.plan} is faster at every length")
        else:
            said.append(f"{curve.plan} is faster from {curve.faster_from:,} tokens on")
    return f"{'; '.join(said)}." if said else ""


def _draw(figure: Any, curves: Curves) -> Any:
    setting = curves.setting
    left, right, *last = figure.subplots(1, 3 if setting.memory else 2)
    right.fill_between(
        setting.lengths,
        [chance.low for chance in curves.control],
        [chance.high for chance in curves.control],
        color=MUTED,
        alpha=0.3,
        linewidth=0,
    )
    right.axhline(1, color=MUTED, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
    for number, curve in enumerate(curves.plans):
        look = {**series(number), "markersize": 5}
        per = [1e3 / (point.rows * point.length) for point in curve.points]
        medians = [k * p.milliseconds.median for k, p in zip(per, curve.points, strict=True)]
        left.plot(setting.lengths, medians, **look, label=label(curve.plan))
        for axes in last:
            peaks = [(point.memory or 0) / 2**20 for point in curve.points]
            axes.plot(setting.lengths, peaks, **look)
        if curve.plan != REFERENCE:
            _ratio(right, setting.lengths, curve.points, look)
    for axes in (left, right, *last):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_xticks(setting.lengths, [_short(n) for n in setting.lengths])
        axes.tick_params(axis="x", which="minor", length=0)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("tokens in a row")
        axes.grid(color=GRID)
    threads = f"{setting.threads} thread{'s' if setting.threads > 1 else ''}"
    step = "training step" if setting.backward else "inference"
    left.set(ylabel="ms for 1,000 tokens", title=f"Time ({step}, {threads}, {setting.dtype})")
    right.set(ylabel=f"times as fast as {REFERENCE}", title=f"Beside {REFERENCE}")
    for axes in last:
        axes.set(ylabel="MiB", title="Memory of a training step")
    handles, names = left.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=3, handlelength=4, frameon=False
    )
    return left, right


def _ratio(axes: Any, lengths: Sequence[int], points: Sequence[Point], look: Any) -> None:
    middle = [point.speed.median for point in points]
    below = [max(0.0, point.speed.median - point.speed.low) for point in points]
    above = [max(0.0, point.speed.high - point.speed.median) for point in points]
    axes.errorbar(
        lengths, middle, yerr=[below, above], **look, ecolor=look["color"], elinewidth=1, capsize=2
    )


def _short(length: int) -> str:
    """Write a length in a few characters."""
    return f"{length // 1024}k" if length >= 1024 and length % 1024 == 0 else f"{length:,}"
