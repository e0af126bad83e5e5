"""Processes that measure the memory of a step start wherever temporary files go."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from spectrans.training import memory
from tests.repository_copy import ROOT

PROGRAM = """
from spectrans.training import RunSpec
from spectrans.training.memory import peak_memory
from spectrans.training.stand import Shape
from tests.training.made import order_task

if __name__ == "__main__":
    spec = RunSpec(plan="fourier", num_layers=2, hidden_dim=64, num_heads=1)
    print(peak_memory([(spec, Shape.of(order_task(8, length=256)))]))
"""


def test_processes_start_fast_where_the_path_of_a_socket_is_short_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for length, method in ((75, "forkserver"), (76, "spawn")):
        monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * (length - 1))
        assert memory._start_method() == (method if sys.platform == "linux" else "spawn")


@pytest.mark.slow
@pytest.mark.parametrize("length", [75, 76, 200])
def test_memory_is_measured_wherever_temporary_files_go(length: int, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with tempfile.TemporaryDirectory() as short:
        folder = Path(short, "x" * (length - len(short) - 1))
        folder.mkdir()
        environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
        program = [sys.executable, str(tmp_path / "program.py")]
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (measured,) = map(int, done.stdout.strip("[]\n").split(","))
    assert measured > 0
