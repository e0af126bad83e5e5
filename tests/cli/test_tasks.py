"""Every task through the real command: trained, written down, and asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.command import spectrans

SMALL = (
    "--plan", "attention", "--layers", "1", "--hidden-dim", "16", "--heads", "2",
    "--batch-size", "8", "--steps", "30", "--quiet",
)  # fmt: skip
RANDOM = np.random.RandomState(0)
WORDS = ("red", "green", "blue")


def lines(row: Callable[[int], dict[str, Any]]) -> str:
    return "".join(json.dumps(row(n)) + "\n" for n in range(60))


def sets(n: int) -> dict[str, Any]:
    words = [word for k, word in enumerate(WORDS) if n >> k & 1]
    return {"text": f"{n:02d} {' '.join(words)}", "label": words}


# Name and content of the file, what it is asked, and what an answer holds.
ASKED: dict[str, tuple[str, str, list[str], str, set[str]]] = {
    "multi-label": ("a.jsonl", lines(sets), ["red blue"], "", {"labels", "top"}),
    "regression": (
        "a.jsonl", lines(lambda n: {"text": f"{n:02d}{'a' * (n % 7)}", "label": n % 7 + 0.5}),
        ["01aaa"], "", {"values"},
    ),
    "token-classification": (
        "a.jsonl",
        lines(lambda n: {"tokens": [f"{n:02d}", WORDS[n % 3]], "tags": ["O", "COL"]}),
        ["all red"], "", {"labels", "probabilities", "words"},
    ),
    "masked-lm": (
        "a.txt", "".join(f"{n:02d} the cat sat\n" for n in range(60)),
        ["the [MASK]at"], "", {"hidden", "filled"},
    ),
    "classification": (
        "a.jsonl", lines(lambda n: {"sequence": [[n % 2 + n / 99, 1]] * 4, "label": n % 2}),
        [], "[[1.5, 1], [0, 1]]\n", {"label", "probability", "top", "row"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("tokenizer", ["bpe", pytest.param("wordpiece", marks=pytest.mark.slow)])
def test_a_run_keeps_its_tokenizer(tmp_path: Path, tokenizer: str) -> None:
    rows = [{"tokens": [f"{n:02d}", WORDS[n % 3]], "tags": ["O", "COL"]} for n in range(60)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = ("--tokenizer", tokenizer, "--vocab-size", "300", "-o", "run")
    trained = spectrans("train", "--data", "a.jsonl", *SMALL, *settings, folder=tmp_path)
    assert (trained.code, trained.err) == (0, "")
    (tmp_path / "a.jsonl").unlink()
    answer = spectrans("predict", "run", "42  blue", folder=tmp_path)
    assert (answer.out, answer.code) == ("42/O blue/COL\n", 0)


# All of them share what reads, trains and answers; one runs in the short form.
SHORT = ("masked-lm",)


@pytest.mark.parametrize(
    "task", [t if t in SHORT else pytest.param(t, marks=pytest.mark.slow) for t in ASKED]
)
def test_a_task_is_guessed_trained_and_asked(tmp_path: Path, task: str) -> None:
    name, content, texts, stdin, keys = ASKED[task]
    (tmp_path / name).write_text(content)
    trained = spectrans("train", "--data", name, *SMALL, "--json", "-o", "run", folder=tmp_path)
    assert (trained.code, trained.err) == (0, "")
    written = json.loads(trained.out)
    assert written["data"]["task"]["kind"] == task
    assert set(written["baselines"][0]["scores"]["values"]) == set(written["metrics"]["test"])
    asked = ("--file", "-") if stdin else ()
    answer = spectrans(
        "predict", "run", *texts, *asked, "-e", "0", "--json", folder=tmp_path, stdin=stdin
    )
    assert answer.code == 0
    first, example = sorted(map(json.loads, answer.out.splitlines()), key=lambda a: "truth" in a)
    assert set(first) == keys
    assert set(example) - {"filled"} == keys - {"words", "row", "filled"} | {"truth"}
    shown = spectrans("predict", "run", *texts, *asked, "-q", folder=tmp_path, stdin=stdin)
    assert shown.code == 0
    assert len(shown.out.splitlines()) == 1
