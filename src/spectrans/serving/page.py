"""The page on which a model is tried: one document, with nothing from elsewhere."""

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent / "page_files"


class Example(NamedTuple):
    """A sequence to try, the true answer, and how the sequence is shown in a list."""

    input: str
    truth: str
    shown: str


_ASKS = {
    "byte": "Text",
    "subword": "Text",
    "pixel": "Grey values, row by row",
    "id": "Numbers, separated by commas",
    "vector": "A JSON list of vectors",
}
_SAMPLES: dict[str, Any] = {
    "byte": "a text",
    "subword": "a text",
    "pixel": [0, 3, 16],
    "id": [1, 2, 3],
    "vector": [[0.5, 1.0], [0.1, 2.0]],
}


class Page:
    """The document, and the headers that keep it to itself.

    Parameters
    ----------
    model
        What it takes and answers, as plain data.
    examples
        Sequences to try.
    plan
        Of the model.
    """

    def __init__(self, model: dict[str, Any], examples: Sequence[Example], plan: str) -> None:
        kind, length = model["tokens"], model["max_length"]
        unit = {"byte": "bytes", "subword": "pieces of words", "pixel": "grey values"}
        told = {
            **model,
            "plan": plan,
            "asks": _asks(model),
            "limit": f"At most {length:,} {unit.get(kind, 'tokens')}. Ctrl+Enter answers.",
            "curl": curl("ADDRESS", kind, examples),
            "examples": [example._asdict() for example in examples],
        }
        # Nothing in it ends the element that holds it.
        written = json.dumps(told, ensure_ascii=False)
        written = written.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})
        style, script = (
            (FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
        )
        document = Template((FOLDER / "page.html").read_text(encoding="utf-8"))
        # No name of a user's is part of the markup.
        self.html = document.substitute(
            title="A trained model", style=style, script=script, model=written
        )
        policy = (
            f"default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; "
            f"form-action 'none'; frame-ancestors 'none'; "
            f"script-src {_hash(script)}; style-src {_hash(style)}"
        )
        self.headers = {
            "content-security-policy": policy,
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }


def _asks(model: dict[str, Any]) -> str:
    hidden = " with [MASK] where a token is to be found" if model["task"] == "masked-lm" else ""
    texts = model["tokens"] in ("byte", "subword")
    return _ASKS[model["tokens"]] + (hidden if texts else "")


def _hash(source: str) -> str:
    """Give what a policy says of an element whose text may be used."""
    return f"'sha256-{base64.b64encode(sha256(source.encode()).digest()).decode()}'"


def curl(address: str, kind: str, examples: Sequence[Example] = ()) -> str:
    """Give a command line that asks the model something."""
    texts = kind in ("byte", "subword")
    value = examples[0].input if examples and texts else _SAMPLES[kind]
    body = json.dumps({"input": value}, ensure_ascii=False).replace("'", "'\\''")
    return f"curl {address}/predict -H 'content-type: application/json' -d '{body}'"
