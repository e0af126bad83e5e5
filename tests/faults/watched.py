"""Programs that may not speak to anybody: Python reports every look-up and connection."""

import os
import subprocess
import sys
from pathlib import Path

ALONE = """
import sys
def look(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise PermissionError(f"{event} {arguments}")
sys.addaudithook(look)
"""


def alone(program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program that fails where it speaks to the network, with nothing else in its environment."""
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", ALONE + program],
        cwd=folder,
        env={**kept, "OMP_NUM_THREADS": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
