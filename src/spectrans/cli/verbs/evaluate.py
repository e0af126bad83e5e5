"""Say how good a trained model is on some rows."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from spectrans.cli.sentences import refusing
from spectrans.cli.terminal import plain, result, talk
from spectrans.cli.verbs.predict import open_run
from spectrans.data import Dataset, Examples, load
from spectrans.data.again import read_again
from spectrans.data.baselines import Baseline, baselines
from spectrans.data.reading import SPLITS
from spectrans.data.tokenizer import Tokenizer
from spectrans.disk import Unwritable
from spectrans.errors import unknown
from spectrans.tasks import Metric, Task
from spectrans.training.evaluate import Evaluation, evaluate
from spectrans.training.inputs import example
from spectrans.training.predict import Asked, answers, speaker
from spectrans.training.record import DataRecord, Run

# Classes that are shown; all are in the JSON.
MOST_CLASSES = 50
# Characters that are shown of a text.
EXCERPT = 80


@dataclass(frozen=True, eq=False)
class Rows:
    """What is judged: rows, what they are called, and what was seen when they were read."""

    name: str
    examples: Examples
    place: Callable[[int], str]
    unseen: dict[str, int]
    truncated: int


def run(
    folder: Path,
    data: dict[str, Any],
    split: str | None,
    worst: int,
    beside: bool,
    batch_size: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Judge a run on a split of its data or on new data, and print what came out."""
    say = talk(quiet)
    with refusing():
        if data and "source" not in data:
            raise ValueError("--text and --label must be left out without --data")
        if split is not None and split not in SPLITS:
            raise ValueError(unknown("split", split, SPLITS))
        done = open_run(folder, say)
        record = done.record.data
        dataset, trouble = _trained_on(done)
        if "source" in data:
            rows = _new(done, data, split)
        elif dataset is None:
            raise ValueError(f"{trouble}; name new data with --data")
        else:
            rows = _own(dataset, split or "test")
    if rows.unseen:
        say.print(plain(_left_out(rows.unseen)), style="yellow")
    if rows.truncated:
        say.print(
            f"{rows.truncated:,} rows were cut to the {record.max_length:,} tokens of training"
        )
    found = evaluate(done.model, record.task, record.encoding, rows.examples, batch_size)
    scored: tuple[Baseline, ...] = ()
    if beside and dataset is not None:
        scored = baselines(replace(dataset, test=rows.examples))
    elif beside:
        say.print(plain(f"no baselines beside: {trouble}"), style="yellow")
    wrong = _worst(done, rows, found, worst)
    if as_json:
        typer.echo(json.dumps(_written(folder, rows, found, scored, wrong), ensure_ascii=False))
        return
    _show(result(), record.task, rows, found, scored, wrong)


def _trained_on(done: Run) -> tuple[Dataset | None, str]:
    """Load what the model was trained on, or say why not."""
    source = done.record.spec.data.source
    try:
        dataset = load(done.record.spec.data)
    except Unwritable:
        # Not the data: the folder for temporary files.
        raise
    except (ValueError, OSError) as error:
        return None, f"the data of training cannot be read: {error}"
    if DataRecord.of(dataset) != done.record.data:
        return None, f"{source} has changed since training: its splits are not known any more"
    return dataset, ""


def _own(dataset: Dataset, split: str) -> Rows:
    examples = getattr(dataset, split)
    return Rows(f"the {split} split of {dataset.name}", examples, f"{split} row {{}}".format, {}, 0)


def _new(done: Run, data: dict[str, Any], split: str | None) -> Rows:
    """Read new data, from the columns of training unless others are named."""
    record = done.record
    spec = record.spec.data.model_copy(update={"dedup": False, **data})
    again = read_again(
        spec, record.data.task, record.data.encoding, record.data.max_length, done.tokenizer, split
    )
    return Rows(again.name, again.examples, again.place, again.unseen, again.truncated)


def _left_out(unseen: dict[str, int]) -> str:
    """Say what cannot be judged."""
    names = sorted(unseen, key=lambda name: (-unseen[name], name))
    shown = ", ".join(f"{name!r} {unseen[name]:,} times" for name in names[:5])
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"left out, of classes that the model was not trained on: {shown}{more}"


