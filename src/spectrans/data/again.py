"""New data, read as the data were that a model was trained on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from spectrans.data.dataset import Examples
from spectrans.data.encoding import AnyEncoding, Pixels, Vectors
from spectrans.data.intake import IdIntake, Intake, TextIntake, VectorIntake, WordIntake
from spectrans.data.read import spread
from spectrans.data.reader import Reader
from spectrans.data.reading import SPLITS
from spectrans.data.sources import find, strict
from spectrans.data.sources.lines import LONGEST_LINE
from spectrans.data.spec import DataSpec
from spectrans.data.subwords import subwords
from spectrans.data.tokenizer import Tokenizer
from spectrans.errors import FaultError, must
from spectrans.sequences import Sequences
from spectrans.tasks import MaskedLM, Task
from spectrans.tasks.guess import collector_for


@dataclass(frozen=True, eq=False)
class Again:
    """Rows of new data.

    Parameters
    ----------
    name
        Of the file or folder.
    examples
        The rows that can be judged.
    rows
        Of each of them its number among all rows that were read.
    reader
        Says where a row is.
    unseen
        Classes that the model was not trained on, and how often each occurs.
    truncated
        Rows that were cut.
    """

    name: str
    examples: Examples
    rows: Int64[np.ndarray, " rows"]
    reader: Reader
    unseen: dict[str, int]
    truncated: int

    def place(self, row: int) -> str:
        """Say where a row of the examples is."""
        return self.reader.place(int(self.rows[row]))


class KnownIds(IdIntake):
    """Takes the ids that a model knows.

    Parameters
    ----------
    max_length
        Longer rows are cut to this.
    below
        The first id that is none.
    exact
        Whether a row must have that length.
    """

    def __init__(self, max_length: int, below: int, exact: bool) -> None:
        super().__init__(max_length)
        self.longest, self.below, self.exact = max_length, below, exact

    def read(self, value: Any) -> np.ndarray:
        """Give the ids of a row."""
        ids = super().read(value)
        if ids.max() >= self.below:
            raise FaultError(f"must hold ids below {self.below}, as in training, got {ids.max()}")
        if self.exact and len(ids) != self.longest:
            raise FaultError(f"must hold {self.longest} grey values, got {len(ids)}")
        return ids


class _Rereader(Reader):
    """Reads what a task and an encoding that exist can take."""

    task: Task
    encoding: AnyEncoding
    longest: int

    def _decide(self, task: str | None, records: list[dict[str, Any]]) -> None:
        """Take what the model was trained on, whatever the rows look like."""
        self.intake = _intake(self.task, self.encoding, self.longest)
        self.collector = collector_for(self.task.kind, self.columns.labels)


def _intake(task: Task, encoding: AnyEncoding, longest: int) -> Intake:
    if isinstance(encoding, Vectors):
        return VectorIntake(longest, len(encoding.mean))
    if encoding.kind in ("byte", "subword"):
        # Pieces are counted when they are cut, from whole texts.
        limit = longest if encoding.kind == "byte" else LONGEST_LINE
        return WordIntake(limit) if task.kind == "token-classification" else TextIntake(limit)
    below = task.mask if isinstance(task, MaskedLM) else encoding.vocab_size
    return KnownIds(longest, below, exact=isinstance(encoding, Pixels))


def read_again(
    spec: DataSpec,
    task: Task,
    encoding: AnyEncoding,
    longest: int,
    tokenizer: str | None,
    part: str | None = None,
) -> Again:
    """Read labelled rows for a model that exists.

    Parameters
    ----------
    spec
        Names the file or folder, and its columns.
    task
        What the model was trained for.
    encoding
        What its tokens are.
    longest
        Longer rows are cut to so many tokens.
    tokenizer
        What cuts texts to pieces of words, if that is what tokens are.
    part
        Which split of the source; None takes its test split, or all rows of one without splits.

    Returns
    -------
    Again
        The rows.

    Raises
    ------
    ValueError
        What is wrong with the source, in one sentence with the row and the way out.
    """
    path = Path(spec.source)
    sources = find(path, strict)
    if part is not None and part not in sources:
        known = ", ".join(name for name in sources if name in SPLITS) or "none"
        raise ValueError(must("split", f"be one that {path.name} has ({known})", part))
    chosen = part or ("test" if "test" in sources else next(iter(sources)))
    reader = _Rereader(spec.model_copy(update={"task": task.kind}), strict)
    reader.task, reader.encoding, reader.longest = task, encoding, longest
    reader.read(chosen, sources[chosen])
    labels, kept, unseen = reader.collector.match(task)
    if not len(kept):
        found = ", ".join(sorted(unseen)[:3])
        rule = "hold a row of a class that the model was trained on"
        raise ValueError(f"{path.name} must {rule}, got only {found}")
    tokens, read_as = reader.intake.finish(slice(None))
    cut = reader.intake.truncated
    if task.per_token and isinstance(labels, Sequences):
        labels = spread(tokens, labels, read_as)
    if tokenizer is not None:
        marks = labels if isinstance(labels, Sequences) else None
        tokens, in_pieces, given = subwords(Tokenizer(tokenizer), tokens, marks, longest)
        labels = labels if in_pieces is None else in_pieces
        cut = int((given > tokens.lengths).sum())
    else:
        assert len(reader.intake.kept) == len(tokens)
    return Again(path.name, Examples(tokens.take(kept), labels), kept, reader, unseen, cut)
