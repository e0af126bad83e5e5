"""Two processes train like one: no gradient is multiplied by their number, no label counts twice."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.hf.two_processes import KINDS, STEPS, train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def in_two(tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("processes") / "out.pt"
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*start, "-m", "tests.hf.two_processes", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return torch.load(out, weights_only=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_train_like_one(kind: str, in_two: Any, tmp_path: Path) -> None:
    alone = train(kind, str(tmp_path))
    assert len(alone["gradients"]) == STEPS
    torch.testing.assert_close(in_two[kind], alone, rtol=1e-6, atol=1e-9)
