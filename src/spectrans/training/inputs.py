"""What a trained model is asked about, as token sequences."""

import json
import re
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from spectrans.data import Dataset, Pixels, Vectors
from spectrans.data.intake import IdIntake, VectorIntake
from spectrans.data.sources.base import BRIEF
from spectrans.data.subwords import piece_labels
from spectrans.data.tokenizer import Tokenizer
from spectrans.data.utf8 import boundary, word_starts
from spectrans.data.utf8 import tokens as byte_tokens
from spectrans.errors import FaultError, must
from spectrans.tasks import MaskedLM
from spectrans.tasks.tokens import NO_LABEL
from spectrans.training.record import DataRecord

_SHADE = re.compile(r"\d{1,9}")
_SHADES = " .:-=+*#%@"
# What stands for a hidden token in a text.
HIDDEN = "[MASK]"


class Input(NamedTuple):
    """One sequence, and what is known of it."""

    tokens: np.ndarray
    truth: Any = None
    picture: str = ""
    # For tasks on tokens: which of them are asked for, and what they are called.
    places: np.ndarray | None = None
    words: tuple[str, ...] = ()
    # Its number in a file, and whether it was longer than the model takes.
    row: int | None = None
    cut: bool = False


def reads_text(data: DataRecord) -> bool:
    """Say whether a model is asked about texts."""
    return data.encoding.kind in ("byte", "subword")


def read_line(place: str, line: str, data: DataRecord, tokenizer: Tokenizer | None = None) -> Input:
    """Read a text, or a sequence that is written in one line.

    Parameters
    ----------
    place
        Where the line is from, for messages.
    line
        A text; numbers between commas or blanks; or a JSON list.
    data
        What the model was trained on.
    tokenizer
        What cuts texts to pieces of words, if that is what tokens are.

    Returns
    -------
    Input
        What the model is fed with.

    Raises
    ------
    ValueError
        Something that the model cannot have been trained for.
    """
    if data.encoding.kind == "subword":
        assert tokenizer is not None, "the run has it"
        return _in_pieces(place, line, data, tokenizer)
    if reads_text(data):
        return _text(place, line, data)
    return _pixels(place, line, data) if data.encoding.kind == "pixel" else _row(place, line, data)


def _text(place: str, text: str, record: DataRecord) -> Input:
    """Read a text as the bytes that the model was trained on, cut where they were."""
    text, task = _plain(place, text, record), record.task
    if isinstance(task, MaskedLM):
        text = text.replace(HIDDEN, chr(task.mask))
    whole = text.encode("utf-8", errors="replace")
    data = whole[: boundary(whole, record.max_length)]
    given = Input(byte_tokens(data), cut=len(data) < len(whole))
    if isinstance(task, MaskedLM):
        places = np.flatnonzero(given.tokens == task.mask)
        if not len(places):
            rule = f"hold {HIDDEN} within its first {record.max_length} tokens"
            raise ValueError(must(place, rule, text.replace("\0", HIDDEN)))
        return given._replace(places=places)
    if task.kind == "token-classification":
        places = word_starts(given.tokens)
        return given._replace(places=places, words=tuple(text.split(" ")[: len(places)]))
    return given


def _plain(place: str, text: str, record: DataRecord) -> str:
    """Check a text; of words, give them with one blank between."""
    if not text.strip():
        raise ValueError(must(place, "not be empty", text))
    if isinstance(record.task, MaskedLM) and ("\0" in text or HIDDEN not in text):
        rule = f"hold {HIDDEN} where a token is to be found, and no NUL"
        raise ValueError(must(place, rule, text))
    return " ".join(text.split()) if record.task.kind == "token-classification" else text


def _in_pieces(place: str, text: str, record: DataRecord, tokenizer: Tokenizer) -> Input:
    """Read a text as the pieces that the model was trained on, cut where they were."""
    text, task = _plain(place, text, record), record.task
    if isinstance(task, MaskedLM):
        text = text.replace(HIDDEN, tokenizer.inner.id_to_token(task.mask))
    (pieces,) = tokenizer.cut([text])
    tokens = pieces.ids[: record.max_length]
    if not len(tokens):
        raise ValueError(must(place, "hold something that the tokenizer reads", text))
    given = Input(tokens, cut=len(tokens) < len(pieces.ids))
    if isinstance(task, MaskedLM):
        places = np.flatnonzero(tokens == task.mask)
        if not len(places):
            rule = f"hold {HIDDEN} within its first {record.max_length} tokens"
            raise ValueError(must(place, rule, text))
        return given._replace(places=places)
    if task.kind == "token-classification":
        words = text.split(" ")
        data = byte_tokens(text.encode())
        labels = np.full(len(data), NO_LABEL)
        labels[word_starts(data)] = np.arange(len(words))
        known = piece_labels(data, labels, pieces)[: len(tokens)]
        places = np.flatnonzero(known != NO_LABEL)
        return given._replace(places=places, words=tuple(words[k] for k in known[places]))
    return given


