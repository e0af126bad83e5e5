"""Hold defaults that a run has no setting for against others: python -m benchmarks.defaults.

How large weights are at first, by the score that a plan has after training; and how rows that are
longer than all that a model was trained on are answered, by the way GFNet fits its filter to them.
Each line of benchmarks/results/defaults.jsonl is one model; lines that are there are not made
again. `python -m benchmarks.evidence` writes the tables.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch

from benchmarks.machine import commit, machine
from benchmarks.process import ROOT
from benchmarks.questions import CORES, SOLVED
from benchmarks.scores import spread
from spectrans import HybridTransformer
from spectrans.data import DataSpec, load
from spectrans.tasks import Metric
from spectrans.training import RunSpec, train
from spectrans.training.evaluate import evaluate
from spectrans.training.folders import write_whole
from spectrans.training.spec import Described

STORED = ROOT / "benchmarks" / "results" / "defaults.jsonl"
SEEDS = (0, 1, 2)
PLAN = "4xgfnet,2xattention"
# Bytes of a row that models are trained on and asked about later.
SHORT, LONG = "languages32", "languages64"
RESAMPLED = ("gfnet", "gfnet(resample=modes)", "attention", "wavelet")


class Change(NamedTuple):
    """Something about weights before training: all that are embeddings, or all that are not."""

    title: str
    embeddings: bool
    factor: float


CHANGES = (
    Change("as they are", True, 1.0),
    Change("embeddings x 0.02", True, 0.02),
    Change("embeddings x 0.2", True, 0.2),
    Change("matrices x 0.5", False, 0.5),
    Change("matrices x 2", False, 2.0),
)
TASKS = ("recall", "text")


class Trial(NamedTuple):
    """One model that is trained."""

    question: str
    task: str
    name: str
    seed: int


def trials() -> Iterator[Trial]:
    """Give all that is asked."""
    for task in TASKS:
        for change in CHANGES:
            yield from (Trial("scale", task, change.title, seed) for seed in SEEDS)
    for plan in RESAMPLED:
        yield from (Trial("longer rows", SHORT, plan, seed) for seed in SEEDS)


@contextmanager
def scaled(change: Change) -> Iterator[None]:
    """Let every model begin with larger or smaller weights."""
    build = RunSpec.build

    def otherwise(self: RunSpec, dataset: Described) -> HybridTransformer:
        model = build(self, dataset)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.dim() == 2 and ("embedding" in name) == change.embeddings:
                    weight.mul_(change.factor)
        return model

    with patch.object(RunSpec, "build", otherwise):
        yield


def _of_scale(trial: Trial) -> dict[str, float]:
    (core,) = (core for core in CORES if core.name == trial.task)
    # Of the two rates of a task, the one at which this plan was better.
    rate = {"recall": 1e-3}.get(core.name, 3e-3)
    spec = core.comparison.spec(PLAN, rate, trial.seed)
    (change,) = (change for change in CHANGES if change.title == trial.name)
    with scaled(change):
        return {"score": train(spec, load(spec.data)).record.test}


def _of_longer_rows(trial: Trial) -> dict[str, float]:
    (asked,) = (group for group in SOLVED if group.data.source == SHORT)
    spec = asked.comparison.spec(trial.name, seed=trial.seed)
    run, longer = train(spec, load(spec.data)), load(DataSpec(source=LONG))
    found = evaluate(run.model.eval(), longer.task, longer.encoding, longer.test).figures
    (figure,) = (one.value for one in found if one.name == longer.task.lead.name)
    return {"score": run.record.test, "longer": figure}


MADE: dict[str, Callable[[Trial], dict[str, float]]] = {
    "scale": _of_scale,
    "longer rows": _of_longer_rows,
}


def read(path: Path = STORED) -> list[dict[str, Any]]:
    """Read the lines of a file; none where it does not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def tables(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Give every table by the name that its place in the page has."""
    scale = [["weights", *(f"{task}, {_metric(task).title}" for task in TASKS)]]
    for change in CHANGES:
        cells = [_spread(lines, "score", _metric(task), "scale", task, change.title)
                 for task in TASKS]  # fmt: skip
        scale.append([change.title, *cells])
    longer = [["plan", "rows of up to 32 bytes", "of up to 64"]]
    accuracy = Metric(name="accuracy", title="accuracy")
    for plan in RESAMPLED:
        cells = [_spread(lines, key, accuracy, "longer rows", SHORT, plan)
                 for key in ("score", "longer")]  # fmt: skip
        longer.append([f"`{plan}`", *cells])
    return {"scale": _markdown(scale), "longer rows": _markdown(longer)}


def _metric(task: str) -> Metric:
    (core,) = (core for core in CORES if core.name == task)
    return load(core.data).task.lead


def _spread(lines: list[dict[str, Any]], key: str, metric: Metric, *asked: str) -> str:
    found = [line for line in lines if (line["question"], line["task"], line["name"]) == asked]
    return spread([line[key] for line in found], metric)


def _markdown(rows: list[list[str]]) -> str:
    head, *others = rows
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *others))


def main(words: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.defaults", description=__doc__)
    parser.add_argument("--lines", type=Path, default=STORED, metavar="FILE")
    path = parser.parse_args(words).lines
    lines = read(path)
    known = {(line["question"], line["task"], line["name"], line["seed"]) for line in lines}
    for trial in trials():
        if trial in known:
            continue
        made = MADE[trial.question](trial)
        lines.append({**trial._asdict(), **made, "commit": commit(), "machine": machine()})
        write_whole(path, "".join(json.dumps(line) + "\n" for line in lines))
        print(*trial, made, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
