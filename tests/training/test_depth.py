"""Every mixer, alone and beside attention, learns at 24 layers with the default settings."""

import pytest
import torch

from benchmarks.questions import LEARNABLE
from spectrans.data import DataSpec, load
from spectrans.training import RunSpec, train
from spectrans.training.spec import Precision

TASK = "languages32"
# Of 64 languages a guess gets 1.6 % right.
LEARNT = 0.06

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_shape_checks")]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("plan", LEARNABLE)
def test_a_deep_model_learns(plan: str, precision: Precision) -> None:
    torch.set_num_threads(1)
    spec = RunSpec(
        plan=plan,
        data=DataSpec(source=TASK),
        num_layers=24,
        hidden_dim=32,
        num_heads=2,
        steps=60,
        batch_size=32,
        precision=precision,
    )
    # `train` refuses a loss that is no number.
    run = train(spec, load(TASK))
    assert run.record.validation > LEARNT
