"""Use a trained model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import typer
from jaxtyping import Float

from spectrans.cli.sentences import refusing
from spectrans.cli.terminal import plain, talk
from spectrans.cli.verbs.inputs import Input, read_inputs
from spectrans.training.compare import best_run
from spectrans.training.predict import probabilities
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
    answers = probabilities(done.model, [given.tokens for given in inputs])
    labels = done.record.task.label_names
    found = [_best(labels, row, top) for row in answers]
    if as_json:
        pairs = zip(inputs, found, strict=True)
        typer.echo(json.dumps([_data(given, best) for given, best in pairs], ensure_ascii=False))
        return
    for given, best in zip(inputs, found, strict=True):
        if given.picture:
            say.print(given.picture)
        typer.echo(_line(given, best))


def _best(
    labels: tuple[str, ...], row: Float[np.ndarray, " classes"], top: int
) -> dict[str, float]:
    """Give the likeliest classes with their probabilities, likeliest first."""
    order = np.argsort(-row, kind="stable")[:top]
    return {labels[k]: float(row[k]) for k in order}


def _data(given: Input, best: dict[str, float]) -> dict[str, Any]:
    label = next(iter(best))
    found: dict[str, Any] = {"label": label, "probability": best[label], "top": best}
    return found if given.truth is None else {**found, "truth": given.truth}


def _line(given: Input, best: dict[str, float]) -> str:
    shown = "  ".join(f"{plain(label)} {share:.2f}" for label, share in best.items())
    if given.truth is None:
        return shown
    right = "right" if given.truth == next(iter(best)) else f"wrong, it is {plain(given.truth)}"
    return f"{shown}  ({right})"
