"""What takes long to generate, kept on disk."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from spectrans.errors import must
from spectrans.sequences import Sequences

FOLDER, SIZE = "SPECTRANS_CACHE", "SPECTRANS_CACHE_GIB"
# Gibibytes that all entries may take together.
LARGEST = 4.0
# What an entry holds; the last one says what the others must be.
TOKENS, LENGTHS, LABELS, ABOUT = "tokens", "lengths", "labels", "about.json"
# Seconds after which a folder that was never finished is nobody's.
STALE = 86_400


class Made(NamedTuple):
    """Rows that were generated, each with a class."""

    tokens: Sequences
    labels: Int64[np.ndarray, " rows"]


def folder() -> Path:
    """Say where entries are: `$SPECTRANS_CACHE`, or `spectrans` in the user's cache."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "spectrans" / "data"


def largest() -> int:
    """Say how many bytes all entries may take, by `$SPECTRANS_CACHE_GIB`; 0 keeps nothing.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        `SPECTRANS_CACHE_GIB must be a number of at least 0 ...`.
    """
    text = os.environ.get(SIZE, str(LARGEST))
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(must(SIZE, "be a number of at least 0", text))
    return int(value * 2**30)


def cached(key: dict[str, Any], make: Callable[[], Made]) -> Made:
    """Read rows that were made before, or make and keep them.

    Parameters
    ----------
    key
        All that decides the rows, as plain data; `task` begins the name of the entry.
    make
        Makes them.

    Returns
    -------
    Made
        The rows. Of an entry the tokens stay on disk; one that is damaged is made anew.
    """
    bound = largest()
    written = json.dumps(key, sort_keys=True)
    entry = folder() / f"{key['task']}-{sha256(written.encode()).hexdigest()[:20]}"
    found = _read(entry, written)
    if found is not None:
        return found
    made = make()
    flat = made.tokens.flat
    if flat.nbytes + 16 * len(made.labels) > bound:
        return made
    try:
        _write(entry, written, made)
        _trim(entry, bound)
    except OSError:
        # A folder that cannot be written to costs the time to make the rows, and nothing else.
        return made
    return _read(entry, written) or made


def _read(entry: Path, key: str) -> Made | None:
    """Read an entry if it is there, whole, and of this key."""
    try:
        about = json.loads((entry / ABOUT).read_text("utf-8"))
        sums = {name: _digest(entry / name) for name in (TOKENS, LENGTHS, LABELS)}
        if about != {"key": json.loads(key), "kind": about["kind"], "sha256": sums}:
            return None
        lengths = np.fromfile(entry / LENGTHS, dtype=np.int64)
        labels = np.fromfile(entry / LABELS, dtype=np.int64)
        flat = np.memmap(entry / TOKENS, dtype=np.dtype(about["kind"]), mode="r")
        # The entry was used: others go first.
        os.utime(entry / ABOUT)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Made(Sequences(flat, np.cumsum(lengths) - lengths, lengths), labels)


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()


def _write(entry: Path, key: str, made: Made) -> None:
    """Write an entry that is there as a whole or not at all."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=entry.parent))
    try:
        with (scratch / TOKENS).open("wb") as file:
            for chunk in made.tokens.chunks():
                file.write(chunk.tobytes())
        made.tokens.lengths.astype(np.int64).tofile(scratch / LENGTHS)
        made.labels.tofile(scratch / LABELS)
        sums = {name: _digest(scratch / name) for name in (TOKENS, LENGTHS, LABELS)}
        about = {"key": json.loads(key), "kind": made.tokens.flat.dtype.str, "sha256": sums}
        (scratch / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        _remove(entry)
        scratch.rename(entry)
    except OSError:
        # Another process may have written the same rows meanwhile.
        if not (entry / ABOUT).is_file():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _remove(entry: Path) -> None:
    """Take an entry away at once, then delete it."""
    if entry.exists():
        away = Path(tempfile.mkdtemp(prefix=".old-", dir=entry.parent))
        entry.rename(away / entry.name)
        shutil.rmtree(away, ignore_errors=True)


def _trim(newest: Path, bound: int) -> None:
    """Remove the entries that were unused for longest until all fit, and what was left behind."""
    parent = newest.parent
    for rest in parent.glob(".[no][el][wd]-*"):
        if time.time() - rest.stat().st_mtime > STALE:
            shutil.rmtree(rest, ignore_errors=True)
    entries = sorted(parent.glob(f"*/{ABOUT}"), key=lambda about: about.stat().st_mtime)
    sizes = {
        about.parent: sum(file.stat().st_size for file in about.parent.iterdir())
        for about in entries
        if not about.parent.name.startswith(".")
    }
    total = sum(sizes.values())
    for entry, size in sizes.items():
        if total <= bound:
            return
        if entry != newest:
            _remove(entry)
            total -= size
