"""The settings of a run."""

from typing import Any

import pytest

from spectrans.training import RunSpec
from spectrans.training.sizes import sized
from tests.training.made import order_task


@pytest.mark.parametrize(
    ("settings", "budget"),
    [
        ({}, "8 epochs"),
        ({"epochs": 3}, "3 epochs"),
        ({"steps": 1_234_567}, "1,234,567 steps"),
        ({"minutes": 2.5}, "2.5 minutes"),
        ({"minutes": 1.0}, "1 minute"),
    ],
    ids=["default", "epochs", "steps", "minutes", "one"],
)
def test_a_spec_says_its_whole_budget(settings: dict[str, Any], budget: str) -> None:
    spec = RunSpec(**settings)
    assert spec.budget == budget
    assert RunSpec(**spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"epochs": 2, "steps": 5}, "steps must be left out when epochs is given, got 5"),
        ({"plan": "fouier"}, "plan 'fouier': unknown mixer 'fouier'; did you mean 'fourier'?"),
        ({"plan": "5xfourier"}, "plan '5xfourier': layer_types must fit in num_layers=4"),
        ({"hidden_dim": 10}, "hidden_dim must be a multiple of num_heads=4, got 10"),
        ({"learning_rate": 0.0}, "learning_rate must be greater than 0, got 0.0"),
        ({"batch_size": 0}, "batch_size must be greater than 0, got 0"),
        ({"warmup_ratio": 1.0}, "warmup_ratio must be less than 1, got 1.0"),
        ({"seed": -1}, "seed must be greater than or equal to 0, got -1"),
        ({"schedule": "step"}, "schedule must be 'cosine' or 'linear', got 'step'"),
        ({"learning_rat": 1.0}, "unknown RunSpec option 'learning_rat'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_bad_setting_is_refused_in_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=r"must|unknown") as refusal:
        RunSpec(**settings)
    assert str(refusal.value).startswith(sentence)


def test_the_model_has_the_sizes_of_spec_and_data() -> None:
    spec = RunSpec(
        plan="fourier,attention", num_layers=3, hidden_dim=12, num_heads=3, ffn_ratio=1.5
    )
    config = spec.build(order_task(rows=4, length=5)).config
    assert [options.name for options in config.plan()] == ["fourier", "attention", "fourier"]
    assert (config.hidden_dim, config.ffn_hidden_dim, config.vocab_size) == (12, 18, 10)
    assert (config.num_classes, config.sequence_length, config.pooling) == (2, 5, "mean")


def test_the_model_has_the_positions_and_norms_of_the_spec() -> None:
    spec = RunSpec(positional_encoding_type="learned", norm_position="post")
    config = spec.build(order_task(rows=4, length=5)).config
    assert config.positional_encoding_type == "learned"
    assert config.norm_position == "post"


def test_what_is_set_beside_a_size_overrules_it() -> None:
    settings = sized({"size": "small", "num_layers": 2, "steps": 3})
    assert settings == {"num_layers": 2, "hidden_dim": 256, "num_heads": 4, "steps": 3}
    assert sized({"steps": 3}) == {"steps": 3}
