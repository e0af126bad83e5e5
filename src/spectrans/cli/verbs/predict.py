"""Use a trained model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import typer

from spectrans.cli.sentences import refusing
from spectrans.cli.terminal import plain, talk
from spectrans.cli.verbs.inputs import Input, read_inputs
from spectrans.data.tokenizer import Tokenizer
from spectrans.tasks import MaskedLM, Task
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
        inputs = read_inputs(done.record, texts, file, examples, done.tokenizer)
    task = done.record.data.task
    tokens = [given.tokens for given in inputs]
    rows = answers(done.model, task, done.record.data.encoding, tokens)
    found = [_answer(task, given, row, top) for given, row in zip(inputs, rows, strict=True)]
    if isinstance(task, MaskedLM) and done.record.data.encoding.kind != "id":
        spell = Tokenizer(done.tokenizer).spell if done.tokenizer else _spell_byte
        found = [_spelt(answer, spell) for answer in found]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for given, answer in zip(inputs, found, strict=True):
        if given.picture:
            say.print(given.picture)
        typer.echo(plain(task.show(answer)))


def _answer(task: Task, given: Input, row: np.ndarray, top: int) -> dict[str, Any]:
    answer = task.answer(row if given.places is None else row[given.places], top)
    if given.words:
        answer["words"] = list(given.words)
    return answer if given.truth is None else {**answer, "truth": given.truth}


def _spell_byte(token: int) -> str:
    """Write a byte: a character of ASCII as it is, another as hexadecimal digits."""
    return chr(token) if token < 128 else f"0x{token:02x}"


def _spelt(answer: dict[str, Any], spell: Callable[[int], str]) -> dict[str, Any]:
    """Write the tokens of an answer as text."""
    hidden = [
        {**place, "tokens": [spell(token) for token in place["tokens"]]}
        for place in answer["hidden"]
    ]
    truth = {"truth": [spell(token) for token in answer["truth"]]} if "truth" in answer else {}
    return {"hidden": hidden, **truth}
