"""Which layers a model needs."""

import torch

from spectrans.blocks import HybridBlock
from spectrans.training import RunSpec
from spectrans.training.sensitivity import sensitivity
from tests.training.made import order_task

TASK = order_task(32)
SPEC = RunSpec(plan="fourier,attention", num_layers=2, hidden_dim=8, num_heads=2)


def test_every_layer_is_changed_alone_and_the_model_stays_as_it_was() -> None:
    model = SPEC.build(TASK).eval()
    ids = torch.arange(10)[None]
    before = model(ids)
    found = sensitivity(model, TASK)
    assert [(layer.layer, layer.mixer) for layer in found.layers] == [
        (0, "fourier"),
        (1, "attention"),
    ]
    assert found.layers[0].fourier is None
    assert torch.equal(model(ids), before)


def test_a_mixer_that_adds_nothing_is_not_needed() -> None:
    model = SPEC.build(TASK)
    block = model.blocks[1]
    assert isinstance(block, HybridBlock)
    # Attention whose weights are all zero writes zeros, as if it were not there.
    block.mixer.load_state_dict({k: v * 0 for k, v in block.mixer.state_dict().items()})
    found = sensitivity(model, TASK)
    assert found.layers[1].without == found.score
    assert found.loss(found.layers[1]) == 0
