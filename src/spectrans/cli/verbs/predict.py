"""Use a trained model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import typer

from spectrans.cli.sentences import refusing
from spectrans.cli.terminal import plain, talk
from spectrans.cli.verbs.inputs import Input, read_inputs
from spectrans.tasks import Task
from spectrans.training.compare import best_run
from spectrans.training.predict import answers
from spectrans.training.record import load_run


def run(
    folder: Path,
    texts: list[str],
    file: Path | None,
    examples: list[int],
    top: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Classify what the command line names, and print one line for each."""
    say = talk(quiet)
    with refusing():
        chosen = best_run(folder)
        if chosen != folder:
            say.print(
                f"of the runs in {folder}, the best on validation: {chosen.name}", style="dim"
            )
        done = load_run(chosen)
        inputs = read_inputs(done.record, texts, file, examples)
    task = done.record.data.task
    rows = answers(done.model, task, [given.tokens for given in inputs])
    found = [_answer(task, given, row, top) for given, row in zip(inputs, rows, strict=True)]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for given, answer in zip(inputs, found, strict=True):
        if given.picture:
            say.print(given.picture)
        typer.echo(plain(task.show(answer)))


def _answer(task: Task, given: Input, row: np.ndarray, top: int) -> dict[str, Any]:
    answer = task.answer(row, top)
    return answer if given.truth is None else {**answer, "truth": given.truth}
