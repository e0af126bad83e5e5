"""Small disks in memory, that can be filled and closed, and what else keeps a file from a disk."""

import ctypes
import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A file system of its own at a folder.

    Parameters
    ----------
    place
        An empty folder.
    size
        Bytes that it holds.
    """

    def __init__(self, place: Path, size: int) -> None:
        self.place = place
        self.ballast = place / "ballast"
        options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        done = subprocess.run(options, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")

    def fill(self) -> None:
        """Leave no room at all."""
        with self.ballast.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    return

    def free(self) -> None:
        """Give the room back."""
        self.ballast.unlink()

    def close(self) -> None:
        """Refuse all writing from now on."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.place)], check=True)

    def forbid(self) -> None:
        """Make every folder one that is only read, for whoever may not pass over that."""
        self._rights(0o555)

    def allow(self) -> None:
        """Make it one to write in again."""
        self._rights(0o755)

    def _rights(self, mode: int) -> None:
        for folder in (self.place, *self.place.rglob("*/")):
            folder.chmod(mode)

    def unmount(self) -> None:
        """Take the disk away, whatever still looks at it."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


def exceed_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring nothing to a disk any more, as where a user has more than is allowed."""

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, "fsync", refuse)


# Of <linux/capability.h>: its version 3, and the rights to pass over those of files.
_VERSION, _OVERRIDES = 0x20080522, 1 << 1 | 1 << 2


@contextmanager
def with_the_rights_of_others() -> Iterator[None]:
    """Let root, who may write everywhere, write only where the rights of a folder say so."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, rights = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, rights) == 0
    before = rights[0]
    rights[0] = before & ~_OVERRIDES
    assert libc.capset(header, rights) == 0
    try:
        yield
    finally:
        rights[0] = before
        assert libc.capset(header, rights) == 0