def _worst(done: Run, rows: Rows, found: Evaluation, count: int) -> list[dict[str, Any]]:
    """Give the rows with the highest loss, with what was answered and what is true."""
    data, chosen = done.record.data, found.worst(count)
    if not len(chosen):
        return []
    shown = Dataset(
        name=data.name,
        train=rows.examples,
        validation=rows.examples,
        test=rows.examples,
        task=data.task,
        encoding=data.encoding,
        max_length=data.max_length,
        description=data.description,
        licence=data.licence,
        tokenizer=done.tokenizer,
    )
    inputs = [example(shown, int(row)) for row in chosen]
    places = [given.places for given in inputs]
    tokens = [given.tokens for given in inputs]
    outputs = answers(done.model, data.task, data.encoding, tokens, places=places)
    speak = speaker(done, Asked(1))
    return [
        {
            "place": rows.place(int(row)),
            "loss": float(found.losses[row]),
            "answer": speak(given._replace(places=None), output, 1),
            "text": _excerpt(done, given.tokens),
        }
        for row, given, output in zip(chosen, inputs, outputs, strict=True)
    ]


def _excerpt(done: Run, tokens: Any) -> str:
    """Write the beginning of a row."""
    kind = done.record.data.encoding.kind
    if kind == "byte":
        text = bytes(tokens.tolist()).decode("utf-8", errors="replace")
    elif kind == "subword":
        assert done.tokenizer is not None, "the run has it"
        text = Tokenizer(done.tokenizer).text(tokens)
    else:
        text = " ".join(map(str, tokens[:20].tolist()))
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}\N{HORIZONTAL ELLIPSIS}"


def _written(
    folder: Path,
    rows: Rows,
    found: Evaluation,
    scored: tuple[Baseline, ...],
    wrong: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "run": str(folder),
        "data": rows.name,
        "rows": len(rows.examples),
        "unseen": rows.unseen,
        "truncated": rows.truncated,
        "confidence": 0.95,
        "resamples": found.resamples,
        "figures": [figure.model_dump(mode="json") for figure in found.figures],
        "classes": [score.model_dump(mode="json") for score in found.classes],
        "baselines": [baseline.model_dump(mode="json") for baseline in scored],
        "worst": wrong,
    }


def _show(
    console: Console,
    task: Task,
    rows: Rows,
    found: Evaluation,
    scored: tuple[Baseline, ...],
    wrong: list[dict[str, Any]],
) -> None:
    console.print(plain(f"{len(rows.examples):,} rows, {rows.name}"), style="bold")
    loss = Metric(name="loss", title="loss", percent=False, higher=False)
    metrics = {metric.name: metric for metric in (*task.metrics, loss)}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("figure", "model", "95 % interval", *(baseline.name for baseline in scored)):
        table.add_column(title, justify="left" if title == "figure" else "right")
    for figure in found.figures:
        metric = metrics[figure.name]
        ends = f"{metric.show(figure.low)} to {metric.show(figure.high)}"
        others = (metric.show(b.scores.values[figure.name]) for b in scored)
        table.add_row(metric.title, metric.show(figure.value), ends, *others)
    console.print(table)
    ways = {figure.method for figure in found.figures}
    how = f"bootstrap of the rows, {found.resamples:,} samples"
    shares = [metrics[f.name].title for f in found.figures if f.method == "wilson"]
    if "wilson" in ways:
        how += f"; of {', '.join(shares)} by Wilson"
    console.print(f"intervals: {how}", style="dim")
    if found.classes:
        console.print()
        _show_classes(console, found)
    if wrong:
        console.print("\nmost wrong", style="bold")
    for row in wrong:
        said = plain(f"{row['place']}: {task.show(row['answer'])}: {row['text']}")
        console.print(f"  loss {row['loss']:.2f}  {said}", soft_wrap=True)


def _show_classes(console: Console, found: Evaluation) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("class", "rows", "precision", "recall", "F1"):
        table.add_column(title, justify="left" if title == "class" else "right")
    for score in found.classes[:MOST_CLASSES]:
        shares = (f"{100 * share:.1f} %" for share in (score.precision, score.recall, score.f1))
        table.add_row(plain(score.label), f"{score.rows:,}", *shares)
    console.print(table)
    if len(found.classes) > MOST_CLASSES:
        more = len(found.classes) - MOST_CLASSES
        console.print(f"and {more:,} more classes, see --json", style="dim")
