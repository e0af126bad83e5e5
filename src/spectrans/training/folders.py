"""Where runs go: new folders with numbers."""

import re
from hashlib import sha256
from pathlib import Path

from spectrans.disk import make_folder, placing
from spectrans.disk import write_whole as write_whole

ROOT = Path("runs")
# Letters of a plan in a file name, of which systems take 255.
_LONGEST = 100


class FolderError(ValueError):
    """A folder that cannot hold a run, for a reason in one sentence."""


def next_folder(name: str, root: Path = ROOT) -> Path:
    """Make a new, empty folder `<root>/<name>-001`, or with the next number that is free.

    Parameters
    ----------
    name
        First part of the folder's name; characters that do not suit one become "-".
    root
        Parent folder, made if missing.

    Returns
    -------
    Path
        The new folder.
    """
    make_folder(root)
    number = max([0, *(taken for taken, _ in numbered(name, root))]) + 1
    while True:
        folder = root / f"{slug(name)}-{number:03d}"
        try:
            with placing(folder):
                folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def numbered(name: str, root: Path = ROOT) -> list[tuple[int, Path]]:
    """Give the folders that `next_folder` made for a name, with their numbers, newest last."""
    pattern = re.compile(rf"{re.escape(slug(name))}-(\d{{3,}})")
    if not root.is_dir():
        return []
    matches = ((pattern.fullmatch(path.name), path) for path in root.iterdir())
    return sorted((int(match[1]), path) for match, path in matches if match)


def data_name(source: str) -> str:
    """Give the name of a data source as it begins folder names: a file's without its ending."""
    return Path(source).stem if Path(source).suffix else source


def slug(text: str) -> str:
    """Turn text into a part of a file name that every system takes."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.") or "run"


def plan_slug(plan: str) -> str:
    """Turn a plan into a part of a file name: its own where it has options or is long."""
    name = slug(plan)
    if "(" not in plan and len(name) <= _LONGEST:
        return name
    return f"{name[:_LONGEST]}-{sha256(plan.encode()).hexdigest()[:8]}"
