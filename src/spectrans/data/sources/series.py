"""Time series in the `.ts` files of the UCR and UEA archives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from spectrans.data.sources.base import Refuse, brief, strict
from spectrans.data.sources.lines import Lines

_SWITCH = {"true": True, "false": False}


class TimeSeries(Lines):
    """A `.ts` file: words with `@` about the series, then one series a line, channel by channel.

    Parameters
    ----------
    path
        The file.
    refuse
        Told of lines that cannot be read.
    """

    empty: ClassVar[str] = "no series after @data"

    def __init__(self, path: Path, refuse: Refuse = strict) -> None:
        super().__init__(path, refuse)
        self.about: dict[str, str] = {}

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give the series, each with its class or number."""
        begun = False
        for number, line in enumerate(self.lines(), start=1):
            text = line.strip()
            if not text or text.startswith(("#", "%")):
                continue
            if begun:
                row = self._row(number, text)
                if row is not None:
                    yield number, row
            elif text.lower() == "@data":
                begun = True
                self._check(number)
            elif text.startswith("@"):
                word, _, rest = text[1:].partition(" ")
                self.about[word.lower()] = rest.strip()
            else:
                raise ValueError(brief(self.place(number), "follow a line @data", text))
        if not begun:
            raise ValueError(f"{self.name} must have a line @data, got none")

    def _check(self, number: int) -> None:
        """Refuse files without labels, or with a time for each value."""
        if self._switch("timestamps"):
            rule = "come after @timeStamps false: a series is values alone"
            raise ValueError(brief(self.place(number), rule, self.about["timestamps"]))
        if not (self._switch("classlabel") or self._switch("targetlabel")):
            rule = "come after @classLabel true, or @targetLabel true"
            raise ValueError(brief(self.place(number), rule, self.about.get("classlabel")))

    def _switch(self, word: str) -> bool:
        """Say whether a word is followed by true."""
        return _SWITCH.get(self.about.get(word, "").partition(" ")[0].lower(), False)

    def _row(self, number: int, text: str) -> dict[str, Any] | None:
        """Read one line: channels, then the label, between colons."""
        *channels, label = text.split(":")
        try:
            values = [np.array([_value(v) for v in c.split(",")]) for c in channels]
        except ValueError:
            self.refuse(brief(self.place(number), "hold numbers between commas", text))
            return None
        if len({len(channel) for channel in values}) != 1:
            found = ", ".join(str(len(channel)) for channel in values) or "no channel"
            rule = "have channels of one length"
            self.refuse(f"{self.place(number)} must {rule}, got {found}")
            return None
        return {"x": np.stack(values, axis=1), "y": label.strip()}


def _value(text: str) -> float:
    """Read a number; "?" is one that is missing."""
    return float("nan") if text.strip() == "?" else float(text)
