"""The report of one training run."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spectrans.data import Dataset, load
from spectrans.data.baselines import Baseline
from spectrans.errors import must
from spectrans.report import classes, curves, page, plans, sensitivity
from spectrans.report.facts import Facts, facts, read_facts, save_facts
from spectrans.report.style import FIGURES, Picture
from spectrans.tasks import Metric
from spectrans.training.evidence import Evidence, examine, read_evidence, save_evidence
from spectrans.training.folders import write_whole
from spectrans.training.history import read_history
from spectrans.training.record import (
    DataRecord,
    RunRecord,
    load_run,
    read_record,
)
from spectrans.training.sensitivity import Sensitivity, read_sensitivity


def write_run_report(
    folder: str | Path, dataset: Dataset | None = None, scored: tuple[Baseline, ...] | None = None
) -> Path:
    """Write `report.html` and its figures into the folder of a run.

    What the model answers to the test rows and what the data hold is counted once and kept beside
    the run, in `evidence.json` and `data.json`; from then on no model and no data are needed.

    Parameters
    ----------
    folder
        Folder that `save_run` wrote.
    dataset
        What the run was trained on, if it is loaded already.
    scored
        Its baselines, if they are known already.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ValueError
        The folder holds no run, or the data of the run have changed since.
    """
    home = Path(folder)
    record = read_record(home)
    evidence, known = read_evidence(home), read_facts(home)
    if evidence is None or known is None:
        dataset = data_of(record) if dataset is None else dataset
    if evidence is None:
        assert dataset is not None
        evidence = examine(load_run(home).model, dataset)
        save_evidence(evidence, home)
    if known is None:
        assert dataset is not None
        known = facts(dataset, scored)
        save_facts(known, home)
    path = home / page.REPORT
    needs = read_sensitivity(home)
    write_whole(path, _page(record, read_history(home), evidence, known, needs, home / FIGURES))
    return path


def data_of(record: RunRecord) -> Dataset:
    """Load the data that a run was trained on.

    Parameters
    ----------
    record
        Of the run.

    Returns
    -------
    Dataset
        The very same rows.

    Raises
    ------
    ValueError
        They have changed, or are not there any more.
    """
    dataset = load(record.spec.data)
    if DataRecord.of(dataset) != record.data:
        rule = "be what the run was trained on"
        raise ValueError(must("the data", rule, f"other rows in {record.spec.data.source}"))
    return dataset


def _page(
    record: RunRecord,
    history: list[dict[str, Any]],
    evidence: Evidence,
    known: Facts,
    needs: Sensitivity | None,
    pictures: Path,
) -> str:
    task, metrics = record.data.task, record.metrics

    def shown(picture: Picture | None) -> str:
        return "" if picture is None else page.figure(picture.save(pictures), picture.says)

    curve = curves.run_curve(history, task, metrics, known.baselines)
    sections = [
        page.section("Result", _scores(record, known)),
        page.section("Learning curve", shown(curve)),
        _classes(record, evidence, shown(classes.confusion(evidence, task))),
        titled("Calibration", shown(classes.reliability(evidence, task))),
        titled("Numbers", shown(classes.numbers(evidence))),
        _plan(record, pictures),
        sensitivity.section(needs, pictures),
        data_section(record.data, known),
        settings_section(record.spec.model_dump(mode="json"), record.versions),
    ]
    value = task.lead.show(record.test)
    lead = (
        f"{record.spec.plan} on {record.data.name}: {task.lead.title} {value} on "
        f"{record.data.test:,} test rows, from the weights that were best on "
        f"{record.data.validation:,} validation rows."
    )
    return page.page(
        f"{record.data.name}: {record.spec.plan}", lead, sections, footer(record.versions)
    )


def titled(title: str, body: str) -> str:
    """Give a part of a page, or nothing where there is nothing to show."""
    return page.section(title, body) if body else ""


def _scores(record: RunRecord, known: Facts) -> str:
    """Give all figures of the run beside those of the baselines."""
    metrics, listed = record.metrics, record.data.task.metrics
    head = ("figure", "test", "validation", *(f"{b.name}, test" for b in known.baselines))
    rows = [
        (
            metric.title,
            metric.show(metrics.test[metric.name]),
            metric.show(metrics.validation[metric.name]),
            *(metric.show(b.scores.values[metric.name]) for b in known.baselines),
        )
        for metric in (*listed, Metric(name="loss", title="loss", percent=False, higher=False))
    ]
    minutes = metrics.seconds / 60
    said = (
        f"{metrics.parameters:,} parameters, trained for {metrics.steps:,} steps in "
        f"{minutes:.1f} minutes; the test rows were looked at once, at the end."
    )
    return page.table(head, rows) + page.paragraph(said, "muted")


def _classes(record: RunRecord, evidence: Evidence, matrix: str) -> str:
    found = record.metrics.classes
    if not found:
        return ""
    rows = [
        (
            score.label,
            f"{score.rows:,}",
            *(f"{100 * value:.1f}" for value in (score.precision, score.recall, score.f1)),
        )
        for score in sorted(found, key=lambda score: score.f1)
    ]
    head = ("class", "test rows", "precision %", "recall %", "F1 %")
    mistakes = classes.confusions(evidence, record.data.task)
    listed = page.table(("true class", "answered with", "times"), mistakes, (0, 1))
    return page.section(
        "Classes",
        page.paragraph("The hardest classes come first.", "muted"),
        page.table(head, rows),
        matrix,
        page.paragraph("The commonest mistakes:") + listed if mistakes else "",
    )


def _plan(record: RunRecord, pictures: Path) -> str:
    found = plans.layers(record.spec, record.data)
    picture = plans.strips([(record.spec.plan, found)])
    rows = [
        (row.layer, row.mixer, row.options, f"{row.parameters:,}", f"{row.mixer_parameters:,}",
         f"{row.flops / 1e6:,.1f}", f"{row.mixer_flops / 1e6:,.1f}")
        for row in found
    ]  # fmt: skip
    head = ("layer", "mixer", "options", "parameters", "of the mixer", "MFLOP", "of the mixer")
    said = f"Operations are those of a forward pass for one row of {record.data.max_length:,}."
    return page.section(
        "Plan",
        page.figure(picture.save(pictures), picture.says),
        page.table(head, rows, (1, 2)),
        page.paragraph(said, "muted"),
    )


def data_section(data: DataRecord, known: Facts) -> str:
    """Give the part of a page that says what the scores were measured on."""
    head = ("split", "rows", "tokens", "shortest", "5 %", "median", "95 %", "longest")
    rows = [
        (part.name, f"{part.rows:,}", f"{part.tokens:,}", *(f"{n:,}" for n in part.lengths))
        for part in known.splits
    ]
    # Without a scheme: a page that names no address loads none.
    licence = data.licence.rstrip(".").replace("https://", "")
    # The description of a file says that already.
    read = f"read as {data.encoding.describe()}"
    how = "" if read in data.description else f" R{read[1:]}."
    said = f"{data.description}.{how} Licence: {licence}."
    warnings = [
        f"{count:,} rows {what}."
        for count, what in (
            (known.truncated, f"were cut to {data.max_length:,} tokens"),
            (known.repeated, "repeat the input of an earlier row"),
            (known.leaks, "of validation and test are also in another split"),
        )
        if count
    ]
    return page.section(
        "Data",
        page.paragraph(said),
        page.table(head, rows),
        *(page.paragraph(warning) for warning in warnings),
        _class_counts(data, known),
    )


def _class_counts(data: DataRecord, known: Facts) -> str:
    """Give the table of classes, or of numbers, in each split."""
    labels, splits = data.task.labels, known.splits
    names = [part.name for part in splits]
    if splits[0].classes:
        counts = zip(labels, *(part.classes for part in splits), strict=True)
        most = sorted(counts, key=lambda row: -row[1])[: classes.MOST_CLASSES]
        what = "tokens" if data.task.per_token else "rows"
        left = len(labels) - len(most)
        more = page.paragraph(f"and {left:,} smaller classes", "muted") if left else ""
        head = ("class", *(f"{what} to {use}" for use in ("train on", "choose by", "test")))
        return page.table(head, [(row[0], *(f"{n:,}" for n in row[1:])) for row in most]) + more
    if splits[0].numbers:
        head = ("number", *(f"{name}: smallest, mean, largest" for name in names))
        rows = [
            (name, *(", ".join(f"{v:.4g}" for v in part.numbers[name]) for part in splits))
            for name in labels
        ]
        return page.table(head, rows)
    return ""


def settings_section(settings: dict[str, Any], versions: dict[str, str]) -> str:
    """Give the part of a page with every setting and version."""
    data = settings.pop("data", {})
    rows: Iterable[tuple[str, object]] = [
        *settings.items(),
        *((f"data {name}", value) for name, value in data.items()),
        *((f"version of {name}", value) for name, value in versions.items()),
    ]
    shown = [(name.replace("_", " "), "" if value is None else value) for name, value in rows]
    return page.section("Settings", page.table(("setting", "value"), shown, (0, 1)))


def footer(versions: dict[str, str]) -> str:
    """Give the last line of a page."""
    return f"Made by spectrans {versions.get('spectrans', '')}. This page is one file."
