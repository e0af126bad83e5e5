"""A layout: a plan in one line, as a user types it and as tables, folders and reports show it.

The grammar, spaces aside:

    layout  = part {"," part}
    part    = [count "x"] mixer ["(" option {"," option} ")"]
    option  = name "=" value
    value   = JSON, or a word of letters, digits and . _ + - that stands for itself; True, False and
              None are read as in Python

so `3xgfnet,attention` and `wavelet(levels=5,wavelet=haar),2xattention(window=64)`. What is not
written keeps its default.
"""

import json
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple, NoReturn

from spectrans.errors import must
from spectrans.mixers import MixerOptions, resolve

_PART = re.compile(r"\s*(?:(\d{1,18})x)?(\w+)\s*")
_NAME = re.compile(r"\s*(\w+)\s*=\s*")
_WORD = re.compile(r"[\w.+-]+")
_SPACE = re.compile(r"\s*")
_DECODER = json.JSONDecoder()
# As these are written in Python, where JSON has true, false and null.
_PYTHON = {"True": True, "False": False, "None": None}
RULE = "be mixer names with optional counts, as in '3xfourier,attention'"
OPTIONS_RULE = "have options as name=value in parentheses, as in 'wavelet(levels=5),attention'"


class Part(NamedTuple):
    """Some equal layers of a layout."""

    times: int
    options: MixerOptions

    def __str__(self) -> str:
        return f"{self.times}x{written(self.options)}" if self.times > 1 else written(self.options)


class _Reader:
    """Reads a layout from left to right."""

    def __init__(self, layout: str) -> None:
        self.layout, self.place = layout, 0

    def parts(self) -> list[Part]:
        """Read all of it."""
        found = [self._part()]
        while self._take(","):
            found.append(self._part())
        if self.place < len(self.layout):
            self._refuse(OPTIONS_RULE if self.layout[self.place] in "()" else RULE)
        return found

    def _part(self) -> Part:
        match = self._match(_PART, RULE)
        count, name = int(match[1] or 1), match[2]
        if not count or self.layout[self.place : self.place + 1] not in ("", ",", "(", ")"):
            self._refuse(RULE)
        # An unknown mixer is the first thing to say.
        options = resolve(name)
        if not self._take("("):
            return Part(count, options)
        rest = self.layout[self.place :]
        rule = OPTIONS_RULE if ")" in rest else f"close the parenthesis behind {name!r}"
        settings = self._options(name, rule)
        try:
            return Part(count, type(options)(**settings))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def _options(self, name: str, rule: str) -> dict[str, Any]:
        """Read what stands in parentheses."""
        settings: dict[str, Any] = {}
        while True:
            option = self._match(_NAME, rule)[1]
            if option in settings:
                self._refuse(f"set {option!r} of {name} once")
            settings[option] = self._value(rule)
            if self._take(")"):
                return settings
            if not self._take(","):
                self._refuse(rule)

    def _value(self, rule: str) -> Any:
        """Read JSON, or a word."""
        word = _WORD.match(self.layout, self.place)
        try:
            value, end = _DECODER.raw_decode(self.layout, self.place)
        except (ValueError, RecursionError):
            value, end = None, -1
        # `4x` begins with a number and is a word.
        if word is not None and word.end() > end:
            value, end = _PYTHON.get(word[0], word[0]), word.end()
        if end < 0:
            self._refuse(rule)
        self.place = end
        self._take("")
        return value

    def _match(self, pattern: re.Pattern[str], rule: str) -> re.Match[str]:
        match = pattern.match(self.layout, self.place)
        if match is None:
            self._refuse(rule)
        self.place = match.end()
        return match

    def _take(self, mark: str) -> bool:
        """Pass over a mark and the space behind it, if it comes next."""
        found = self.layout.startswith(mark, self.place)
        if found:
            space = _SPACE.match(self.layout, self.place + len(mark))
            self.place = space.end() if space else self.place
        return found

    def _refuse(self, rule: str) -> NoReturn:
        raise ValueError(must("layer_types", rule, self.layout))


def parts(layout: str) -> list[Part]:
    """Read a layout.

    Parameters
    ----------
    layout
        As the grammar of this module has it.

    Returns
    -------
    list of Part
        In the order written.

    Raises
    ------
    ValueError
        Not a layout, an unknown mixer, or a bad option.

    Examples
    --------
    >>> [(part.times, part.options.name) for part in parts("2xfourier,attention(window=8)")]
    [(2, 'fourier'), (1, 'attention')]
    """
    return _Reader(layout).parts()


def written(options: MixerOptions) -> str:
    """Write one mixer: its name, and every option that is not at its default.

    Parameters
    ----------
    options
        Of the mixer.

    Returns
    -------
    str
        A part of a layout, which is read as the same options.

    Examples
    --------
    >>> written(resolve({"type": "wavelet", "levels": 5, "boundary": "periodization"}))
    'wavelet(levels=5)'
    """
    plain = options.model_dump(mode="json")
    defaults = {name: field.default for name, field in type(options).model_fields.items()}
    own = [
        f"{name}={_shown(plain[name])}"
        for name, default in defaults.items()
        if getattr(options, name) != default
    ]
    return f"{options.name}({','.join(own)})" if own else options.name


def _shown(value: Any) -> str:
    """Write a value so that it is read as the same one."""
    if isinstance(value, str) and _WORD.fullmatch(value) and value not in _PYTHON:
        try:
            json.loads(value)
        except json.JSONDecodeError:
            return value
    return json.dumps(value, separators=(",", ":"))


def canonical(layout: str) -> str:
    """Give the one way to write a layout: no space, no default, equal neighbours counted.

    Parameters
    ----------
    layout
        Any layout.

    Returns
    -------
    str
        A layout of the same layers.

    Raises
    ------
    ValueError
        As `parts`.

    Examples
    --------
    >>> canonical("fourier, fourier, wavelet(levels=3)")
    '2xfourier,wavelet'
    """
    return _joined(parts(layout))


def shortest(plan: Sequence[MixerOptions]) -> str:
    """Write a plan as the shortest layout that gives it when repeated over as many layers.

    Parameters
    ----------
    plan
        Options of each layer.

    Returns
    -------
    str
        A canonical layout.

    Examples
    --------
    >>> shortest([resolve(name) for name in ("fourier", "attention", "fourier")])
    'fourier,attention'
    """
    every = range(len(plan))
    period = next(p for p in range(1, len(plan) + 1) if all(plan[k] == plan[k % p] for k in every))
    return _joined([Part(1, options) for options in plan[:period]])


def mixers(layout: str) -> list[str]:
    """Give the names of the mixers of a layout, each once, in order."""
    return list(dict.fromkeys(part.options.name for part in parts(layout)))


def _joined(found: Sequence[Part]) -> str:
    groups = groupby(found, key=lambda part: part.options)
    return ",".join(str(Part(sum(p.times for p in some), options)) for options, some in groups)
