"""What is wrong or strange with a source of data, all of it at once."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from spectrans.data import load
from spectrans.data.baselines import baselines
from spectrans.data.dataset import Dataset
from spectrans.data.reading import SPLITS, Reading
from spectrans.data.spec import DataSpec
from spectrans.disk import Unwritable
from spectrans.spill import copied
from spectrans.tasks import MaskedLM, MultiLabel, Regression, TokenClassification
from spectrans.tasks.tokens import NO_LABEL

Level = Literal["ok", "warn", "fail"]

# A class so many times as large as another is worth a word.
IMBALANCE = 10
# On fewer test rows an accuracy says little: two standard errors are 10 points and more.
FEW = 100
# Faulty rows that are quoted.
QUOTED = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was found."""

    level: Level
    sentence: str


def check(spec: DataSpec, scored: bool = False) -> list[Finding]:
    """Read a source as training would, but past faulty rows, and say what was found.

    Parameters
    ----------
    spec
        What to read.
    scored
        Whether to say too what is scored without a neural network, which takes longer.

    Returns
    -------
    list of Finding
        What is fine, what is strange, and what prevents training.

    Raises
    ------
    Unwritable
        The folder for temporary files has no room for rows that are many.
    """
    faults: list[str] = []
    count = 0

    def note(sentence: str) -> None:
        nonlocal count
        count += 1
        if len(faults) < QUOTED:
            faults.append(sentence)

    try:
        dataset = load(spec, refuse=note)
    except Unwritable:
        raise
    except (ValueError, OSError) as error:
        found = [] if str(error) in faults else [Finding("fail", str(error))]
        return [*_failed(faults, count), *found]
    to_beat = [_to_beat(dataset)] if scored else []
    return [*_seen(dataset), *to_beat, *_failed(faults, count)]


def _to_beat(dataset: Dataset) -> Finding:
    """Say what is scored on the test split without a neural network."""
    lead = dataset.task.lead
    shown = ", ".join(f"{b.name} {lead.show(b.value(dataset.task))}" for b in baselines(dataset))
    return Finding("ok", f"{lead.title} to beat: {shown}")


def _failed(faults: list[str], count: int) -> list[Finding]:
    found = [Finding("fail", sentence) for sentence in faults]
    if count > len(faults):
        found.append(Finding("fail", f"{count - len(faults):,} more rows have faults"))
    return found


def _seen(dataset: Dataset) -> list[Finding]:
    """Say what a data set that could be read is like."""
    rows = ", ".join(f"{len(getattr(dataset, name)):,} {name}" for name in SPLITS)
    found = [
        Finding("ok", dataset.description),
        Finding("ok", f"{rows}{_drawn(dataset.reading)}"),
    ]
    reading = dataset.reading
    if reading is not None:
        columns = ", ".join(f"{role} from {name!r}" for role, name in reading.columns.items())
        median, most = np.quantile(copied(reading.lengths), (0.5, 0.99), overwrite_input=True)
        usual = f"median {median:,.0f} {reading.unit}, 99 % within {most:,.0f}"
        found += [
            Finding("ok", f"columns: {columns}"),
            Finding("ok", f"length: {usual}, longest {reading.lengths.max():,}"),
            *_strange(dataset, reading),
        ]
    return [*found, *_classes(dataset)]


def _drawn(reading: Reading | None) -> str:
    """Say where the splits come from."""
    if reading is None or set(reading.given) == set(SPLITS):
        return ""
    given = f", {' and '.join(reading.given)} as given" if reading.given else ""
    return f" (drawn by seed{given})"


def _strange(dataset: Dataset, reading: Reading) -> list[Finding]:
    """Say what may be meant, and may spoil a result."""
    found = []
    if reading.truncated:
        fix = "--max-length sets how long a row may be"
        cut = f"{reading.truncated:,} rows are longer than {dataset.max_length:,} {reading.unit}"
        found.append(Finding("warn", f"{cut} and would be cut: {fix}"))
    leaks = ", ".join(f"{n:,} rows of {name}" for name, n in reading.leaks.items() if n)
    if leaks and reading.leak:
        example = f"{reading.leak[0]} = {reading.leak[1]}"
        fix = "leave them out with --dedup"
        found.append(Finding("warn", f"{leaks} are also in another split ({example}): {fix}"))
    if reading.alike:
        same = "are the same as a row of another split once they are cut to tokens"
        fix = "--max-length keeps more of a row, --dedup leaves them out"
        found.append(Finding("warn", f"{reading.alike:,} rows to choose by or test {same}: {fix}"))
    if reading.repeated > sum(reading.leaks.values()):
        fix = "they stay in one split; --dedup leaves them out"
        found.append(Finding("warn", f"{reading.repeated:,} rows repeat an earlier one: {fix}"))
    if reading.conflicts:
        fix = "no model can be right about both"
        found.append(Finding("warn", f"{reading.conflicts:,} of them with another label: {fix}"))
    if len(dataset.test) < FEW:
        fix = "a score on them is only a rough one"
        found.append(Finding("warn", f"there are only {len(dataset.test):,} rows to test: {fix}"))
    return found


def _classes(dataset: Dataset) -> list[Finding]:
    """Say how large the classes are, or how numbers are spread."""
    labels, task = dataset.train.labels, dataset.task
    if isinstance(task, Regression):
        shown = zip(task.labels, labels.min(axis=0), labels.max(axis=0), task.mean, strict=True)
        numbers = ", ".join(
            f"{name!r} from {low:.4g} to {high:.4g}, mean {mean:.4g}"
            for name, low, high, mean in shown
        )
        return [Finding("ok", f"numbers to train on: {numbers}")]
    if isinstance(task, MaskedLM):
        return []
    counts, unit = _counts(dataset)
    large, small = int(np.argmax(counts)), int(np.argmin(counts))
    if counts[large] == counts[small]:
        return [Finding("ok", f"classes: {counts[large]:,} {unit} to train on of each")]
    sizes = (
        f"{task.labels[large]!r} has {counts[large]:,} {unit} to train on, "
        f"{task.labels[small]!r} has {counts[small]:,}"
    )
    level: Level = "warn" if counts[large] > IMBALANCE * counts[small] else "ok"
    return [Finding(level, f"classes: {sizes}")]


def _counts(dataset: Dataset) -> tuple[np.ndarray, str]:
    """Count what there is to train on of each class, and say what is counted."""
    labels, classes = dataset.train.labels, len(dataset.task.labels)
    if isinstance(dataset.task, MultiLabel):
        return labels.sum(axis=0, dtype=np.int64), "rows"
    if isinstance(dataset.task, TokenClassification):
        flat = np.concatenate(list(labels))
        return np.bincount(flat[flat != NO_LABEL], minlength=classes), "words or tokens"
    return np.bincount(labels, minlength=classes), "rows"
