"""Say what is installed, what it runs on, and what is missing."""

import json
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import typer

from spectrans.cli import machine
from spectrans.cli.extras import DISTRIBUTION, PURPOSES, extras, installed
from spectrans.cli.findings import show
from spectrans.cli.sentences import reason
from spectrans.data import DataSpec, load
from spectrans.data.check import Finding, Level
from spectrans.training.folders import ROOT
from spectrans.training.run import require_engine
from spectrans.training.spec import RunSpec
from spectrans.version import __version__

# Of another library, whose folder of modules has the same name.
NAMESAKE = "spectrans"


def run(as_json: bool) -> None:
    """Print what was found; end with code 1 where training is not possible."""
    facts = machine.facts()
    found = [*_versions(), *_machine(facts), *_packages(), *_writing(ROOT), *_training()]
    ready = not any(finding.level == "fail" for finding in found)
    if as_json:
        packages = {p.name: p.version for extra in extras() for p in extra.packages}
        versions = {"spectrans": __version__, "python": platform.python_version()}
        versions["torch"] = str(torch.__version__)
        listed = [asdict(finding) for finding in found]
        answer = {"ready": ready, "versions": versions, "packages": packages, "machine": facts}
        typer.echo(json.dumps({**answer, "findings": listed}, ensure_ascii=False))
    else:
        show(found)
    if not ready:
        raise typer.Exit(1)


def _versions() -> Iterator[Finding]:
    """Give the versions, and warn of the library of the same name."""
    python = platform.python_version()
    yield Finding("ok", f"spectrans {__version__}, Python {python}, torch {torch.__version__}")
    other = installed(NAMESAKE)
    if other is not None:
        wrong = f"{NAMESAKE} {other}, another library, is installed and shares our folder"
        fix = f"pip uninstall {NAMESAKE}, then install {DISTRIBUTION} again"
        yield Finding("warn", f"{wrong}: {fix}")
    if installed(DISTRIBUTION) is None:
        wrong = f"{DISTRIBUTION} is not installed, only found: what it needs cannot be checked"
        yield Finding("warn", wrong)


def _machine(facts: dict[str, Any]) -> Iterator[Finding]:
    """Say what the speed depends on."""
    processor = f"{facts['processor']}, {facts['instructions']}"
    yield Finding("ok", f"{processor}, {facts['cores']} cores, {facts['threads']} threads")
    yield Finding("ok", f"device {facts['device']}")
    if facts["threads"] > facts["cores"]:
        fix = f"set OMP_NUM_THREADS={facts['cores']}"
        yield Finding("warn", f"there are more threads than cores, which is slow: {fix}")
    route = "oneDNN" if facts["fast_products"] else "torch's own choice, the faster one here"
    yield Finding("ok", f"large products: {route}")
    settings = " ".join(f"{name}={value}" for name, value in facts["allocator"].items())
    yield Finding("ok", f"memory allocator: {settings or 'as the system has it'}")


def _packages() -> Iterator[Finding]:
    """Say which extras can be used, and how to install the others."""
    for extra in extras():
        purpose = PURPOSES.get(extra.name, f"the extra {extra.name}")
        shown = ", ".join(map(str, extra.packages))
        level: Level = "ok" if extra.fits else "warn"
        fix = "" if extra.fits else f": {extra.install}"
        yield Finding(level, f"{purpose}: {shown}{fix}")


def _writing(folder: Path) -> Iterator[Finding]:
    """Try to write where runs go."""
    try:
        seconds, free = machine.writing(folder)
    except OSError as error:
        yield Finding("fail", f"{folder}/ must be writable, got: {reason(error)}")
        return
    yield Finding("ok", f"{folder}/ takes a file to disk in {1000 * seconds:.1f} ms")
    gib = free / 2**30
    level: Level = "ok" if free > machine.FEW_BYTES else "warn"
    yield Finding(level, f"{gib:,.1f} GiB are free there{'' if level == 'ok' else ': make room'}")


def _training() -> Iterator[Finding]:
    """Train a small model for one step."""
    try:
        require_engine()
    except ModuleNotFoundError as error:
        yield Finding("fail", str(error))
        return
    dataset = load(DataSpec(source="digits"))
    model = RunSpec(num_layers=2, plan="gfnet,attention").build(dataset)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    start = time.perf_counter()
    ids = dataset.encoding.stand_in(8, dataset.max_length).to(device)
    outputs = model.to(device)(ids)
    loss = dataset.task.loss(outputs, dataset.task.stand_in(outputs).to(device))
    loss.backward()
    if not torch.isfinite(loss):
        yield Finding("fail", f"the loss of a small model must be finite, got {loss.item()}")
        return
    passed = 1000 * (time.perf_counter() - start)
    yield Finding("ok", f"a small model learns: forward and backward pass in {passed:.0f} ms")
