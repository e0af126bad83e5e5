"""Files with one fault each, and the sentence that must tell of it."""

from typing import Any

from tests.data.tables import TABLE, as_jsonl

HEAD = b"text,label\n"
# Lines 2 to 7.
GOOD = b"".join(b"%s text %d,%s\n" % (c, n, c) for n in range(3) for c in (b"a", b"b"))
# Name and content of the file, arguments of the call, the sentence.
FAULTS: dict[str, tuple[str, bytes, dict[str, Any], str]] = {
    "empty file": ("f.csv", b"", {}, "f.csv must not be empty, got 0 bytes"),
    "blank lines": (
        "f.csv", b"\n\n", {},
        "f.csv must begin with column names, got blank lines only",
    ),
    "blank jsonl": (
        "f.jsonl", b"\n \n", {},
        "f.jsonl must hold rows of data, got blank lines only",
    ),
    "header only": ("f.csv", HEAD, {}, "f.csv must hold rows of data, got the header only"),
    "no text column": (
        "f.csv", b"id,label\n1,a\n", {},
        "f.csv must have a column with a usual name for the text, such as 'text', "
        "got 'id, label'; say which one it is with --text",
    ),
    "no label column": (
        "f.tsv", b"text\tz\nhello\ta\n", {},
        "f.tsv must have a column with a usual name for the label, such as 'label', "
        "got 'text, z'; say which one it is with --label",
    ),
    "misspelt column": (
        "f.csv", HEAD + GOOD, {"label": "lable"},
        "f.csv: unknown column 'lable'; did you mean 'label'? (available: label, text)",
    ),
    "one column twice": (
        "f.csv", HEAD + GOOD, {"label": "text"},
        "label must name another column than text, got 'text'",
    ),
    "same name twice": (
        "f.csv", b"text,label,text\na,b,c\n", {},
        "f.csv line 1 must name every column once, got 'text'",
    ),
    "wrong separator": (
        "f.csv", b"text;label\nhello;a\n", {},
        "f.csv line 1 must name at least two columns, separated by ',', got 'text;label'",
    ),
    "separator in a field": (
        "f.csv", HEAD + b"yes, sir,a\n", {},
        "f.csv line 2 must have 2 columns, as the header has, got 3; "
        "put quotes around a field that holds a separator",
    ),
    "row cut short": (
        "f.csv", HEAD + GOOD + b"hello\n", {},
        "f.csv line 8 must have 2 columns, as the header has, got 1; "
        "put quotes around a field that holds a separator",
    ),
    "line counted across a quoted break": (
        "f.csv", HEAD + b'"one\ntwo\nthree",a\nhello,\n', {},
        "f.csv line 5: label must not be empty, got ''; label or remove the row",
    ),
    "open quote": (
        "f.csv", HEAD + GOOD + b'"hello,a\n', {},
        "f.csv line 8 must be valid CSV, got: unexpected end of data; "
        "write a quote inside quotes twice",
    ),
    "loose quote": (
        "f.csv", HEAD + b'"so" good,a\n', {},
        "f.csv line 2 must be valid CSV, got: ',' expected after '\"'; "
        "write a quote inside quotes twice",
    ),
    "latin-1": (
        "f.csv", HEAD + GOOD + b"caf\xe9,a\n", {},
        "f.csv line 8 must be UTF-8, got byte 0xe9 at position 4; save the file as UTF-8",
    ),
    "utf-16": (
        "f.csv", "text,label\n".encode("utf-16"), {},
        "f.csv line 1 must be UTF-8, got byte 0xff at position 1; save the file as UTF-8",
    ),
    "bad utf-8 in jsonl": (
        "f.jsonl", as_jsonl(TABLE[:2]) + b'{"text": "\xc3(", "label": "a"}\n', {},
        "f.jsonl line 3 must be UTF-8, got byte 0xc3 at position 11; save the file as UTF-8",
    ),
    "nul": (
        "f.csv", HEAD + b"a\0b,a\n", {},
        "f.csv line 2 must not contain NUL, got one; save the file as UTF-8 text",
    ),
    "nul by escape": (
        "f.jsonl", b'{"text": "a\\u0000", "label": "a"}\n', {},
        r"f.jsonl line 1: text must hold no NUL and no lone surrogate, got 'a\x00'",
    ),
    "lone surrogate": (
        "f.jsonl", b'{"text": "a\\ud800", "label": "a"}\n', {},
        r"f.jsonl line 1: text must hold no NUL and no lone surrogate, got 'a\ud800'",
    ),
    "empty label": (
        "f.csv", HEAD + GOOD + b"hello, \n", {},
        "f.csv line 8: label must not be empty, got ' '; label or remove the row",
    ),
    "empty text": (
        "f.csv", HEAD + GOOD + b" ,a\n", {},
        "f.csv line 8: text must not be empty, got ' '; write a text or remove the row",
    ),
    "one class": (
        "f.csv", HEAD + b"x,a\ny,a\nz,a\n", {},
        "f.csv must have at least 2 classes, got only 'a'",
    ),
    "small class": (
        "f.csv", HEAD + GOOD + b"x,c\ny,c\n", {},
        "f.csv must have at least 3 different texts in each class, got 2 in 'c'; "
        "add rows or remove it",
    ),
    "small class of one repeated text": (
        "f.csv", HEAD + GOOD + b"x,c\n" * 5, {},
        "f.csv must have at least 3 different texts in each class, got 1 in 'c'; "
        "add rows or remove it",
    ),
    "texts equal after the cut": (
        "f.csv", HEAD + GOOD, {"max_length": 4},
        "f.csv must have at least 3 different texts in each class, got 1 in 'a'; raise max_length",
    ),
    "not json": (
        "f.jsonl", b'{"text": "a", "label": "b"}\n{"text": "a",\n', {},
        "f.jsonl line 2 must be one JSON object, got: "
        "Expecting property name enclosed in double quotes",
    ),
    "json too deep": (
        "f.jsonl", b"[" * 100_000, {},
        "f.jsonl line 1 must be one JSON object, got: brackets nested too deep",
    ),
    "json list": (
        "f.jsonl", b'["a", "b"]\n', {},
        "f.jsonl line 1 must be one JSON object, got '[\"a\", \"b\"]'",
    ),
    "key missing": (
        "f.jsonl", as_jsonl(TABLE[:1]) + b'{"text": "a"}\n', {},
        "f.jsonl line 2 must have the key 'label', got 'text'",
    ),
    "text is a number": (
        "f.jsonl", b'{"text": 3, "label": "a"}\n', {},
        "f.jsonl line 1: text must be a string, got 3",
    ),
    "text is a page": (
        "f.jsonl", b'{"text": [["' + b"x" * 999 + b'"]], "label": "a"}\n', {},
        f"f.jsonl line 1: text must be a list of numbers, got [['{'x' * 37}...{'x' * 38}']]",
    ),
    "terminal codes": (
        "f.csv", b"\x1b[31mtext,label\nhello,a\n", {},
        "f.csv must have a column with a usual name for the text, such as 'text', "
        r"got '\x1b[31mtext, label'; say which one it is with --text",
    ),
    "terminal codes in what there is": (
        "f.csv", b"te\x07xt,label\nhello,a\n", {"text": "sentence"},
        "f.csv: unknown column 'sentence' (available: label, te\x07xt)",
    ),
    "label is null": (
        "f.jsonl", b'{"text": "a", "label": null}\n', {},
        "f.jsonl line 1: label must not be empty, got None; label or remove the row",
    ),
    "label is a fraction": (
        "f.jsonl", b'{"text": "a", "label": 1}\n' * 1000 + b'{"text": "a", "label": 0.5}\n', {},
        "f.jsonl line 1001: label must be a whole number, as in the rows before, got 0.5; "
        "say --task regression, or --task classification for names",
    ),
    "labels of two types": (
        "f.jsonl", b'{"text": "a", "label": "1"}\n{"text": "b", "label": 1}\n', {},
        "f.jsonl line 2: label must be of type str, as in the first row, got 1",
    ),
    "limit below a character": (
        "f.csv", HEAD + GOOD, {"max_length": 3},
        "max_length must be at least 4, the bytes of the longest character, got 3",
    ),
}  # fmt: skip
