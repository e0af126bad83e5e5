"""Answers of a trained model for new sequences."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from spectrans.data.encoding import AnyEncoding
from spectrans.data.tokenizer import Tokenizer
from spectrans.models import BaseModel
from spectrans.tasks import MaskedLM, MultiLabel, Task, TokenClassification
from spectrans.tasks.spans import are_tags, spans
from spectrans.training.batches import feed, padded
from spectrans.training.inputs import Input
from spectrans.training.record import Run

BATCH_SIZE = 64
# Outputs of a forward pass, 256 MiB in float32: long rows with a number for every token of a large
# vocabulary go in smaller batches.
MOST_OUTPUTS = 2**26


class Asked(NamedTuple):
    """What is wanted of each answer.

    Parameters
    ----------
    top
        Classes or tokens to name, at most.
    probabilities
        Whether the probability of every class is given too.
    limits
        For several classes: the probability from which each is part of the answer; None is 0.5.
    """

    top: int = 3
    probabilities: bool = False
    limits: dict[str, float] | None = None


def answers(
    model: BaseModel,
    task: Task,
    encoding: AnyEncoding,
    sequences: Sequence[np.ndarray],
    batch_size: int = BATCH_SIZE,
    places: Sequence[np.ndarray | None] | None = None,
    bucketed: bool = True,
) -> list[np.ndarray]:
    """Give what a model answers for each sequence, in the terms of its task.

    Parameters
    ----------
    model
        A trained model.
    task
        What it was trained for.
    encoding
        What its tokens are.
    sequences
        Token ids or vectors; lengths may differ.
    batch_size
        Rows per forward pass, at most.
    places
        For tasks on tokens: of each sequence the tokens that are asked for; None is all.
    bucketed
        Whether neighbours in length share a batch; else neighbours in order.

    Returns
    -------
    list of ndarray
        In the order of `sequences`; for classes, their probabilities.

    Examples
    --------
    >>> from spectrans.data import load
    >>> from spectrans.training.spec import RunSpec
    >>> digits = load("digits")
    >>> model = RunSpec(plan="gfnet", num_layers=1, hidden_dim=8, num_heads=1).build(digits)
    >>> found = answers(model, digits.task, digits.encoding, digits.test.tokens[:2])
    >>> [row.shape for row in found]
    [(10,), (10,)]
    """
    model.eval()
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    # Neighbours in length share a batch: little padding, and few different lengths to mix.
    order = np.argsort(lengths, kind="stable") if bucketed else np.arange(len(lengths))
    width = _width(model) if task.per_token else 0
    found: list[np.ndarray] = [np.empty(0)] * len(sequences)
    with torch.inference_mode():
        for rows in _batches(order, lengths * width, batch_size):
            batch = padded([encoding.present(sequences[row]) for row in rows])
            outputs = task.answers(feed(model, **batch)).numpy()
            for row, output in zip(rows, outputs, strict=True):
                if task.per_token:
                    asked = None if places is None else places[row]
                    # A copy: a part would keep the whole batch alive.
                    output = output[: lengths[row]] if asked is None else output[asked]
                found[row] = output.copy()
    return found


def _width(model: BaseModel) -> int:
    """Give the outputs of a token."""
    config = model.config
    return int(getattr(config, "num_classes", None) or config.vocab_size or 1)


def _batches(order: np.ndarray, outputs: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Cut an order of rows to batches that are no larger than allowed."""
    start = 0
    while start < len(order):
        some = order[start : start + batch_size]
        padded_to = np.maximum.accumulate(outputs[some]) * np.arange(1, len(some) + 1)
        fit = max(1, int((padded_to <= MOST_OUTPUTS).sum()))
        yield some[:fit]
        start += fit


def answer_all(run: Run, inputs: Sequence[Input], top: int) -> list[dict[str, Any]]:
    """Give what a run's model answers, as plain data.

    Parameters
    ----------
    run
        A finished run.
    inputs
        What is asked.
    top
        Classes or tokens to name for each, at most.

    Returns
    -------
    list of dict
        In the order of `inputs`.
    """
    return [answer for _, answer in answer_windows(run, [inputs], Asked(top))]


