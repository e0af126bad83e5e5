"""Two processes, and passes that a step is parted into, have the gradients of one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.gradients import KINDS, gradients

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def in_two(tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("processes") / "out.pt"
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*start, "-m", "tests.training.gradients", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return torch.load(out, weights_only=True)


def near(found: Any, alone: Any) -> None:
    """Fail where a gradient of a step is not that of one process in one pass."""
    assert len(alone) == 6
    assert all(gradient.dtype == torch.float64 for step in alone for gradient in step)
    torch.testing.assert_close(found, alone, rtol=1e-6, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_with_two_passes_each_have_the_gradients_of_one(
    kind: str, in_two: Any
) -> None:
    near(in_two[kind], gradients(kind, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_passes_of_a_step_have_the_gradients_of_one(kind: str) -> None:
    near(gradients(kind, 4), gradients(kind, 1))
