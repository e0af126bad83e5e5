"""One run at a time in a folder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spectrans.disk import make_folder, placing
from spectrans.errors import must
from spectrans.training.folders import FolderError

LOCK = ".lock"

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder for this process.

    The system itself holds the lock and drops it with the process, however that ends: a lock file
    that a dead process left says nothing.

    Parameters
    ----------
    folder
        Made if missing.

    Raises
    ------
    FolderError
        Another process has it, or a link stands in the place of the lock.
    """
    make_folder(folder)
    # What a link leads to would be emptied: a folder from elsewhere could name any file.
    if (folder / LOCK).is_symlink():
        raise FolderError(must("the folder of a run", f"hold no link called {LOCK}", str(folder)))
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with placing(folder / LOCK):
        handle = os.open(folder / LOCK, flags, 0o644)
    try:
        try:
            _take(handle)
            # Its holder may have removed it meanwhile, and somebody else made another.
            if os.fstat(handle).st_ino != (folder / LOCK).stat().st_ino:
                raise BlockingIOError
        except OSError:
            holder = os.read(handle, 20).decode(errors="replace").strip() or "unknown"
            rule = f"not be in use, process {holder} trains in it"
            raise FolderError(must("the folder of a run", rule, str(folder))) from None
        own = f"{os.getpid()}\n".encode()
        with placing(folder / LOCK, len(own)):
            os.ftruncate(handle, 0)
            os.write(handle, own)
        yield
        (folder / LOCK).unlink(missing_ok=True)
    finally:
        os.close(handle)
