"""The picture of a comparison: accuracy against inference speed."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spectrans.disk import write_whole
from spectrans.report.results import PlanResult, Results
from spectrans.report.style import COLOURS, INK, MARKERS, MUTED, Picture, house, label
from spectrans.tasks import Metric

FIGURE = "accuracy-vs-speed.png"

# Where a label may stand, from its point, in points of 1/72 inch: (x, y, anchor).
_PLACES = (
    (9, 7, "left", "bottom"),
    (9, -7, "left", "top"),
    (-9, 7, "right", "bottom"),
    (-9, -7, "right", "top"),
    (0, 14, "center", "bottom"),
    (0, -14, "center", "top"),
    (9, 22, "left", "bottom"),
    (9, -22, "left", "top"),
    (-9, 22, "right", "bottom"),
    (-9, -22, "right", "top"),
)


def draw(results: Results, path: Path) -> None:
    """Draw test accuracy against inference speed, one point per plan, and save it as PNG.

    Parameters
    ----------
    results
        A comparison with at least one measured plan.
    path
        File to write.
    """
    drawn = io.BytesIO()
    with house():
        picture(results).figure().savefig(drawn, format="png", metadata={"Software": None})
    write_whole(path, drawn.getvalue())


def picture(results: Results) -> Picture:
    """Give the picture of test score against inference speed."""
    count = len(results.comparison.seeds)
    bars = f" Bars are one standard deviation over {count} seeds." if count > 1 else ""
    return Picture(
        name=Path(FIGURE).stem,
        says=f"{results.lead.title.capitalize()} on the test rows against inference speed. The "
        f"dotted line joins the plans of which no other is both better and faster.{bars}",
        draw=lambda figure: compose(figure, results),
        size=(8.0, 5.0),
    )


def compose(figure: Any, results: Results) -> Any:
    """Draw a comparison on a matplotlib figure and give its axes."""
    axes = figure.add_subplot()
    points = [row for row in results.plans if row.score is not None and row.cost is not None]
    _frame(axes, results, points)
    lead = results.lead
    labels = [_point(axes, number, row, lead) for number, row in enumerate(points)]
    labels += [_baseline(axes, name, value, lead) for name, value in _lines(results)]
    # Texts have a size only once the layout is made.
    figure.draw_without_rendering()
    spread(labels[: len(points)], axes)
    # Last: labels may cross it.
    _front(axes, points, lead)
    return axes


def _front(axes: Any, points: list[PlanResult], lead: Metric) -> None:
    """Join the plans that no other dominates."""
    best = sorted((row for row in points if "Pareto" in row.notes), key=_speed)
    heights = [_scale(lead) * row.score for row in best if row.score is not None]
    if len(best) > 1:
        axes.plot(
            [_speed(row) for row in best], heights, color=MUTED, linestyle=":", linewidth=1.2,
            zorder=2, scalex=False, scaley=False,
        )  # fmt: skip


def _frame(axes: Any, results: Results, points: list[PlanResult]) -> None:
    """Set axes, ticks and titles."""
    speeds = [_speed(row) for row in points]
    axes.set_xlim(0, 1.22 * max(speeds))
    axes.set_ylim(*_heights(results, points))
    axes.set_xlabel("inference speed (thousand tokens per second, one thread)")
    lead = results.lead
    axes.set_ylabel(f"test {lead.title}{' (%)' if lead.percent else ''}{_direction(lead)}")
    count = len(results.comparison.seeds)
    bars = f"; bars: ± one standard deviation over {count} seeds" if count > 1 else ""
    axes.set_title(
        f"{results.data.name}: {lead.title} against speed", loc="left", fontweight="bold"
    )
    axes.annotate(
        f"{results.comparison.shared.budget}{bars}",
        (1, 1.015),
        xycoords="axes fraction",
        ha="right",
        va="bottom",
        fontsize=8,
        color=MUTED,
    )


def _scale(lead: Metric) -> float:
    """Give by how much the axis counts a value."""
    return 100.0 if lead.percent else 1.0


def _direction(lead: Metric) -> str:
    return "" if lead.higher else ", lower is better"


def _heights(results: Results, points: list[PlanResult]) -> tuple[float, float]:
    """Give the ends of the axis of scores: all of a share, else what there is and some more."""
    if results.lead.percent:
        return 0.0, 104.0
    values = [row.score + s * (row.spread or 0) for row in points if row.score for s in (-1, 1)]
    values += [value for _, value in _lines(results)]
    margin = 0.12 * (max(values) - min(values)) or 1.0
    return min(values) - margin, max(values) + margin


def _speed(row: PlanResult) -> float:
    assert row.cost is not None
    return row.cost.inference_tokens_per_second / 1e3


def _point(axes: Any, number: int, row: PlanResult, lead: Metric) -> Any:
    """Draw a plan with its seeds and its spread; give its label."""
    assert row.score is not None
    colour = COLOURS[number % len(COLOURS)]
    x, y = _speed(row), _scale(lead) * row.score
    axes.errorbar(
        x,
        y,
        yerr=None if row.spread is None else _scale(lead) * row.spread,
        marker=MARKERS[number % len(MARKERS)],
        markersize=8,
        markeredgecolor=INK,
        markeredgewidth=0.6,
        color=colour,
        ecolor=colour,
        elinewidth=1.4,
        capsize=4,
        zorder=3,
    )
    return axes.annotate(
        label(row.plan), (x, y), xytext=(0, 0), textcoords="offset points", zorder=4
    )


def _lines(results: Results) -> Iterable[tuple[str, float]]:
    """Give the baselines from low to high."""
    scale, task = _scale(results.lead), results.data.task
    return sorted(((b.name, scale * b.value(task)) for b in results.baselines), key=lambda b: b[1])


def _baseline(axes: Any, name: str, height: float, lead: Metric) -> Any:
    """Draw a baseline across, with its name on it."""
    axes.axhline(height, color=MUTED, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
    return axes.annotate(
        f"{name} {lead.show(height / _scale(lead))}",
        (0, height),
        xycoords=("axes fraction", "data"),
        xytext=(5, 3),
        textcoords="offset points",
        fontsize=8,
        color=MUTED,
    )


def spread(labels: list[Any], axes: Any) -> None:
    """Move each label beside its point, to the first place where it covers least."""
    taken = [
        artist.get_window_extent().padded(2)
        for artist in (*axes.texts, *axes.lines, *axes.collections)
        if artist not in labels and artist.get_visible()
    ]
    frame = axes.get_window_extent()
    for text in labels:
        best = None
        for dx, dy, horizontal, vertical in _PLACES:
            text.set(position=(dx, dy), ha=horizontal, va=vertical)
            box = text.get_window_extent()
            hidden = sum(_overlap(box, other) for other in taken) + _outside(box, frame)
            if best is None or hidden < best[0]:
                best = hidden, (dx, dy, horizontal, vertical), box
            if hidden == 0:
                break
        assert best is not None
        dx, dy, horizontal, vertical = best[1]
        text.set(position=(dx, dy), ha=horizontal, va=vertical)
        taken.append(best[2])


def _overlap(one: Any, other: Any) -> float:
    """Give the area that two boxes share, in pixels."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(width, 0.0) * max(height, 0.0)


def _outside(box: Any, frame: Any) -> float:
    """Give the area of a box beyond a frame, in pixels."""
    return box.width * box.height - _overlap(box, frame)