def read_value(
    place: str, value: Any, data: DataRecord, tokenizer: Tokenizer | None = None
) -> Input:
    """Read an input of a table: a text, a list of words, or a sequence of numbers.

    Parameters
    ----------
    place
        Where it is from, for messages.
    value
        As the table has it.
    data
        What the model was trained on.
    tokenizer
        What cuts texts to pieces of words, if that is what tokens are.

    Returns
    -------
    Input
        What the model is fed with.

    Raises
    ------
    ValueError
        Something that the model cannot have been trained for.
    """
    listed = isinstance(value, (list, np.ndarray))
    if reads_text(data) and listed and all(isinstance(word, str) for word in value):
        value, listed = " ".join(value), False
    if isinstance(value, str):
        return read_line(place, value, data, tokenizer)
    if reads_text(data) or not listed:
        rule = "hold a text" if reads_text(data) else "hold a list of numbers"
        raise ValueError(f"{place} must {rule}, got {BRIEF.repr(value)}")
    return _sequence(place, value, data)


def _row(place: str, line: str, data: DataRecord) -> Input:
    """Read a sequence of ids or vectors: a JSON list, or numbers between commas or blanks."""
    bare = not line.lstrip().startswith("[")
    try:
        value = json.loads(f"[{','.join(line.replace(',', ' ').split())}]" if bare else line)
    except (ValueError, RecursionError):
        raise ValueError(must(place, "hold numbers, or a JSON list of them", line)) from None
    return _sequence(place, value, data)


def _sequence(place: str, value: Any, data: DataRecord) -> Input:
    """Check a sequence of ids or vectors."""
    encoding = data.encoding
    intake: IdIntake | VectorIntake = (
        VectorIntake(data.max_length, len(encoding.mean))
        if isinstance(encoding, Vectors)
        else IdIntake(data.max_length)
    )
    try:
        whole = intake.read(value)
    except FaultError as fault:
        raise ValueError(f"{place} {fault}") from None
    tokens = intake.cut(whole)
    if isinstance(encoding, Pixels) and len(whole) != data.max_length:
        raise ValueError(must(place, f"hold {data.max_length} grey values", len(whole)))
    if not isinstance(encoding, Vectors) and tokens.max() >= encoding.vocab_size:
        rule = f"hold ids below {encoding.vocab_size}, as in training"
        raise ValueError(must(place, rule, int(tokens.max())))
    places = None
    if data.task.per_token:
        places = np.arange(len(tokens))
    if isinstance(data.task, MaskedLM):
        places = np.flatnonzero(tokens == data.task.mask)
        if not len(places):
            rule = f"hold the id {data.task.mask} where one is to be found"
            raise ValueError(f"{place} must {rule}, got {BRIEF.repr(value)}")
    return Input(tokens, places=places, cut=len(tokens) < len(whole))


def _pixels(place: str, line: str, data: DataRecord) -> Input:
    """Read the grey values of a picture, row by row, separated by commas or blanks."""
    fields = line.replace(",", " ").split()
    assert isinstance(data.encoding, Pixels)
    shades = data.encoding.vocab_size
    if len(fields) != data.max_length:
        raise ValueError(must(place, f"hold {data.max_length} grey values", len(fields)))
    wrong = [field for field in fields if not _SHADE.fullmatch(field) or int(field) >= shades]
    if wrong:
        rule = f"hold whole numbers from 0 to {shades - 1}"
        raise ValueError(must(place, rule, wrong[0]))
    values = np.array([int(field) for field in fields])
    return Input(values, picture=_picture(values, shades))


def example(dataset: Dataset, row: int) -> Input:
    """Take one row of the test split, as a picture where it is one, or as text."""
    tokens, label, task = dataset.test.tokens[row], dataset.test.label(row), dataset.task
    picture, places = "", None
    if isinstance(task, MaskedLM):
        tokens, label = task.ask(tokens, label, np.random.RandomState(row))
    if task.per_token:
        places = np.flatnonzero(label != NO_LABEL)
        label = label[places]
    if isinstance(dataset.encoding, Pixels):
        picture = _picture(tokens, dataset.encoding.vocab_size)
    elif dataset.encoding.kind == "byte":
        shown = bytes(tokens.tolist()).decode("utf-8", errors="replace")
        picture = shown.replace("\0", HIDDEN)
    elif dataset.tokenizer is not None:
        picture = Tokenizer(dataset.tokenizer).text(tokens)
    return Input(tokens, task.truth(label), picture, places)


def _picture(values: Integer[np.ndarray, " _"], shades: int) -> str:
    """Draw a square picture in characters; give nothing for another shape."""
    side = round(len(values) ** 0.5)
    if side * side != len(values):
        return ""
    darkness = values.astype(np.int64) * (len(_SHADES) - 1) // (shades - 1)
    rows = darkness.reshape(side, side)
    return "\n".join("".join(2 * _SHADES[value] for value in row) for row in rows)
