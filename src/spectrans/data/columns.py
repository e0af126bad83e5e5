"""Which columns of a table hold what."""

from typing import NamedTuple

from spectrans.data.sources import Source
from spectrans.data.sources.base import brief
from spectrans.errors import unknown

INPUTS = (
    "text", "sentence", "content", "review", "document", "body", "message", "comment",
    "tokens", "words", "sequence", "sequences", "inputs", "input", "x", "data",
    "images", "picture",
)  # fmt: skip
LABELS = (
    "label", "class", "category", "target", "labels", "targets", "tags", "ner_tags", "y",
)  # fmt: skip
IDS = ("id",)


class Columns(NamedTuple):
    """The columns that are read."""

    inputs: str
    labels: tuple[str, ...]
    id: str | None

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that a row must have."""
        return (self.inputs, *self.labels, *((self.id,) if self.id else ()))


def choose(
    source: Source, names: list[str], text: str | None, label: tuple[str, ...], labelled: bool
) -> Columns:
    """Decide which columns to read.

    Parameters
    ----------
    source
        Where they are, for messages.
    names
        All columns.
    text
        The column of the input, if the user named it.
    label
        The columns of the label, if the user named them.
    labelled
        Whether a label is needed.

    Returns
    -------
    Columns
        What to read.

    Raises
    ------
    ValueError
        A column that is not there, and the nearest one; or none with a usual name.
    """
    if labelled and len(names) == 1 and source.separator is not None:
        rule = f"name at least two columns, separated by {source.separator!r}"
        raise ValueError(brief(source.place(1), rule, names[0]))
    inputs = _column(source.name, "text", text, INPUTS, names)
    labels: tuple[str, ...] = ()
    if labelled:
        wanted: tuple[str | None, ...] = label or (None,)
        labels = tuple(_column(source.name, "label", one, LABELS, names) for one in wanted)
        if inputs in labels:
            raise ValueError(brief("label", "name another column than text", inputs))
    others = (name for name in names if name.lower() in IDS and name not in (inputs, *labels))
    return Columns(inputs, labels, next(others, None))


def _column(
    file: str, role: str, wanted: str | None, usual: tuple[str, ...], names: list[str]
) -> str:
    """Give the wanted column, or the first with a usual name whatever its case."""
    if wanted is not None:
        if wanted not in names:
            raise ValueError(f"{file}: {unknown('column', wanted, names)}")
        return wanted
    for candidate in usual:
        for name in names:
            if name.lower() == candidate:
                return name
    rule = f"have a column with a usual name for the {role}, such as {usual[0]!r}"
    message = brief(file, rule, ", ".join(names))
    raise ValueError(f"{message}; say which one it is with --{role}")
