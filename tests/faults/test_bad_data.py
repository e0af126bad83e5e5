"""Data that are strange in ways of their own; the other faults are in tests/data/faults.py."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from spectrans.data import load
from spectrans.data.store import LIMIT
from spectrans.spill import FEW
from tests.cli.command import spectrans

# Files of this size take too long for every day.
LARGE = {"a quote that never ends"}
FILES = {
    "one row": (
        "a.csv", b"text,label\nhello,a\n",
        "a.csv must have at least 2 classes, got only 'a'",
    ),
    "one row to learn from": (
        "a.txt", b"hello\n",
        "a.txt must have at least 3 different texts, got 1; add rows",
    ),
    "a quote that never ends": (
        "a.csv", b'text,label\nhello,a\n"' + b"no end\n" * 2**22,
        "a.csv line 3 must be valid CSV, got: field larger than field limit (16777216); "
        "write a quote inside quotes twice",
    ),
    "a number of 5,000 digits": (
        "a.jsonl", b'{"x": [' + b"9" * 5000 + b'], "y": 1}\n',
        "a.jsonl line 1 must be one JSON object, got: a number of too many digits",
    ),
    "not a number among vectors": (
        "a.jsonl", b'{"x": [0.5, NaN], "y": 1}\n',
        "a.jsonl line 1: x must hold finite numbers, got nan at position 1; "
        "fill the gap or remove the row",
    ),
    "infinity among vectors": (
        "a.jsonl", b'{"x": [[0.5, 1], [1e999, 2]], "y": 1}\n',
        "a.jsonl line 1: x must hold finite numbers, got inf at position 1; "
        "fill the gap or remove the row",
    ),
    "a number that float32 cannot hold": (
        "a.jsonl", b'{"x": [0.5, 1e200], "y": 1}\n',
        "a.jsonl line 1: x must hold finite numbers, got 1e+200 at position 1; "
        "fill the gap or remove the row",
    ),
    "vectors of two lengths": (
        "a.jsonl", b'{"x": [[1.5, 2], [1]], "y": 1}\n',
        "a.jsonl line 1: x must be a list of numbers, or of vectors of one length",
    ),
    "a target that is no number": (
        "a.csv", b"text,target\n" + b"".join(b"t%d,%d.5\n" % (n, n) for n in range(9)) + b"u,nan\n",
        "a.csv line 11: target must be a finite number, got 'nan'; correct or remove the row",
    ),
    "a class for every row": (
        "a.csv", b"text,label\n" + b"".join(b"t%d,c%d\n" % (n, n) for n in range(10_002)),
        "a.csv line 10002: label must be one of at most 10,000 classes, got another; "
        "is it the right column? Numbers need --task regression",
    ),
    "a label of 5,000 digits": (
        "a.csv", b"text,label\n" + b"".join(b"t%d,%s\n" % (n, b"9" * 5000) for n in range(3)),
        f"a.csv line 2: label must be a finite number, got '{'9' * 37}...{'9' * 38}'; "
        "correct or remove the row",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        pytest.param(*values, id=name, marks=[pytest.mark.slow] if name in LARGE else [])
        for name, values in FILES.items()
    ],
)
def test_a_strange_file_is_refused_in_one_sentence(
    name: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        load(tmp_path / name)


def test_classes_of_very_many_digits_are_names(tmp_path: Path) -> None:
    rows = [{"text": f"t{n}", "label": "98"[n % 2] * 5000} for n in range(8)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert load(tmp_path / "a.jsonl", task="classification").task.labels == ("8" * 5000, "9" * 5000)


def test_rows_that_are_cut_are_counted_aloud(tmp_path: Path) -> None:
    rows = [{"text": "long " * (9 if n % 3 else 1) + str(n), "label": n % 2} for n in range(30)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sizes = ("-p", "lst", "--hidden-dim", "8", "--heads", "2", "--layers", "1", "--steps", "1")
    found = spectrans("train", "--data", "a.jsonl", "--max-length", "20", *sizes, folder=tmp_path)
    said = "cut: 20 rows were longer than 20 tokens (--max-length sets how long a row may be)"
    assert found.code == 0
    assert said in found.err.splitlines()


# The kernel refuses what is beyond the limit: memory of the process's own, not pages of files.
BOUNDED = """
import resource, sys
from spectrans import spill
from spectrans.data import load, store
from spectrans.training.order import Order
from spectrans.training.record import DataRecord

path, (store.LIMIT, spill.FEW, allowed) = sys.argv[1], map(int, sys.argv[2:])
with open("/proc/self/status") as status:
    used = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + allowed, used + allowed))
made = load(path)
DataRecord.of(made)
next(iter(Order(made.train.tokens.lengths, 32, seed=0)))
print(len(made.train) + len(made.validation) + len(made.test))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.parametrize(
    ("rows", "tokens", "few", "allowed"),
    [
        (200_000, 2**20, 2**12, 2**23),
        pytest.param(10_000_000, LIMIT, FEW, 2**29, marks=pytest.mark.slow),
    ],
    ids=["many", "10 million"],
)
def test_very_many_rows_are_read_in_bounded_memory(
    rows: int, tokens: int, few: int, allowed: int, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w") as file:
        file.write("text,label\n")
        for start in range(0, rows, 100_000):
            file.writelines(
                f"{n:09d} {'a text that tells nothing ' * 3},{n % 7}\n"
                for n in range(start, start + 100_000)
            )
    words = (sys.executable, "-c", BOUNDED, str(path), *map(str, (tokens, few, allowed)))
    # The stack of each thread counts.
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=alone, check=False)
    assert (done.stderr, done.stdout) == ("", f"{rows}\n")
