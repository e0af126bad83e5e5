"""Labelled texts that are awkward to write down, in every format."""

import csv
import io
import json
from collections.abc import Sequence

# Accents, a line break, both separators, quotes, a character of four bytes.
TEXTS = ["good film", 'a "fine"\tplay, truly', "schön\nwar's", "不錯", "👍 yes", "ok", "passable"]
TABLE = [
    (f"{text} {number}", "pos" if number % 2 else "neg") for number in range(4) for text in TEXTS
]


def as_table(rows: list[tuple[str, str]], separator: str = ",", end: str = "\n") -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator=end)
    writer.writerows([("text", "label"), *rows])
    return buffer.getvalue().encode()


def as_jsonl(rows: Sequence[tuple[str, object]]) -> bytes:
    return "".join(json.dumps({"text": t, "label": label}) + "\n" for t, label in rows).encode()
