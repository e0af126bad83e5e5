"""What plans cost."""

import os
from typing import Any

import pytest
import torch

from spectrans.training import Cost, RunSpec, measure, measure_lengths
from spectrans.training.speed import usual_lengths
from tests.training.made import order_task

TASK = order_task(4, length=128)
THREADS = torch.get_num_threads()


def spec(plan: str, **settings: Any) -> RunSpec:
    return RunSpec(**{"plan": plan, "num_layers": 2, "hidden_dim": 32, **settings})


@pytest.fixture(scope="module")
def costs() -> list[Cost]:
    specs = [spec("fourier"), spec("fourier", num_layers=16, batch_size=32)]
    return measure(specs, TASK, seconds=0.1)


def test_eight_times_the_layers_cost_more_time(costs: list[Cost]) -> None:
    shallow, deep = costs
    assert shallow.inference_tokens_per_second > 2 * deep.inference_tokens_per_second
    assert shallow.training_tokens_per_second > 2 * deep.training_tokens_per_second


def test_training_takes_longer_than_inference(costs: list[Cost]) -> None:
    assert all(c.training_tokens_per_second < c.inference_tokens_per_second for c in costs)


def test_step_memory_grows_with_layers_and_rows(costs: list[Cost]) -> None:
    # By 16 in the limit; the head, the loss and the allocator blur it.
    assert costs[1].peak_memory > 8 * costs[0].peak_memory


def test_parameters_and_flops_are_those_of_the_summary(costs: list[Cost]) -> None:
    summary = spec("fourier").build(TASK).summary(128)
    assert costs[0].parameters == summary.parameters
    assert costs[0].flops_per_token == summary.flops / 128


def test_at_least_three_rounds_are_measured(costs: list[Cost]) -> None:
    assert {cost.rounds for cost in costs} <= set(range(3, 31))


def test_measuring_leaves_the_process_as_it_was(costs: list[Cost]) -> None:
    assert costs
    assert "MALLOC_MMAP_THRESHOLD_" not in os.environ
    assert torch.get_num_threads() == THREADS


def test_a_row_costs_more_the_longer_it_is_also_beyond_the_data() -> None:
    (costs,) = measure_lengths([spec("attention")], TASK, (64, 512), seconds=0.1)
    assert [cost.length for cost in costs] == [64, 512]
    # By 8 and more in the limit; what a call costs blurs it.
    assert costs[1].milliseconds > 3 * costs[0].milliseconds
    assert costs[1].memory > 3 * costs[0].memory


def test_usual_lengths_reach_from_half_to_four_times_the_longest_row() -> None:
    assert usual_lengths(144) == (72, 144, 288, 576)
    assert usual_lengths(1) == (1, 2, 4)
