"""Small disks in memory, that can be filled and made read-only."""

import subprocess
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
        command = ["mount", "-o", "remount,ro", str(self.place)]
        subprocess.run(command, check=True)

    def unmount(self) -> None:
        """Take the disk away, whatever still looks at it."""
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)
