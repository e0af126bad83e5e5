"""Tags of words in the forms BIO, IOBES and their like, as spans with a name."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# B begins, I and M are inside, E and L end, S, U and W are whole; O is outside.
_TAG = re.compile(r"([BIELMSUW])-(.+)")
OUTSIDE = "O"
_BEGIN, _END, _WHOLE = "BSUW", "ELSUW", "SUW"


class Span(NamedTuple):
    """Words `start` to `end`, the last one left out, with what they are."""

    label: str
    start: int
    end: int


def are_tags(labels: Iterable[str]) -> bool:
    """Say whether classes are tags of such a form: O, B-LOC, I-LOC ..."""
    names = [name for name in labels if name != OUTSIDE]
    begin = any(name[0] in _BEGIN or name[0] == "I" for name in names if name)
    return bool(names) and begin and all(_TAG.fullmatch(name) for name in names)


def spans(tags: Sequence[str]) -> list[Span]:
    """Give the spans of a row of tags, in order.

    Parameters
    ----------
    tags
        Of each word; what is no tag is outside.

    Returns
    -------
    list of Span
        A span ends where another begins, by its prefix or its label, and where a tag ends it; one
        that goes on without a beginning begins there, as the CoNLL scorer has it.

    Examples
    --------
    >>> spans(["B-LOC", "I-LOC", "O", "I-PER"])
    [Span(label='LOC', start=0, end=2), Span(label='PER', start=3, end=4)]
    """
    found: list[Span] = []
    open_label, open_start, open_before = "", 0, ""
    for place, tag in enumerate([*tags, OUTSIDE]):
        match = _TAG.fullmatch(tag)
        prefix, label = (match[1], match[2]) if match else ("O", "")
        ended = prefix in f"O{_BEGIN}" or label != open_label or open_before in _END
        if open_label and ended:
            found.append(Span(open_label, open_start, place))
            open_label = ""
        if label and not open_label:
            open_label, open_start = label, place
        open_before = prefix
    return found
