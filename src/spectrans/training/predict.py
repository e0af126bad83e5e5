"""Answers of a trained model for new sequences."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from spectrans.data.encoding import AnyEncoding
from spectrans.data.tokenizer import Tokenizer
from spectrans.models import BaseModel
from spectrans.tasks import MaskedLM, Task
from spectrans.training.batches import feed, padded
from spectrans.training.inputs import Input
from spectrans.training.record import Run


def answers(
    model: BaseModel,
    task: Task,
    encoding: AnyEncoding,
    sequences: Sequence[np.ndarray],
    batch_size: int = 64,
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
        Rows per forward pass.

    Returns
    -------
    list of ndarray
        In the order of `sequences`; for classes, their probabilities.
    """
    model.eval()
    # Neighbours in length share a batch, so that there is little padding.
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    found: list[np.ndarray] = [np.empty(0)] * len(sequences)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = padded([encoding.present(sequences[row]) for row in rows])
            outputs = task.answers(feed(model, **batch))
            for row, output in zip(rows, outputs.numpy(), strict=True):
                found[row] = output[: len(sequences[row])] if task.per_token else output
    return found


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
    data = run.record.data
    rows = answers(run.model, data.task, data.encoding, [given.tokens for given in inputs])
    speak = speaker(run)
    return [speak(given, row, top) for given, row in zip(inputs, rows, strict=True)]


def speaker(run: Run) -> Callable[[Input, np.ndarray, int], dict[str, Any]]:
    """Give what turns an output of `answers` into plain data, tokens written as text."""
    task = run.record.data.task
    if not isinstance(task, MaskedLM) or run.record.data.encoding.kind == "id":
        return partial(_answer, task)
    spell = Tokenizer(run.tokenizer).spell if run.tokenizer else _spell_byte
    return lambda given, row, top: _spelt(_answer(task, given, row, top), spell)


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
