"""What the folder of a run says from its first second: what is trained there."""

import json
from pathlib import Path
from typing import Literal

from pydantic import PositiveInt

from spectrans.errors import must
from spectrans.options import Options
from spectrans.training.folders import ROOT, FolderError, write_whole
from spectrans.training.record import RECORD, read_json
from spectrans.training.spec import RunSpec

REQUEST = "train.json"


class Begun(Options):
    """A run that was begun.

    Parameters
    ----------
    format
        Name of this form.
    spec
        What is trained.
    fingerprint
        Of the data.
    save_every
        Optimiser steps between checkpoints; None is about a minute.
    fsdp
        Whether processes hold parts of the weights.
    tensorboard
        Whether curves are written for TensorBoard.
    """

    format: Literal["spectrans-train-1"] = "spectrans-train-1"
    spec: RunSpec
    fingerprint: str
    save_every: PositiveInt | None = None
    fsdp: bool = False
    tensorboard: bool = False


def begin(folder: Path, begun: Begun) -> None:
    """Say in a folder what is trained there, or see that it is what an earlier call said.

    Parameters
    ----------
    folder
        Of the run, which exists.
    begun
        What is to be said.

    Raises
    ------
    FolderError
        Another run, other data, or a finished run is there.
    """
    if (folder / RECORD).exists():
        raise FolderError(must("the folder of a run", "not hold a finished one", str(folder)))
    if not (folder / REQUEST).exists():
        written = begun.model_dump(mode="json")
        write_whole(folder / REQUEST, json.dumps(written, indent=2, ensure_ascii=False) + "\n")
        return
    before = read_begun(folder)
    if before.spec != begun.spec:
        raise FolderError(f"{folder} holds the beginning of a run with other settings")
    if before.fingerprint != begun.fingerprint:
        message = f"{folder} was begun with other data of the name {begun.spec.data.source!r}"
        raise FolderError(f"{message}: bring them back, or start a new run")


def read_begun(folder: Path) -> Begun:
    """Read what is trained in a folder.

    Parameters
    ----------
    folder
        Of a run.

    Returns
    -------
    Begun
        What `begin` wrote.

    Raises
    ------
    ValueError
        No such file, or not of this library.
    """
    path = folder / REQUEST
    if not path.is_file():
        raise ValueError(must("the folder of a run", f"hold {REQUEST}", str(folder)))
    return Begun(**read_json(path))


def unfinished(root: Path = ROOT) -> Path:
    """Find the run that was begun last and is not finished.

    Parameters
    ----------
    root
        Folder of runs.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    ValueError
        There is none.
    """
    begun = [path.parent for path in root.glob(f"*/{REQUEST}")]
    left = [folder for folder in begun if not (folder / RECORD).exists()]
    if not left:
        raise ValueError(must("--resume", f"find a run in {root}/ that is not finished", "none"))
    return max(left, key=lambda folder: (folder / REQUEST).stat().st_mtime)
