"""The picture."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from spectrans.report import PlanResult, draw, write
from spectrans.report.figure import compose
from tests.report.made import made_results, plan_result

APART = (plan_result("fourier", 0.5, 1.5e5), plan_result("attention", 0.9, 8e4))
CROWDED = (
    plan_result("3xgfnet,attention", 0.94, 1.16e5, 0.01),
    plan_result("2xgfnet,attention", 0.93, 1.14e5, 0.03),
    plan_result("gfnet", 0.92, 1.18e5, 0.02),
    plan_result("fourier,attention", 0.35, 1.0e5, 0.05),
    plan_result("attention", 0.34, 0.95e5, 0.01),
)
ONE = (plan_result("fourier", 1.0, 5.0, None),)


@pytest.mark.parametrize("plans", [APART, CROWDED, ONE], ids=["apart", "crowded", "one"])
def test_labels_lie_inside_and_cover_no_other_text(plans: tuple[PlanResult, ...]) -> None:
    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = compose(figure, made_results(*plans))
    canvas.draw()
    renderer = canvas.get_renderer()
    frame = axes.get_window_extent(renderer)
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in axes.texts}
    labels = [boxes[plan.plan] for plan in plans]
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in labels)
    assert all(frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in labels)
    covered = [pair for pair in combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])]
    assert covered == []


def test_points_bars_and_lines_are_where_the_numbers_are() -> None:
    axes = compose(Figure(), made_results(*APART))
    points = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert {(150.0, 50.0), (80.0, 90.0)} <= points
    levels = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() != "None"]
    assert {10.0, 34.4} <= {round(float(level), 6) for level in levels}
    bars = [c.get_segments()[0][:, 1] for c in axes.collections]
    assert [tuple(np.round(bar, 6)) for bar in bars] == [(48.0, 52.0), (88.0, 92.0)]


def test_axes_have_units_and_plans_differ_without_colour() -> None:
    axes = compose(Figure(), made_results(*CROWDED))
    assert "thousand tokens per second" in axes.get_xlabel()
    assert "(%)" in axes.get_ylabel()
    shapes = [line.get_marker() for line in axes.lines if line.get_marker() not in ("None", "_")]
    assert len(set(shapes)) == len(CROWDED)


def test_a_comparison_is_written_as_picture_table_and_data(tmp_path: Path) -> None:
    write(made_results(*APART), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"accuracy-vs-speed.png", "results.md", "results.json"}
    assert imread(tmp_path / "accuracy-vs-speed.png").shape[:2] == (750, 1200)
    assert "(accuracy-vs-speed.png)" in (tmp_path / "results.md").read_text()


def test_the_same_results_give_the_same_picture(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    draw(made_results(*CROWDED), paths[0])
    draw(made_results(*CROWDED), paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()
