"""Checkpoints on disk: whole and verified, or recognised as neither.

A checkpoint is a folder `checkpoints/<step>`. Its files are written into `.tmp-<step>-<process>`
and brought to disk, the manifest with their sizes and checksums last; then the folder is renamed,
which happens as a whole or not at all. What is deleted is renamed first. So whenever a process
dies, every folder that has the name of a step is whole, and whatever happens to it later, the
manifest tells.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectrans.disk import keep_names, placing, write_through
from spectrans.errors import must
from spectrans.training.folders import FolderError

FOLDER = "checkpoints"
MANIFEST = "manifest.json"
FORMAT = "spectrans-checkpoint-1"
# The one before the newest stays, in case the newest is damaged.
KEPT = 2
_STEP = re.compile(r"\d{6,}")
# As `spectrans.disk.write_whole` names a file that is not whole yet.
_SCRATCH = re.compile(r"\..+\.\w+-\w{8}")
_LONGEST_NAME = 200
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Survey:
    """What a run's folder holds to go on from.

    Parameters
    ----------
    newest
        Folder of the newest whole checkpoint; None where there is none.
    step
        Its step, 0 without one.
    faults
        What was found that is not whole, and why, in words.
    """

    newest: Path | None = None
    step: int = 0
    faults: tuple[str, ...] = ()


def save(run: Path, step: int, files: Mapping[str, bytes], notes: Mapping[str, Any]) -> Path:
    """Write a checkpoint, and delete those that are not needed any more.

    Parameters
    ----------
    run
        Folder of the run.
    step
        Optimiser steps done.
    files
        Contents by name.
    notes
        What else the manifest is to say.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    OSError
        It cannot be written; older ones are still there.
    """
    root = _root(run)
    target = root / f"{step:06d}"
    scratch = root / f".tmp-{step:06d}-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    with placing(target, sum(map(len, files.values()))), _scratch(scratch):
        for name, content in files.items():
            write_through(scratch / name, content)
        listed = {name: {"size": len(c), "sha256": _sum(c)} for name, c in files.items()}
        manifest = {"format": FORMAT, "step": step, **notes, "files": listed}
        write_through(scratch / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
        keep_names(scratch)
        if target.exists():
            _delete(target)
        scratch.rename(target)
    keep_names(root)
    for old in _steps(root)[KEPT:]:
        _delete(old)
    return target


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    """Make a folder, which an error of the system takes away again."""
    try:
        folder.mkdir(parents=True)
        yield
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def survey(run: Path) -> Survey:
    """Find the newest whole checkpoint, and what is not whole.

    Parameters
    ----------
    run
        Folder of the run.

    Returns
    -------
    Survey
        Checkpoints older than the newest whole one are not looked at.
    """
    root = _root(run)
    faults = [f"{path.name} is half written" for path in sorted(root.glob(".tmp-*"))]
    for path in _steps(root):
        fault = damage(path)
        if fault is None:
            return Survey(path, int(path.name), tuple(faults))
        faults.append(f"{path.name} is damaged, {fault}")
    return Survey(faults=tuple(faults))


def damage(path: Path) -> str | None:
    """Say what is wrong with a checkpoint; None where it is whole."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT or manifest["step"] != int(path.name):
            return f"{MANIFEST} belongs to another checkpoint"
        listed = {
            name: (entry["size"], entry["sha256"]) for name, entry in manifest["files"].items()
        }
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"{MANIFEST} is not whole"
    for name, (size, checksum) in listed.items():
        if Path(name).name != name or not 0 < len(name) < _LONGEST_NAME:
            return f"{MANIFEST} names a file elsewhere"
        file = path / name
        if file.is_symlink():
            return f"{name} is a link"
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != size:
            return f"{name} has another size than it was written with"
        if _sum_of(file) != checksum:
            return f"{name} has another checksum than it was written with"
    return None


def remove(run: Path) -> None:
    """Delete the checkpoints of a finished run."""
    root = _root(run)
    if root.is_dir():
        _delete(root)


def tidy(run: Path) -> None:
    """Delete what processes that died left half written or half deleted."""
    _root(run)
    for pattern in (f"{FOLDER}/.tmp-*", f"{FOLDER}/.old-*", f".old-{FOLDER}-*", ".saving-*"):
        for path in run.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
    for path in run.iterdir():
        if _SCRATCH.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def _root(run: Path) -> Path:
    """Give the folder of checkpoints; behind a link, files of somebody else would be deleted."""
    root = run / FOLDER
    if root.is_symlink():
        raise FolderError(must("the folder of a run", f"hold no link called {FOLDER}", str(run)))
    return root


def _steps(root: Path) -> list[Path]:
    """Give the folders with the name of a step, newest first."""
    found: Iterable[Path] = root.iterdir() if root.is_dir() else ()
    steps = [path for path in found if _STEP.fullmatch(path.name) and path.is_dir()]
    return sorted(steps, key=lambda path: int(path.name), reverse=True)


def _delete(path: Path) -> None:
    """Take a folder away whole: its name goes first."""
    gone = path.with_name(f".old-{path.name}-{os.getpid()}")
    shutil.rmtree(gone, ignore_errors=True)
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sum_of(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
