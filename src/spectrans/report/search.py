"""The report of a search: what was tried, which plans no other beats, and what they score."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spectrans.errors import must
from spectrans.plan import tiled
from spectrans.report import page
from spectrans.report.comparison import read_comparison
from spectrans.report.figure import spread
from spectrans.report.results import Results, load_results
from spectrans.report.run import footer, settings_section, titled
from spectrans.report.style import COLOURS, FIGURES, INK, MUTED, Picture, look
from spectrans.report.table import caption, head_lines, rows
from spectrans.report.verdict import differences, verdict
from spectrans.search.median import FEWEST, WARM_UP
from spectrans.search.tried import SEARCH, Found, Tried, read
from spectrans.tasks import Metric
from spectrans.training.compare import FINALISTS, RESULTS
from spectrans.training.crossover import REFERENCE
from spectrans.training.folders import write_whole

# Layers that a label in the picture shows.
_DEEPEST = 12


def write_search_report(folder: str | Path) -> Path:
    """Write `report.html` and its picture into the folder of a search.

    Parameters
    ----------
    folder
        Folder of a search.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ValueError
        The folder holds no search, or one in which no trial has ended.
    """
    home = Path(folder)
    found = read(home)
    if found is None:
        raise ValueError(must("the folder of a search", f"hold {SEARCH}", str(folder)))
    if not found.front:
        raise ValueError(must("a search", "have a trial that was done", str(folder)))
    results = finals(home, found)
    drawn = picture(found)
    name = found.data.name
    asked = found.search.space_settings()
    asked["budget"] = found.ended or "under way"
    sections = [
        page.section("Which plan to take", page.paragraph(said(found), "verdict"),
                     _tested(home, results)),
        page.section("Score and latency",
                     page.figure(drawn.save(home / FIGURES), drawn.says)),
        page.section("All plans", page.table(heads(found.lead), cells(found), (1, 5)),
                     *(page.paragraph(line, "muted") for line in notes(found))),
        titled("Finalists on the test rows", _finals(results)),
        settings_section(asked, found.versions),
    ]  # fmt: skip
    lead = f"{len(found.tried):,} plans tried on {found.data.train:,} training rows."
    path = home / page.REPORT
    title = f"{name}: search for a plan"
    write_whole(path, page.page(title, lead, sections, footer(found.versions)))
    return path


def finals(home: Path, found: Found) -> Results | None:
    """Read how the finalists did on the test rows; None where they were not compared."""
    if not found.complete or not (home / FINALISTS / RESULTS).is_file():
        return None
    return load_results(home / FINALISTS)


def _tested(home: Path, results: Results | None) -> str:
    if results is None:
        return ""
    return page.paragraph(tested(home, results), "verdict")


def tested(home: Path, results: Results) -> str:
    """Say what the finalists score on the test rows, and how sure that is."""
    runs = read_comparison(home / FINALISTS, results)
    known = verdict(results, differences(results, runs))
    return f"On the test rows, which the search did not look at: {known}"


def _finals(results: Results | None) -> str:
    if results is None:
        return ""
    shown = page.table(head_lines(results), rows(results), (0, 7))
    more = f"Everything else about these runs is in {FINALISTS}/{page.REPORT}."
    return shown + "".join(page.paragraph(line, "muted") for line in (*caption(results), more))


def said(found: Found) -> str:
    """Say in plain words what a search found on validation."""
    lead, front = found.lead, found.front
    best = front[-1]
    assert best.validation is not None
    assert best.latency is not None
    parts = [
        f"{_count(len(found.tried), 'plan')} tried, of which {_count(len(front), 'plan')} "
        f"{'is' if len(front) == 1 else 'are'} beaten by no other in both score and latency. "
        f"The best on validation is {best.plan}: {lead.title} {lead.show(best.validation)} at "
        f"{best.latency:.2f} times the latency of {REFERENCE}."
    ]
    reference = next((one for one in found.tried if one.plan == REFERENCE), None)
    if reference is not None and reference.validation is not None and best is not reference:
        parts.append(f"{REFERENCE} alone reached {lead.show(reference.validation)}.")
    knee = next((one for one in front if one.plan in found.finalists[1:2]), None)
    if knee is not None and knee.validation is not None:
        parts.append(
            f"Next in score for its latency is {knee.plan}: {lead.show(knee.validation)} at "
            f"{knee.latency:.2f} times."
        )
    if found.finalists:
        parts.append(
            f"Chosen on the {found.data.validation:,} validation rows to be tested: "
            f"{', '.join(found.finalists)}. The best of many is best by luck too: its score on "
            "these rows says too much."
        )
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def heads(lead: Metric) -> tuple[str, ...]:
    """Give the heads of the table of trials."""
    return ("", "plan", f"validation {lead.title}", "x attention", "parameters", "note")


def cells(found: Found) -> list[tuple[str, ...]]:
    """Give the table of trials, the best first and what failed last."""
    lead = found.lead

    def order(one: Tried) -> tuple[float, int]:
        worst = float("-inf") if one.validation is None else lead.rank(one.validation)
        return -worst, one.number

    numbers = {one.number for one in found.front}
    return [
        (
            str(one.number),
            one.plan,
            "-" if one.validation is None else lead.show(one.validation),
            "-" if one.latency is None else f"{one.latency:.2f}",
            "-" if one.parameters is None else f"{one.parameters:,}",
            _note(one, found, one.number in numbers),
        )
        for one in sorted(found.tried, key=order)
    ]


def _note(one: Tried, found: Found, on_front: bool) -> str:
    if one.state == "failed":
        return f"failed: {one.reason}"
    if one.state == "stopped":
        return f"stopped after step {one.steps:,}"
    noted = ["Pareto"] if on_front else []
    return ", ".join(noted + (["finalist"] if one.plan in found.finalists else []))


def notes(found: Found) -> list[str]:
    """Say what the numbers are, in lines for under the table."""
    data, shared = found.data, found.search.shared
    again = f"; {found.repeated:,} that came up again left out" if found.repeated else ""
    rule = (
        f" A trial is stopped where its best score is below the median of at least {FEWEST} "
        f"earlier ones whose plans are as fast, after {WARM_UP:.0%} of the steps."
        if found.search.stop_early
        else ""
    )
    return [
        f"{data.name}: the best of all evaluations on {data.validation:,} validation rows, one run "
        f"of {shared.budget} with seed {shared.seed} for each plan. Layers: {shared.num_layers}, "
        f"channels: {shared.hidden_dim}. The test rows were not looked at{again}.",
        "Latency: median time of inference on longest rows in float32 on one thread, in times of "
        "attention of the same size, both in turns.",
        f"Pareto: no other plan is both better and faster.{rule}",
    ]


def picture(found: Found) -> Picture:
    """Give the picture of score against latency."""
    lead = found.lead
    named = "; ".join(f"{one.number}: {one.plan}" for one in found.front[:12])
    return Picture(
        name="search",
        says=f"{lead.title.capitalize()} on validation against latency in times of attention. "
        f"Filled: no other plan is both better and faster ({named}). Open: beaten. Crosses: "
        "stopped early.",
        draw=lambda figure: _draw(figure, found),
        size=(8.0, 4.8),
    )


def _draw(figure: Any, found: Found) -> Any:
    axes = figure.add_subplot()
    lead, front = found.lead, found.front
    scale = 100.0 if lead.percent else 1.0
    shown = [one for one in found.tried if one.validation is not None]
    numbers = {one.number for one in front}
    for state, marker in (("stopped", "x"), ("done", "o")):
        some = [one for one in shown if one.state == state and one.number not in numbers]
        axes.plot(*_places(some, scale), marker=marker, markersize=6, color=MUTED,
                  markerfacecolor="none", linestyle="none", zorder=2)  # fmt: skip
    x, y = _places(front, scale)
    axes.plot(x, y, color=MUTED, linestyle=":", linewidth=1.2, zorder=2)
    for one, left, height in zip(front, x, y, strict=True):
        final = one.plan in found.finalists
        axes.plot(left, height, marker="D" if final else "o", markersize=9 if final else 7,
                  color=COLOURS[0], markeredgecolor=INK, markeredgewidth=0.8, zorder=3)  # fmt: skip
    labels = [
        axes.annotate(_label(one, found), (left, height), xytext=(0, 0),
                      textcoords="offset points", zorder=4, fontsize=8)
        for one, left, height in zip(front, x, y, strict=True)
    ]  # fmt: skip
    axes.axvline(1.0, color=MUTED, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
    axes.annotate(REFERENCE, (1.0, 0), xycoords=("data", "axes fraction"), xytext=(-3, 5),
                  textcoords="offset points", rotation=90, ha="right",
                  fontsize=8, color=MUTED)  # fmt: skip
    unit, worse = " (%)" if lead.percent else "", "" if lead.higher else ", lower is better"
    axes.set(xlabel="latency of inference (times that of attention)",
             ylabel=f"validation {lead.title}{unit}{worse}")  # fmt: skip
    axes.margins(0.12)
    axes.set_title(f"{found.data.name}: {len(found.tried):,} plans", loc="left", fontweight="bold")
    side = "diamonds: finalists   open: beaten   crosses: stopped early"
    axes.annotate(side, (1, 1.015), xycoords="axes fraction", ha="right", va="bottom", fontsize=8,
                  color=MUTED)  # fmt: skip
    # Texts have a size only once the layout is made.
    figure.draw_without_rendering()
    spread(labels, axes)
    return axes


def _places(some: Sequence[Tried], scale: float) -> tuple[list[float], list[float]]:
    x = [one.latency for one in some if one.latency is not None]
    return x, [scale * one.validation for one in some if one.validation is not None]


def _label(one: Tried, found: Found) -> str:
    """Write the number of a plan, and a letter for each layer."""
    plan = tiled(one.plan, found.search.shared.num_layers)
    letters = "".join(look(options.name).letter for options in plan[:_DEEPEST])
    return f"{one.number}  {letters}{'...' if len(plan) > _DEEPEST else ''}"
