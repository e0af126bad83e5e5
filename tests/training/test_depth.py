"""Every mixer learns at 24 layers with the settings that nobody had to find, in either precision."""

import pytest
import torch

from spectrans.data import DataSpec, load
from spectrans.mixers import MIXERS
from spectrans.training import RunSpec, train
from spectrans.training.spec import Precision

TASK = "languages32"
# Of 64 languages a guess gets 1.6 % right.
LEARNT = 0.035

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_shape_checks")]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("mixer", sorted(MIXERS))
def test_a_deep_model_of_one_mixer_learns(mixer: str, precision: Precision) -> None:
    torch.set_num_threads(1)
    spec = RunSpec(
        plan=mixer,
        data=DataSpec(source=TASK),
        num_layers=24,
        hidden_dim=32,
        num_heads=2,
        steps=30,
        batch_size=16,
        precision=precision,
    )
    # `train` refuses a loss that is no number.
    run = train(spec, load(TASK))
    assert run.record.validation > LEARNT
