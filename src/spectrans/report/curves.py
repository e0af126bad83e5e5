"""Learning curves: of one run, and of several plans with a band over their seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectrans.data.baselines import Baseline
from spectrans.report.style import INK, MUTED, Picture, label, series
from spectrans.tasks import Metric, Task
from spectrans.training.record import Metrics

# What was measured on the way, in order: one entry of a run's history.
Entry = Mapping[str, Any]
Points = tuple[list[float], list[float]]


def points(history: Sequence[Entry], name: str) -> Points:
    """Give the steps at which a number was measured, and what it was."""
    found = [(entry["step"], entry[name]) for entry in history if name in entry]
    return [float(step) for step, _ in found], [float(value) for _, value in found]


def run_curve(
    history: Sequence[Entry], task: Task, metrics: Metrics, scored: Sequence[Baseline]
) -> Picture:
    """Give the picture of loss and score of one run against its steps."""
    lead = task.lead
    best = lead.show(metrics.validation[lead.name])
    return Picture(
        name="learning-curve",
        says=f"Loss and {lead.title} against optimiser steps. The kept weights are those of step "
        f"{metrics.best_step} of {metrics.steps}, with {best} on validation.",
        draw=lambda figure: _draw_run(figure, history, task, metrics, scored),
        size=(8.6, 3.6),
    )


def _draw_run(
    figure: Any,
    history: Sequence[Entry],
    task: Task,
    metrics: Metrics,
    scored: Sequence[Baseline],
) -> Any:
    left, right = figure.subplots(1, 2)
    training, validation = series(0), series(1)
    left.plot(*points(history, "loss"), **{**training, "marker": ""}, label="training")
    left.plot(*points(history, "validation_loss"), **validation, label="validation")
    left.set(xlabel="optimiser steps", ylabel="loss", title="Loss")
    left.legend()
    lead = task.lead
    steps, values = points(history, f"validation_{lead.name}")
    scale = 100 if lead.percent else 1
    right.plot(steps, [scale * v for v in values], **validation, label="validation")
    kept = scale * metrics.validation[lead.name]
    right.plot(
        metrics.best_step, kept, "*", color=INK, markersize=12, zorder=4, label="kept weights"
    )
    for baseline in scored:
        height = scale * baseline.value(task)
        right.axhline(height, color=MUTED, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
        right.annotate(
            f"{baseline.name}, test",
            (1, height),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 3),
            textcoords="offset points",
            ha="right",
            fontsize=7,
            color=MUTED,
        )
    right.set(xlabel="optimiser steps", ylabel=_axis(lead), title=lead.title.capitalize())
    right.legend(loc="best")
    for axes in (left, right):
        axes.set_xlim(left=0)
    return left, right


def _axis(lead: Metric) -> str:
    unit = " (%)" if lead.percent else ""
    return f"{lead.title} on validation{unit}{'' if lead.higher else ', lower is better'}"


def band(runs: Sequence[Points]) -> tuple[list[float], list[float], list[float], list[float]]:
    """Give the steps at which all seeds were measured, with the mean, lowest and highest score."""
    shared = sorted(set.intersection(*(set(steps) for steps, _ in runs)))
    by_step = [dict(zip(steps, values, strict=True)) for steps, values in runs]
    columns = [[run[step] for run in by_step] for step in shared]
    means = [sum(column) / len(column) for column in columns]
    return shared, means, [min(c) for c in columns], [max(c) for c in columns]


def plan_curves(plans: Mapping[str, Sequence[Points]], lead: Metric) -> Picture:
    """Give the picture of several plans, each with the curves of its seeds."""
    several = max(len(runs) for runs in plans.values()) > 1
    over = " Lines are means over seeds, bands reach from the lowest to the highest seed."
    return Picture(
        name="learning-curves",
        says=f"{lead.title.capitalize()} on validation against optimiser steps."
        f"{over if several else ''}",
        draw=lambda figure: _draw_plans(figure, plans, lead),
        size=(8.2, 4.4),
    )


def _draw_plans(figure: Any, plans: Mapping[str, Sequence[Points]], lead: Metric) -> Any:
    axes = figure.add_subplot()
    scale = 100 if lead.percent else 1
    for number, (name, runs) in enumerate(plans.items()):
        look = series(number)
        steps, means, low, high = ([scale * v for v in row] if k else row
                                   for k, row in enumerate(band(runs)))  # fmt: skip
        axes.plot(steps, means, **look, label=label(name))
        if len(runs) > 1:
            axes.fill_between(steps, low, high, color=look["color"], alpha=0.15, linewidth=0)
    axes.set(xlabel="optimiser steps", ylabel=_axis(lead))
    axes.set_xlim(left=0)
    figure.legend(loc="outside right upper", handlelength=4, frameon=False)
    return axes
