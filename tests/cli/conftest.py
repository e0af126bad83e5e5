"""What the tests of commands share: runs that are made once."""

from pathlib import Path

import pytest

from tests.cli.made import WORDS, make_run, write_lines


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of every task and a run on each; tests write elsewhere."""
    folder = tmp_path_factory.mktemp("workplace")
    texts = [{"text": f"{n:03d} {WORDS[n % 3]}", "label": WORDS[n % 3]} for n in range(60)]
    sets = [
        {"text": f"{n:05d}", "label": [w for k, w in enumerate(WORDS) if n >> k & 1]}
        for n in range(60)
    ]
    numbers = [{"text": f"{n:03d} {'a' * (n % 7)}", "label": n % 7 + 0.5} for n in range(60)]
    words = [
        {"tokens": [f"{n:02d}", "New", "York"], "tags": ["O", "B-LOC", "I-LOC" if n % 2 else "O"]}
        for n in range(60)
    ]
    vectors = [{"sequence": [[n % 2 + n / 99, 1]] * 4, "label": n % 2} for n in range(60)]
    for name, rows in (
        ("texts", texts), ("sets", sets), ("numbers", numbers), ("words", words), ("vectors", vectors),
    ):  # fmt: skip
        source = write_lines(folder / f"{name}.jsonl", rows)
        make_run(folder / "runs" / name, source=str(source))
    (folder / "plain.txt").write_text("".join(f"{n:03d} the cat sat\n" for n in range(60)))
    make_run(folder / "runs" / "plain", source=str(folder / "plain.txt"))
    settings = {"tokenizer": "bpe", "vocab_size": 300, "max_length": 6}
    make_run(folder / "runs" / "pieces", source=str(folder / "texts.jsonl"), **settings)
    return folder
