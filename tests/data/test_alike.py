"""Rows that a tokenizer makes the same, in two splits."""

from pathlib import Path
from typing import Any

import numpy as np

from spectrans.cli.terminal import remarks
from spectrans.data import DataSpec, load
from spectrans.data.alike import alike
from spectrans.data.check import check

PIECES: dict[str, Any] = {"tokenizer": "bpe", "vocab_size": 300}


def table(folder: Path, text: str) -> str:
    """Rows that begin alike: in four of ten cuts they are the same in pairs."""
    rows = "".join(f"{text.format(n=n)},{n % 2}\n" for n in range(60))
    (folder / "a.csv").write_text(f"text,label\n{rows}")
    return str(folder / "a.csv")


def test_rows_that_a_cut_makes_the_same_are_counted_and_said(tmp_path: Path) -> None:
    source = table(tmp_path, "same beginning {n:02d}")
    whole = load(source, **PIECES)
    cut = load(source, **PIECES, max_length=2)
    assert whole.reading is not None
    assert cut.reading is not None
    assert (whole.reading.alike, sum(cut.reading.leaks.values())) == (0, 0)
    assert cut.reading.alike == len(cut.validation) + len(cut.test)
    assert any(f"{cut.reading.alike} rows to choose by or test are" in r for r in remarks(cut))
    found = check(DataSpec(source=source, **PIECES, max_length=2))
    assert any("the same as a row of another split" in finding.sentence for finding in found)


def test_dedup_leaves_them_out(tmp_path: Path) -> None:
    source = table(tmp_path, "{n:02d} 0123456789")
    kept = load(source, **PIECES, max_length=1, dedup=True)
    assert kept.reading is not None
    assert kept.reading.alike == 0
    rows = [row.tobytes() for split in (kept.train, kept.validation, kept.test) for row in split.tokens]  # fmt: skip
    assert len(rows) == len(set(rows)) < 60
    assert int((kept.reading.split != 3).sum()) == len(rows)


def test_only_what_the_texts_do_not_share_is_counted() -> None:
    texts = np.array([1, 1, 2, 3, 4, 5], dtype=np.uint64)
    tokens = np.array([1, 1, 9, 9, 7, 7], dtype=np.uint64)
    split = np.array([0, 2, 0, 1, 2, 3], dtype=np.uint8)
    # Rows 0 and 1 share a text; row 5 is left out.
    assert alike(texts, tokens, split) == 1
