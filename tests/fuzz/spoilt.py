"""Texts and files with some bytes changed: what a damaged disk or somebody who means harm gives."""

import json
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.faults.bounds import peak
from tests.faults.tally import Tally

# What parsers have stumbled over, in one library or another.
NASTY = (
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\n\n", b"\t", b",", b";",
    b'"', b"'", b"[", b"]", b"{", b"}", b"[[", b":", b": ", b"- ", b"&a ", b"*a", b"!!python/object:a ",
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1", b"0", b"1e-12", b"9" * 30, b"9" * 5000, b"0x10",
    b"null", b"true", b"false", b"../", b"/etc/passwd", b"\\", b"\\u0000", b"\\ud800", b"%s", b"{0}",
    b"<script>", b"\x1b[31m", "\u2028".encode(), "\u0663".encode(), "\u202e".encode(), b"(" * 200, b"[" * 20_000, b"x" * 3000,
    b"\x7f" + 7 * b"\xff", 8 * b"\0", b"PK\x03\x04", b"\x80\x04", b"\x93NUMPY",
)  # fmt: skip

EDITS = ("flip", "cut", "put", "over", "twice", "end")
_EDITS = st.lists(
    st.tuples(
        st.sampled_from(EDITS),
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 64),
        st.sampled_from(NASTY) | st.binary(max_size=12),
    ),
    min_size=1,
    max_size=4,
)


def _edited(content: bytes, edits: list[tuple[str, float, int, bytes]]) -> bytes:
    for kind, share, count, piece in edits:
        place = int(share * (len(content) + 1))
        before, after = content[:place], content[place:]
        if kind == "flip" and after:
            content = before + bytes([after[0] ^ 1 << count % 8]) + after[1:]
        elif kind == "cut":
            content = before + after[count:]
        elif kind == "put":
            content = before + piece + after
        elif kind == "over":
            content = before + piece + after[len(piece) :]
        elif kind == "twice":
            content = before + after[:count] + after
        elif kind == "end":
            content = before
    return content


def spoilt(*contents: bytes) -> st.SearchStrategy[bytes]:
    """Some of these contents with a few changes, or any bytes."""
    return st.builds(_edited, st.sampled_from(contents), _EDITS) | st.binary(max_size=200)


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.integers()
    | st.sampled_from([2**31, 2**63, 10**30, -1, 1e308, 0.5])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from([piece.decode("utf-8", "replace") for piece in NASTY if len(piece) < 99])
)
PLAIN = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)


def changed(base: dict[str, Any], names: Any = ()) -> st.SearchStrategy[bytes]:
    """JSON of an object in which some values are others, or missing, or new."""
    known = st.sampled_from([*base, *names])
    other = st.dictionaries(known | st.text(max_size=6), PLAIN, min_size=1, max_size=3)
    gone = st.sets(known, max_size=1)
    return st.builds(
        lambda values, missing: json.dumps(
            {k: v for k, v in {**base, **values}.items() if k not in missing}
        ).encode(),
        other,
        gone,
    )


def is_sentence(error: Exception) -> None:
    """Fail unless an error says in one line what must be, and of what."""
    sentence = str(error)
    assert "\n" not in sentence, sentence
    assert "set_int_max_str_digits" not in sentence, sentence
    known = (" must ", "must be", "unknown ", "needs ", "missing", "did you mean")
    assert any(words in sentence for words in known), repr(sentence)


# Seconds of this process's own: a machine that is busy elsewhere makes no case slower.
LONGEST = 1.0
# Of files that NumPy or torch unpacks: to a gibibyte at most, and 20 kB of an old torch file took 3 s
UNPACKED = 30.0
# Mebibytes that all of them together may add, libraries that are loaded included.
MOST = 500.0
ERRORS = (ValueError, TypeError)


def outcome(
    read: Callable[[bytes], object],
    content: bytes,
    errors: tuple[type[Exception], ...] = ERRORS,
    longest: float = LONGEST,
) -> str:
    """Read an input, and fail unless it is answered, or refused in a sentence, in time."""

    def spent() -> tuple[float, str]:
        start = time.process_time()
        try:
            read(content)
        except errors as error:
            is_sentence(error)
            return time.process_time() - start, "refused"
        return time.process_time() - start, "answered"

    seconds, found = spent()
    # What takes long once is a library that is loaded, or memory that is tidied up.
    assert seconds < longest or spent()[0] < longest, f"{seconds:.1f} s"
    return found


def fuzz(
    inputs: st.SearchStrategy[bytes],
    read: Callable[[bytes], object],
    tally: Tally,
    examples: int,
    errors: tuple[type[Exception], ...] = ERRORS,
    longest: float = LONGEST,
) -> None:
    """Read spoilt inputs: each is answered, or refused in a sentence, in time."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=examples < 1000,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def holds(content: bytes) -> None:
        with tally.fault():
            event(outcome(read, content, errors, longest))

    before = peak()
    holds()
    assert tally.held == tally.tried >= examples
    assert peak() - before < MOST


def drawn(*contents: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Some of these contents with a few changes, far faster than hypothesis draws them."""
    random = Random(seed)
    for _ in range(count):
        edits = [
            (random.choice(EDITS), random.random(), random.randrange(65), random.choice(NASTY))
            for _ in range(random.randint(1, 4))
        ]
        yield _edited(random.choice(contents), edits)
