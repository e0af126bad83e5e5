"""A server's memory does not grow with the number of different shapes that it has answered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spectrans.cli.verbs.serve import _KEPT_SHAPES
from tests.made_runs import saved_run

# Prints by how many MiB memory grew while batches of 600 shapes went through.
PROGRAM = """
import sys, torch
from spectrans.training import load_run

torch.set_num_threads(1)
model = load_run(sys.argv[1]).model

def memory():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024

def answer(rows, length):
    with torch.inference_mode():
        model(torch.ones(rows, length, dtype=torch.long))

answer(20, 60)
before = memory()
for rows in range(1, 21):
    for length in range(31, 61):
        answer(rows, length)
print(memory() - before)
"""


def grown(run: Path, settings: dict[str, str]) -> float:
    command = [sys.executable, "-c", PROGRAM, str(run)]
    done = subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_memory_stays_where_it_is_over_many_shapes(tmp_path: Path) -> None:
    run = saved_run(tmp_path / "run", "languages64", num_layers=4, hidden_dim=64, num_heads=4)
    name, value = _KEPT_SHAPES
    assert grown(run, {name: value}) < grown(run, {name: "1024"}) - 15
