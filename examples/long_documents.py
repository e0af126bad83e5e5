"""Classify documents of up to 800 bytes, by a hybrid and by attention, beside counting.

Each document begins in one language and ends in another; asked is the one it begins with. Counting
sees both and cannot tell them apart, so a model has to use the order. The text is real: fragments
of a declaration that are embedded in the package, with articles of its own to test on.

Run: python examples/long_documents.py [steps]
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np

from spectrans.data import DataSpec, Examples, load
from spectrans.data.baselines import constant, linear
from spectrans.training import RunSpec, train

LANGUAGES = ("English", "French", "German", "Italian")
ROWS = {"train": 640, "validation": 80, "test": 160}
PLANS = ("attention", "wavelet,attention")


def document(fragments: dict[str, list[str]], first: str, random: np.random.Generator) -> str:
    """Give 4 to 12 fragments: of one language, then as many of another."""
    second = random.choice([name for name in LANGUAGES if name != first])
    half = random.integers(2, 7)
    return " ".join(" ".join(random.choice(fragments[name], half)) for name in (first, second))


def write(folder: Path) -> None:
    """Write a table for each split, as a user would have them."""
    texts = load("languages64")
    names = texts.task.labels
    random = np.random.default_rng(0)
    splits: tuple[tuple[str, Examples], ...] = (
        ("train", texts.train), ("validation", texts.validation), ("test", texts.test),
    )  # fmt: skip
    for split, examples in splits:
        fragments: dict[str, list[str]] = {name: [] for name in LANGUAGES}
        for tokens, label in zip(examples.tokens, examples.labels, strict=True):
            if names[label] in fragments:
                fragments[names[label]].append(bytes(tokens).decode("utf-8"))
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("text", "label"))
            for row in range(ROWS[split]):
                first = LANGUAGES[row % len(LANGUAGES)]
                table.writerow((document(fragments, first, random), first))


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch))
        spec = DataSpec(source=scratch, max_length=832)
        data = load(spec)
        print(f"{len(data.train)} documents of up to {data.max_length} bytes")
        for found in (constant(data), linear(data)):
            print(f"{found.name:20} accuracy {found.value(data.task):.3f}")
        for plan in PLANS:
            run = train(
                RunSpec(plan=plan, data=spec, steps=steps, batch_size=8, num_layers=2), data
            )
            got = run.record.metrics
            print(f"{plan:20} accuracy {got.test['accuracy']:.3f} after {got.seconds:.0f} s")


if __name__ == "__main__":
    main()
