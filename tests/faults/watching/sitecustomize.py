"""What a Python that tests watch runs first, as do those that it starts: no network, and every write told.

Python itself reports each look-up, connection, and opening or renaming of a file before it is done.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
_WRITING = os.O_WRONLY | os.O_RDWR
# Where paths are among the arguments, each with the place of what it is relative to.
_CHANGES = {
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.chmod": ((0, 2),),
    "os.utime": ((0, 3),),
    "os.truncate": ((0, None),),
}


def _is_allowed(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether nobody outside of this machine is spoken to: processes of one program may talk."""
    if event in ("socket.connect", "socket.sendto"):
        return isinstance(arguments[1], str | bytes)
    return str(arguments[0]) in os.environ.get("WATCHED_HOSTS", "").split()


def _paths(event: str, arguments: tuple[Any, ...]) -> Iterator[str]:
    """Give what an event changes."""
    places = (
        ((0, None),) if event == "open" and arguments[2] & _WRITING else _CHANGES.get(event, ())
    )
    for place, beside in places:
        if isinstance(arguments[place], int):
            continue
        folder = -1 if beside is None else arguments[beside]
        home = Path.cwd() if folder == -1 else Path(f"/proc/self/fd/{folder}").readlink()
        path = home / os.fsdecode(arguments[place])
        yield str(path.parent.resolve() / path.name)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _NETWORK and not _is_allowed(event, arguments):
        raise PermissionError(f"{event} {arguments}")
    if _told is not None:
        for path in _paths(event, arguments):
            os.write(_told, f"{path}\n".encode())


_file = os.environ.get("WATCHED_WRITES")
_told = os.open(_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if _file else None
sys.addaudithook(_look)
