"""The sentences that refuse bad input: argument, rule, value, way out."""

from collections.abc import Iterable
from difflib import get_close_matches
from json import JSONDecodeError

# Names that a sentence lists; a table may have a million columns.
MOST_NAMED = 50


class FaultError(ValueError):
    """What is wrong with one value, in words that follow its name: `must be a string, got 3`."""


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that `name` is not a known `kind`, with the nearest match and what there is."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    listing = ", ".join(names[:MOST_NAMED]) + more if names else "none"
    return f"unknown {kind} {name!r}{hint} (available: {listing})"


def must(argument: str, rule: str, value: object) -> str:
    """Say which argument breaks which rule, and with what value."""
    return f"{argument} must {rule}, got {value!r}"


def unreadable(error: Exception) -> str:
    """Say why JSON cannot be read."""
    if isinstance(error, RecursionError):
        return "brackets nested too deep"
    if isinstance(error, (JSONDecodeError, UnicodeDecodeError)):
        return str(error)
    # Python's own sentence tells programmers how to allow more of them.
    return "a number of too many digits"


def some(names: Iterable[str]) -> str:
    """Name the first three of some names, and how many more there are, with the verb that fits."""
    names = sorted(names)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more} {'is' if len(names) == 1 else 'are'}"
