"""Tasks that come with the library, embedded or generated: one class of settings for each."""

import re

from spectrans.data.builtin.base import Builtin as Builtin
from spectrans.data.builtin.embedded import Digits, Languages
from spectrans.data.builtin.listops import ListOps
from spectrans.data.builtin.pathfinder import Pathfinder
from spectrans.data.builtin.probes import Copying, Induction, Recall
from spectrans.data.builtin.series import Series

FAMILIES: dict[str, type[Builtin]] = {
    task.family: task
    for task in (Digits, Languages, ListOps, Pathfinder, Recall, Copying, Induction, Series)
}
_NAME = re.compile(r"([a-z-]+?)(\d{0,9})")


def find(source: str) -> Builtin | None:
    """Give the task that a source names, as `digits32` or `listops?max=500&train=10000`.

    Parameters
    ----------
    source
        A name, a number that stands for the chief setting, and settings after `?`.

    Returns
    -------
    Builtin or None
        None where the name is not one of ours.

    Raises
    ------
    ValueError
        A setting that is unknown, badly written or out of range.
    """
    name, _, query = source.partition("?")
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in FAMILIES:
        return None
    return FAMILIES[match[1]].of(match[2], query)


def names() -> dict[str, str]:
    """Give the tasks that come with the library, each with a line that describes it.

    Other numbers work too: `digits12` to `digits64`, `languages16` to `languages512`,
    `listops8` to `listops16384`.

    Returns
    -------
    dict
        Descriptions under their names, families together, smallest first.

    Examples
    --------
    >>> names()["digits"]
    '1,797 real handwritten digits, each at a random spot of a 12x12 canvas, read as 144 pixels'
    """
    listing = {}
    for name, task in FAMILIES.items():
        listing[name] = task().describe()
        listing |= {
            f"{name}{number}": task.of(str(number), "").describe() for number in task.listed
        }
    return listing
