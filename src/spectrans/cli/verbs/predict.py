"""Use a trained model."""

import json
from pathlib import Path

import typer

from spectrans.cli.sentences import refusing
from spectrans.cli.terminal import plain, talk
from spectrans.cli.verbs.inputs import read_inputs
from spectrans.training.compare import best_run
from spectrans.training.predict import answer_all
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
        inputs = read_inputs(done.record, texts, file, examples, done.tokenizer)
    task = done.record.data.task
    found = answer_all(done, inputs, top)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for given, answer in zip(inputs, found, strict=True):
        if given.picture:
            say.print(given.picture)
        typer.echo(plain(task.show(answer)))
