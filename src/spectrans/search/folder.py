"""The folder of a search, and the data that it looks at."""

from dataclasses import replace
from pathlib import Path

from spectrans.data import Dataset
from spectrans.disk import make_folder
from spectrans.errors import must
from spectrans.search.request import Search
from spectrans.search.tried import Found, read, save
from spectrans.training.folders import numbered
from spectrans.training.lock import LOCK


def without_test(dataset: Dataset) -> Dataset:
    """Give a data set whose test rows are those of validation, so that nothing can look at them."""
    return replace(dataset, test=dataset.validation)


def begin(asked: Search, folder: Path, seen: Dataset) -> Found:
    """Claim a folder for a search, or read the one that was begun there.

    Parameters
    ----------
    asked
        What is asked for. It may have another budget than before.
    folder
        Made if missing.
    seen
        What `without_test` gave.

    Returns
    -------
    Found
        What the folder holds.

    Raises
    ------
    ValueError
        The folder holds something else.
    """
    fresh = Found.begun(asked, seen)
    before = read(folder)
    if before is None:
        if folder.is_dir() and any(path.name != LOCK for path in folder.iterdir()):
            raise ValueError(must("the folder", "be empty or hold a search", str(folder)))
        make_folder(folder)
        save(fresh, folder)
        return fresh
    old, new = before.search.space_settings(), asked.space_settings()
    changed = next((name for name in new if old.get(name) != new[name]), None)
    if changed is not None:
        message = f"{folder} holds a search with {changed}={old.get(changed)!r}"
        raise ValueError(f"{message}: give the same settings, or another folder")
    if before.data.fingerprint != fresh.data.fingerprint:
        message = f"{folder} holds a search on other data of the name {before.data.name!r}"
        raise ValueError(f"{message}: give another folder")
    return before


def unfinished(asked: Search, name: str, root: Path) -> Path | None:
    """Find the newest folder in which this very search was begun and not finished."""
    for _, folder in reversed(numbered(name, root)):
        found = read(folder)
        if found is not None and not found.complete and found.search == asked:
            return folder
    return None