def answer_windows(
    run: Run,
    windows: Iterable[Sequence[Input]],
    asked: Asked,
    batch_size: int = BATCH_SIZE,
) -> Iterator[tuple[Input, dict[str, Any]]]:
    """Give the answers window by window, so that inputs need not fit into memory.

    Parameters
    ----------
    run
        A finished run.
    windows
        What is asked, some rows at a time; rows are sorted by length inside of a window.
    asked
        What is wanted of each answer.
    batch_size
        Rows per forward pass, at most.

    Yields
    ------
    tuple[Input, dict[str, Any]]
        Each input with its answer as plain data, in order.
    """
    data = run.record.data
    speak = speaker(run, asked)
    for window in windows:
        tokens, places = [g.tokens for g in window], [g.places for g in window]
        rows = answers(run.model, data.task, data.encoding, tokens, batch_size, places)
        for given, row in zip(window, rows, strict=True):
            yield given, speak(given._replace(places=None), row, asked.top)


def speaker(
    run: Run, asked: Asked | None = None
) -> Callable[[Input, np.ndarray, int], dict[str, Any]]:
    """Give what turns an output of `answers` into plain data, tokens written as text."""
    task, wanted = run.record.data.task, asked or Asked()
    if not isinstance(task, MaskedLM) or run.record.data.encoding.kind == "id":
        return partial(_answer, task, wanted)
    cut = Tokenizer(run.tokenizer) if run.tokenizer else None
    return lambda given, row, top: _spelt(_answer(task, wanted, given, row, top), given, task, cut)


def _answer(task: Task, asked: Asked, given: Input, row: np.ndarray, top: int) -> dict[str, Any]:
    row = row if given.places is None else row[given.places]
    answer = task.answer(row, top)
    if isinstance(task, MultiLabel) and asked.limits is not None:
        answer["labels"] = task.chosen(row, asked.limits)
    if given.words:
        answer["words"] = list(given.words)
    if isinstance(task, TokenClassification) and are_tags(task.labels):
        answer["spans"] = _spans(answer["labels"], given.words)
    if asked.probabilities:
        answer["classes"] = _shares(task, row)
    return answer if given.truth is None else {**answer, "truth": given.truth}


def _shares(task: Task, row: np.ndarray) -> Any:
    """Give the probability of every class, of each token where tokens are asked."""
    if row.ndim == 1:
        return dict(zip(task.labels, row.tolist(), strict=True))
    return [dict(zip(task.labels, one.tolist(), strict=True)) for one in row]


def _spans(labels: list[str], words: tuple[str, ...]) -> list[dict[str, Any]]:
    """Give the spans that tags make, with their words."""
    return [
        {**span._asdict(), **({"text": " ".join(words[span.start : span.end])} if words else {})}
        for span in spans(labels)
    ]


def _spell_byte(token: int) -> str:
    """Write a byte: a character of ASCII as it is, another as hexadecimal digits."""
    return chr(token) if token < 128 else f"0x{token:02x}"


def _spelt(
    answer: dict[str, Any], given: Input, task: MaskedLM, tokenizer: Tokenizer | None
) -> dict[str, Any]:
    """Write the tokens of an answer as text, and the text with the likeliest put in."""
    spell = tokenizer.spell if tokenizer else _spell_byte
    hidden = [
        {**place, "tokens": [spell(token) for token in place["tokens"]]}
        for place in answer["hidden"]
    ]
    whole = given.tokens.astype(np.int64)
    gaps = np.flatnonzero(whole == task.mask)
    found: dict[str, Any] = {"hidden": hidden}
    # Not in a row of the test split, where some of the tokens in question are not hidden.
    if len(gaps) == len(hidden):
        whole[gaps] = [place["tokens"][0] for place in answer["hidden"]]
        data = whole.tolist()
        found["filled"] = (
            tokenizer.text(whole) if tokenizer else bytes(data).decode(errors="replace")
        )
    if "truth" in answer:
        found["truth"] = [spell(token) for token in answer["truth"]]
    return found
