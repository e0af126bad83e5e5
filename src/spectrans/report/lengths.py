<<<<<<< HEAD
"""What plans cost on rows of several lengths."""

from typing import Any

from spectrans.report.results import PlanResult, Results
from spectrans.report.style import MUTED, Picture, label, series


def picture(results: Results) -> Picture | None:
    """Give the picture of time and memory against length; None where they were not measured."""
    plans = [row for row in results.plans if row.lengths]
    if not plans:
        return None
    return Picture(
        name="lengths",
        says="Time of inference and memory of a training step, for one row in a batch on one "
        f"thread, against its length. The dashed line is the longest row of the data, "
        f"{results.data.max_length:,} tokens. Both axes are logarithmic: a straight line twice as "
        "steep is a cost that grows with the square.",
        draw=lambda figure: _draw(figure, plans, results.data.max_length),
        size=(9.4, 4.0),
    )


def _draw(figure: Any, plans: list[PlanResult], longest: int) -> Any:
    left, right = figure.subplots(1, 2)
    for number, row in enumerate(plans):
        lengths = [cost.length for cost in row.lengths]
        left.plot(lengths, [cost.milliseconds for cost in row.lengths], **series(number),
                  label=label(row.plan))  # fmt: skip
        right.plot(lengths, [cost.memory / 2**20 for cost in row.lengths], **series(number))
    left.set(ylabel="inference, ms per row", title="Time")
    right.set(ylabel="training step, MiB per row", title="Memory")
    ticks = [cost.length for cost in plans[0].lengths]
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="length of a row (tokens)")
        axes.axvline(longest, color=MUTED, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter("{x:g}")
    figure.legend(loc="outside lower center", ncols=3, handlelength=4, frameon=False)
    return left, right


def rows(results: Results) -> list[tuple[str, ...]]:
    """Give the cells of a table: plan, and milliseconds and MiB for each length."""
    return [
        (
            row.plan,
            *(f"{c.milliseconds:,.3g} ms, {c.memory / 2**20:,.3g} MiB" for c in row.lengths),
        )
        for row in results.plans
        if row.lengths
    ]
=======
"""The picture of plans against the length of a row: time, and speed beside attention."""

from collections.abc import Sequence
from typing import Any

from spectrans.report.style import GRID, MUTED, Picture, label, series
from spectrans.training.lengths import REFERENCE, Curves, Point


def times(curves: Curves) -> Picture:
    """Give the picture of the time of a thousand tokens, and of the ratio to attention."""
    setting = curves.setting
    what = "a training step" if setting.backward else "inference"
    return Picture(
        name="lengths",
        says=f"Time of {what} for 1,000 tokens against the length of a row, and how many times as "
        f"fast as {REFERENCE} of the same size. Points are medians, bars hold 80 % of the rounds, "
        f"and the grey band is {REFERENCE} against itself: what lies in it is chance. "
        f"{sentence(curves)}",
        draw=lambda figure: _draw(figure, curves),
        size=(9.4, 4.3),
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
    left, right = figure.subplots(1, 2)
    setting = curves.setting
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
        if curve.plan != REFERENCE:
            _ratio(right, setting.lengths, curve.points, look)
    for axes in (left, right):
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
>>>>>>> cfd8e1a (Time plans against the length of a row, and keep a server busy)
