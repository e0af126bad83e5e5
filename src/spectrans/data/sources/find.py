"""Which source a path names, and whether it comes in splits."""

import os
from collections.abc import Callable
from pathlib import Path

from spectrans.data.sources.arrays import Archive, parts
from spectrans.data.sources.arrow import Parquet, Saved
from spectrans.data.sources.base import Refuse, Source, refuse_path, strict
from spectrans.data.sources.folders import ClassFolders, TextFolder, files, folders
from spectrans.data.sources.lines import Objects, PlainText, Table, TabTable
from spectrans.data.sources.picture import PictureFolders, is_picture
from spectrans.data.sources.series import TimeSeries
from spectrans.errors import must

FORMATS: dict[str, Callable[[Path, Refuse], Source]] = {
    ".csv": Table,
    ".tsv": TabTable,
    ".jsonl": Objects,
    ".parquet": Parquet,
    ".npz": Archive,
    ".ts": TimeSeries,
    ".txt": PlainText,
}
# Folders between a folder of data and its files.
_DEEPEST = 2
# What the splits of a folder or a file may be called.
SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


def find(path: Path, refuse: Refuse = strict) -> dict[str, Source]:
    """Give the source that a path names, under "all", or one for each of its splits.

    Parameters
    ----------
    path
        A file with a known ending; or a folder that holds one folder of texts or pictures per
        class, files or folders named `train`, `validation` and `test`, or a saved data set of the
        `datasets` library.
    refuse
        Told of rows that cannot be read.

    Returns
    -------
    dict
        Sources under "all", or under "train" and "test", and "validation" where there is one.

    Raises
    ------
    ValueError
        Nothing there that can be read.
    """
    if not path.is_dir():
        kind = path.suffix.lower()
        if kind not in FORMATS:
            raise ValueError(must("source", f"end in {', '.join(FORMATS)}", str(path)))
        refuse_path(path)
        if kind == ".npz" and (ends := parts(path)):
            return {split: Archive(path, refuse, end) for split, end in ends.items()}
        return {"all": FORMATS[kind](path, refuse)}
    refuse_links(path)
    found = {
        split: child
        for split, known in SPLITS.items()
        for name in known
        for child in sorted(path.iterdir())
        if _part(child) == name and _is_source(child)
    }
    # A folder called train may also be a class.
    rest = [child for child in path.iterdir() if _is_source(child) and child not in found.values()]
    if "train" in found and (found["train"].is_file() or not any(c.is_dir() for c in rest)):
        return {split: _whole(child, refuse) for split, child in found.items()}
    return {"all": _folder(path, refuse)}


def refuse_links(path: Path) -> None:
    """Refuse links out of a folder: from elsewhere, it could name any file of this machine.

    Parameters
    ----------
    path
        Folder of data.

    Raises
    ------
    ValueError
        Names the first link.
    """
    home = path.resolve()
    for place, inner, names in os.walk(path):
        for name in sorted([*inner, *names]):
            child = Path(place, name)
            if child.is_symlink() and not child.resolve().is_relative_to(home):
                shown = child.relative_to(path.parent)
                way = "copy what it leads to, as cp -L does"
                raise ValueError(f"{shown} must lie in the folder, got a link to elsewhere; {way}")
        # Splits, classes and files: nothing below is read.
        if len(Path(place).relative_to(path).parts) >= _DEEPEST:
            inner.clear()


def _part(path: Path) -> str:
    """Give what may be the name of a split: of `train.csv` train, of `Name_TRAIN.ts` too."""
    name = path.name.split(".")[0].lower()
    return name.rpartition("_")[2] if path.suffix.lower() == ".ts" else name


def _is_source(path: Path) -> bool:
    shown = path.name[0] != "."
    return shown and (path.is_dir() or path.suffix.lower() in FORMATS)


def _whole(path: Path, refuse: Refuse) -> Source:
    """Give the source of one split."""
    if path.is_dir():
        return _folder(path, refuse)
    refuse_path(path)
    return FORMATS[path.suffix.lower()](path, refuse)


def _folder(path: Path, refuse: Refuse) -> Source:
    """Give the source of a folder without splits."""
    if (path / "state.json").is_file():
        return Saved(path, refuse)
    if found := folders(path):
        pictures = any(is_picture(file) for file in files(found[0]))
        return PictureFolders(path, refuse) if pictures else ClassFolders(path, refuse)
    tables = [file for file in files(path) if file.suffix.lower() in FORMATS.keys() - {".txt"}]
    if tables:
        rule = "hold tables named train and test"
        raise ValueError(f"{must(path.name, rule, tables[0].name)}; or name the table itself")
    if files(path):
        return TextFolder(path, refuse)
    rule = (
        "hold folders of texts or pictures, one a class, files named train and test, or a data set"
    )
    raise ValueError(f"{must('source', rule, str(path))} saved by datasets")
