"""Classify series of two channels: does the second follow the first, precede it, or neither?

Means, spreads and trends of a channel are the same in all three classes, so a linear model on them
is at chance. What tells them apart is a delay, which is a phase to a filter and a distance to
attention. Lengths differ from row to row.

Run: python examples/time_series.py [steps]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from spectrans.data import DataSpec, load
from spectrans.data.baselines import baselines
from spectrans.training import RunSpec, train

ROWS = {"train": 1200, "validation": 200, "test": 400}
DELAY = 6
LENGTHS = (64, 129)
CLASSES = ("follows", "precedes", "neither")
PLANS = ("attention", "gfnet", "gfnet,attention")


def smooth(noise: np.ndarray) -> np.ndarray:
    """Give a slow random curve."""
    return np.convolve(noise, np.hanning(9), mode="same")


def series(kind: int, random: np.random.Generator) -> np.ndarray:
    """Give one series (steps, 2) of its kind."""
    steps = random.integers(*LENGTHS)
    first = smooth(random.normal(size=steps + 2 * DELAY))
    delay = (DELAY, -DELAY, 0)[kind]
    second = np.roll(first, delay) if delay else smooth(random.normal(size=len(first)))
    both = np.stack([first, second], axis=1)[DELAY:-DELAY]
    return (both + 0.3 * random.normal(size=both.shape)).astype(np.float32)


def write(path: Path) -> None:
    """Write all rows end to end with their lengths, as `.npz` takes them."""
    random = np.random.default_rng(0)
    arrays = {}
    for split, rows in ROWS.items():
        kinds = np.arange(rows) % len(CLASSES)
        found = [series(kind, random) for kind in kinds]
        arrays[f"x_{split}"] = np.concatenate(found)
        arrays[f"lengths_{split}"] = np.array([len(row) for row in found])
        arrays[f"y_{split}"] = np.array(CLASSES)[kinds]
    np.savez(path, **arrays)


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "delays.npz"
        write(path)
        spec = DataSpec(source=str(path))
        data = load(spec)
        print(f"{len(data.train)} series of {LENGTHS[0]} to {LENGTHS[1] - 1} steps")
        for found in baselines(data):
            print(f"{found.name:16} accuracy {found.value(data.task):.3f}")
        for plan in PLANS:
            run = train(RunSpec(plan=plan, data=spec, steps=steps, num_layers=2), data)
            got = run.record.metrics
            print(f"{plan:16} accuracy {got.test['accuracy']:.3f} after {got.seconds:.0f} s")


if __name__ == "__main__":
    main()
