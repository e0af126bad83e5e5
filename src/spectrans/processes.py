"""Which process of a run this is, from the variables that torchrun and its like set; no torch."""

import os

# Set by `--nproc` for the processes that it starts: it says itself what became of them.
LAUNCHED = "SPECTRANS_LAUNCHED"
# Exit code of such a process that waited for another in vain, as that of timeout(1).
WAITED = 124
VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", LAUNCHED)


def count() -> int:
    """Give the number of processes of the run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Give the number of this process, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_main() -> bool:
    """Say whether this process writes and talks."""
    return rank() == 0


def leave() -> None:
    """Make this process one that runs alone, as a worker of a comparison."""
    for name in VARIABLES:
        os.environ.pop(name, None)
