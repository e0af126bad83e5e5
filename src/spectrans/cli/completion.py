"""What a shell offers when TAB is pressed.

The names are written down here, since a shell cannot wait until torch is imported; a test compares
them with those of the library.
"""

import re
from collections.abc import Iterator
from pathlib import Path

MIXERS = ("fourier", "wavelet", "afno", "gfnet", "attention", "spectral_attention", "lst")
DATA = (
    "digits", "digits12", "digits16", "digits24", "digits32", "digits48", "digits64",
    "languages", "languages32", "languages64", "languages128", "languages256",
    "listops", "listops256", "listops512", "listops1024", "listops2000",
    "pathfinder", "pathfinder32", "pathfinder64", "pathfinder128",
    "recall", "recall64", "recall128", "recall256", "recall512",
    "copying", "copying64", "copying256", "copying1024", "copying4096",
    "induction", "induction64", "induction256", "induction1024", "series",
)  # fmt: skip
FORMATS = (".csv", ".tsv", ".jsonl", ".parquet", ".npz", ".ts", ".txt")
# What a run, a comparison or a search leaves in its folder.
_MARKS = ("run.json", "compare.json", "search.json")
_RUNS = "runs/"


def plans(incomplete: str) -> list[str]:
    """Complete the last mixer of a plan."""
    if incomplete.count("(") > incomplete.count(")"):
        return []
    before, comma, last = incomplete.rpartition(",")
    count = re.match(r"\d+x", last)
    start = before + comma + (count[0] if count else "")
    return [start + name for name in MIXERS if (start + name).startswith(incomplete)]


def data(incomplete: str) -> list[str]:
    """Complete the name of an embedded data set, or the path of a file or folder."""
    names = [name for name in DATA if name.startswith(incomplete)]
    return [*names, *(path for path in _paths(incomplete) if path.endswith((*FORMATS, "/")))]


def runs(incomplete: str) -> list[str]:
    """Complete the folder of a run, first of all in `runs/`."""
    found = list(_folders(incomplete or _RUNS))
    return [folder for folder in found if _is_run(folder)] or [f"{path}/" for path in found]


def _is_run(folder: str) -> bool:
    return any((Path(folder) / mark).is_file() for mark in _MARKS)


def _folders(incomplete: str) -> Iterator[str]:
    return (path[:-1] for path in _paths(incomplete) if path.endswith("/"))


def _paths(incomplete: str) -> Iterator[str]:
    """Give what is in a folder and begins as typed; folders end in a slash."""
    folder, slash, name = incomplete.rpartition("/")
    place = Path(folder + slash or ".").expanduser()
    if not place.is_dir():
        return
    for path in sorted(place.iterdir()):
        if path.name.startswith(name) and (name or not path.name.startswith(".")):
            yield f"{folder}{slash}{path.name}{'/' if path.is_dir() else ''}"
