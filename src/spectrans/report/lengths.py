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
    from matplotlib.ticker import LogLocator

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
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
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
