"""`spectrans plans`: what plans are made of, drawn and counted."""

import json

import pytest

from spectrans.cli.completion import MIXERS
from spectrans.cli.strip import letter
from spectrans.cli.verbs.plans import summarise
from spectrans.training import families
from tests.cli.command import spectrans


def test_all_mixers_and_layouts_are_listed_with_their_cost() -> None:
    listed = json.loads(spectrans("plans", "--json").out)
    assert tuple(row["mixer"] for row in listed["mixers"]) == MIXERS
    assert all(row["computes"] for row in listed["mixers"])
    assert tuple(row["plan"] for row in listed["plans"]) == families.layouts("all", 4)
    assert "top:k" in listed["patterns"]


def test_a_plan_is_drawn_layer_by_layer() -> None:
    drawn = spectrans("plans", "3xgfnet,attention", "--length", "64").out
    lines = drawn.splitlines()
    assert lines[0] == "G G G A  3xgfnet,attention"
    assert lines[1].split()[:3] == ["0-2", "G", "gfnet"]
    assert lines[1].endswith("of it mixing, each")
    assert lines[2].split()[:3] == ["3", "A", "attention"]
    assert "░" in lines[1]
    assert lines[3].endswith("of attention's")


def test_what_is_drawn_is_what_the_model_says_of_itself() -> None:
    from spectrans import HybridTransformer

    model = HybridTransformer(
        hidden_dim=16, num_layers=3, num_heads=2, max_sequence_length=50, ffn_hidden_dim=32,
        alternation_pattern="custom", layer_types="lst,wavelet,attention",
    )  # fmt: skip
    settings = {"hidden_dim": 16, "num_layers": 3, "num_heads": 2}
    assert summarise("lst,wavelet,attention", settings, 50) == model.summary(50)


@pytest.mark.parametrize("length", [1, 3, 2**20])
def test_any_length_is_counted_and_none_is_run(length: int) -> None:
    assert summarise("gfnet,attention", {}, length).flops > length


def test_letters_tell_mixers_apart() -> None:
    assert len({letter(name) for name in MIXERS}) == len(MIXERS)
    assert letter("mine") == "m"


@pytest.mark.slow
def test_a_family_is_drawn_by_its_name() -> None:
    drawn = json.loads(spectrans("plans", "fnet-top-1", "even", "--json").out)["plans"]
    assert [row["plan"] for row in drawn] == ["3xfourier,attention", "fourier,attention"]
    assert "fnet-top-2" in spectrans("plans").out
