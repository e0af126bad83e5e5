"""The report of a comparison."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from spectrans.data import Dataset
from spectrans.errors import must
from spectrans.report import curves, figure, lengths, page, plans
from spectrans.report.classes import MOST_CLASSES
from spectrans.report.facts import Facts, facts, read_facts, save_facts
from spectrans.report.results import Results, load_results
from spectrans.report.run import (
    data_of,
    data_section,
    footer,
    settings_section,
    titled,
)
from spectrans.report.style import FIGURES, MUTED, Picture, label
from spectrans.report.table import caption, head_lines, rows
from spectrans.report.verdict import Difference, Found, Runs, amount, differences, verdict
from spectrans.training.compare import RESULTS, run_folder
from spectrans.training.evidence import examine, read_evidence, save_evidence
from spectrans.training.folders import write_whole
from spectrans.training.history import read_history
from spectrans.training.record import RECORD, load_run, read_record

# The runs of each plan that count, by seed.
Folders = Mapping[str, Mapping[int, Path]]


def write_comparison_report(folder: str | Path, dataset: Dataset | None = None) -> Path:
    """Write `report.html` and its figures into the folder of a comparison.

    Parameters
    ----------
    folder
        Folder of a finished comparison.
    dataset
        What it was done on, if it is loaded already; needed once, later only files are.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ValueError
        The folder holds no finished comparison, or the data have changed since.
    """
    home = Path(folder)
    if not (home / RESULTS).is_file():
        raise ValueError(must("the folder of a comparison", f"hold {RESULTS}", str(folder)))
    results = load_results(home)
    folders = _folders(results, home)
    found = read_comparison(home, results, dataset)
    known = read_facts(home)
    if known is None:
        record = next(one.record for runs in found.values() for one in runs.values())
        known = facts(data_of(record) if dataset is None else dataset, results.baselines)
        save_facts(known, home)
    path = home / page.REPORT
    sections = comparison_sections(results, folders, found, home / FIGURES)
    sections += [
        data_section(results.data, known),
        settings_section(_settings(results), results.versions),
    ]
    title = f"{results.data.name}: {_count(len(results.plans), 'plan')} compared"
    write_whole(path, page.page(title, _lead(results, known), sections, footer(results.versions)))
    return path


def read_comparison(home: Path, results: Results, dataset: Dataset | None = None) -> Runs:
    """Read the finished runs of a comparison.

    Parameters
    ----------
    home
        Its folder.
    results
        What it holds.
    dataset
        What it was done on, for runs whose answers were not counted when they were trained.

    Returns
    -------
    dict
        The runs of each plan, by seed.
    """
    return {
        plan: {seed: _found(path, dataset) for seed, path in runs.items()}
        for plan, runs in _folders(results, home).items()
    }


def _folders(results: Results, home: Path) -> Folders:
    asked = results.comparison
    return {
        row.plan: {
            seed: path
            for seed in asked.seeds
            if row.learning_rate is not None
            and (path := run_folder(home, asked.spec(row.plan, row.learning_rate, seed)))
            and (path / RECORD).is_file()
        }
        for row in results.plans
    }


def _found(path: Path, dataset: Dataset | None) -> Found:
    """Read a run, and count its answers where that was not done when it was trained."""
    evidence = read_evidence(path)
    if evidence is None and dataset is not None:
        evidence = examine(load_run(path).model, dataset)
        save_evidence(evidence, path)
    return Found(read_record(path), evidence)


def _lead(results: Results, known: Facts) -> str:
    asked = results.comparison
    return (
        f"{_count(len(results.plans), 'plan')} on {known.splits[0].rows:,} training rows with "
        f"{_count(len(asked.seeds), 'seed')} each, under one budget."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _settings(results: Results) -> dict[str, Any]:
    asked = results.comparison.model_dump(mode="json")
    shared = asked.pop("shared")
    own = ("plan", "seed", "learning_rate")
    return {**asked, **{name: value for name, value in shared.items() if name not in own}}


def comparison_sections(
    results: Results, folders: Folders, found: Runs, pictures: Path
) -> list[str]:
    """Give the parts of a page that show what was compared, the data and settings left out."""

    def shown(picture: Picture | None) -> str:
        return "" if picture is None else page.figure(picture.save(pictures), picture.says)

    compared = differences(results, found)
    measured = [row for row in results.plans if row.score is not None and row.cost is not None]
    front = figure.picture(results) if measured else None
    return [
        page.section(
            "Which plan to take", page.paragraph(verdict(results, compared), "verdict"),
            difference_table(compared, results),
        ),
        titled("Score and speed", shown(front)),
        page.section(
            "All numbers",
            page.table(head_lines(results), rows(results), (0, 7)),
            *(page.paragraph(line, "muted") for line in caption(results)),
        ),
        titled("Learning curves", shown(_curves(results, folders))),
        titled("Length", _lengths(results, shown(lengths.picture(results)))),
        titled("Classes", _classes(results, found, shown)),
        page.section("Plans", shown(_strips(results))),
        _failures(results),
    ]  # fmt: skip


def difference_table(compared: Sequence[Difference], results: Results) -> str:
    """Give the table of how much better the chosen plan is than the others, and how sure."""
    if not compared:
        return ""
    lead = results.lead

    def ends(interval: tuple[float, float] | None) -> str:
        return "-" if interval is None else " to ".join(bare(end) for end in interval)

    def bare(value: float) -> str:
        """Leave the unit to the head: in each cell it would break the line."""
        return amount(lead, value).removesuffix(" points")

    unit = ", points" if lead.percent else ""
    table = page.table(
        (f"{compared[0].plan} against", f"difference{unit}", "pairs of seeds", "95 % over seeds",
         "95 % over test rows", "shown"),
        [
            (one.other, bare(one.gain), one.seeds, ends(one.over_seeds),
             ends(one.over_rows), "yes" if one.shown else "no")
            for one in compared
        ],
    )  # fmt: skip
    said = (
        f"Differences of {lead.title} on the test rows, of runs with the same seed. Over seeds: "
        "Student's t. Over test rows: the same rows drawn again with repetition. Shown: all "
        "intervals that there are lie on one side of 0. The intervals are not widened for the "
        "number of plans, and the plan was chosen on other rows."
    )
    return table + page.paragraph(said, "muted")


def _curves(results: Results, folders: Folders) -> Picture | None:
    name = f"validation_{results.lead.name}"
    runs = {
        plan: [curves.points(read_history(path), name) for path in seeds.values()]
        for plan, seeds in folders.items()
        if seeds
    }
    return curves.plan_curves(runs, results.lead) if runs else None


def _lengths(results: Results, shown: str) -> str:
    found = lengths.rows(results)
    if not found:
        return ""
    measured = next(row.lengths for row in results.plans if row.lengths)
    head = ("plan", *(f"{cost.length:,} tokens" for cost in measured))
    return shown + page.table(head, found)


def _classes(results: Results, found: Runs, shown: Callable[[Picture | None], str]) -> str:
    scores = by_class(found)
    if not scores:
        return ""
    labels = results.data.task.labels
    # The classes on which plans do worst say most.
    order = sorted(range(len(labels)), key=lambda k: mean(row[k] for row in scores.values()))
    kept = order[:MOST_CLASSES]
    left = len(labels) - len(kept)
    more = f" The {left:,} easiest classes are left out." if left else ""
    picture = Picture(
        name="classes",
        says=f"F1 on the test rows in percent, mean over seeds, hardest classes first.{more}",
        draw=lambda figure: _draw_classes(
            figure,
            {plan: [row[k] for k in kept] for plan, row in scores.items()},
            [labels[k] for k in kept],
        ),
        size=(2.6 + 0.42 * max(len(kept), 6), 1.6 + 0.36 * len(scores)),
    )
    return shown(picture)


def _draw_classes(figure: Any, scores: dict[str, list[float]], names: Sequence[str]) -> Any:
    axes = figure.add_subplot()
    values = 100 * np.array(list(scores.values()))
    axes.pcolormesh(values, cmap="Blues", vmin=0, vmax=100, edgecolors=MUTED, linewidth=0.2)
    shown = [label(name, 16) for name in names]
    turned = 0 if max(map(len, shown)) <= 2 else 90
    axes.set_xticks(np.arange(len(names)) + 0.5, shown, rotation=turned)
    axes.set_yticks(np.arange(len(scores)) + 0.5, [label(plan, 28) for plan in scores])
    axes.set(xlabel="class")
    axes.invert_yaxis()
    axes.grid(visible=False)
    for (row, column), value in np.ndenumerate(values):
        colour = "#ffffff" if value > 55 else "#10141a"
        axes.text(column + 0.5, row + 0.5, f"{value:.0f}", ha="center", va="center",
                  color=colour, fontsize=7)  # fmt: skip
    return axes


def by_class(found: Runs) -> dict[str, list[float]]:
    """Give the mean F1 over seeds of each class, for every plan with a run."""
    means = {}
    for plan, runs in found.items():
        scores = [one.record.metrics.classes for one in runs.values()]
        if scores and scores[0]:
            means[plan] = [mean(score.f1 for score in same) for same in zip(*scores, strict=True)]
    return means


def _strips(results: Results) -> Picture:
    asked = results.comparison
    return plans.strips(
        [(row.plan, plans.layers(asked.spec(row.plan), results.data)) for row in results.plans]
    )


def _failures(results: Results) -> str:
    reasons = [(row.plan, reason) for row in results.plans for reason in row.failures]
    return titled("Failed runs", page.table(("plan", "why"), reasons, (0, 1)) if reasons else "")
