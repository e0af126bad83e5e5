"""One training run."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from spectrans.data import Examples
from spectrans.data.baselines import linear
from spectrans.training import Progress, Run, RunSpec, TrainingError, answers, train
from spectrans.training.arguments import factor
from spectrans.training.batches import Collator, LabelledSequences, feed
from tests.training.made import order_task


def spec(**settings: Any) -> RunSpec:
    sizes = {"num_layers": 2, "hidden_dim": 16, "num_heads": 2, "batch_size": 32}
    return RunSpec(**{"plan": "attention", **sizes, **settings})


@pytest.fixture(scope="module")
def trained() -> Run:
    return train(spec(epochs=20), order_task())


def accuracy(run: Run, examples: Examples) -> float:
    found = np.stack(
        answers(run.model, run.record.data.task, run.record.data.encoding, examples.tokens)
    )
    return float(np.mean(found.argmax(1) == examples.labels))


def test_a_trained_model_beats_the_linear_one_by_far(trained: Run) -> None:
    assert linear(order_task()).scores.values["accuracy"] < 0.65
    assert trained.record.test > 0.9


def test_reported_accuracies_are_those_of_the_model_that_comes_back(trained: Run) -> None:
    record, task = trained.record, order_task()
    assert accuracy(trained, task.test) == record.test
    assert accuracy(trained, task.validation) == record.validation


def test_the_kept_weights_are_the_best_on_validation(trained: Run) -> None:
    found = [e for e in trained.history if "validation_accuracy" in e]
    best = max(found, key=lambda e: (e["validation_accuracy"], -e["validation_loss"]))
    assert len(found) == 20
    assert trained.record.metrics.best_step == best["step"]
    assert trained.record.validation == best["validation_accuracy"]


def test_a_seed_fixes_every_number() -> None:
    runs = [train(spec(steps=12, seed=seed, dropout=0.1), order_task(64)) for seed in (3, 3, 4)]
    weights = [torch.cat([p.flatten() for p in run.model.parameters()]) for run in runs]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    losses = [[entry["loss"] for entry in run.history if "loss" in entry] for run in runs]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("shortest", [12, 5], ids=["one length", "ragged"])
def test_the_first_step_has_the_loss_and_gradient_of_a_plain_step(shortest: int) -> None:
    task = order_task(16, shortest=shortest)
    settings = spec(steps=1, batch_size=16)
    first = train(settings, task).history[0]
    torch.manual_seed(settings.seed)
    model = settings.build(task)
    items = LabelledSequences(task.train, task.task)
    batch = Collator(task)([items[row] for row in range(16)])
    labels = batch.pop("labels")
    loss = cross_entropy(feed(model, **batch), labels)
    loss.backward()
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    assert first["loss"] == pytest.approx(loss.item(), rel=1e-5)
    assert first["grad_norm"] == pytest.approx(norm.item(), rel=1e-4)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing(schedule: str) -> None:
    settings = spec(steps=20, warmup_ratio=0.2, learning_rate=1e-3, schedule=schedule)
    history = train(settings, order_task(32)).history
    rates = [entry["learning_rate"] for entry in history if "learning_rate" in entry]
    assert np.argmax(rates) == 4
    assert max(rates) == pytest.approx(1e-3)
    assert rates[0] == 0
    assert 0 < rates[-1] < 1e-4


def test_progress_counts_steps_and_tokens() -> None:
    seen: list[Progress] = []
    train(spec(epochs=2, batch_size=16), order_task(40), seen.append)
    assert [report.step for report in seen] == [1, 2, 3, 4, 5, 6]
    assert {report.total_steps for report in seen} == {6}
    assert seen[-1].seconds_left == 0
    assert [report.validation is None for report in seen] == [True] * 3 + [False] * 3
    assert all(report.tokens_per_second > 0 for report in seen)


def test_a_run_that_diverges_stops_with_the_way_out() -> None:
    with pytest.raises(
        TrainingError,
        match=r"the loss was (nan|inf) at step \d+, first behind [a-z.0-9]+: lower the learning rate of",
    ):
        train(spec(steps=50, learning_rate=1e30), order_task(32))


def losses(**settings: Any) -> list[float]:
    """The losses of a run on rows of several lengths, of which the last batch has one."""
    history = train(spec(steps=9, **settings), order_task(33, shortest=5)).history
    return [entry["loss"] for entry in history if "loss" in entry]


def test_parts_of_a_step_add_up_to_the_step() -> None:
    whole = losses(batch_size=8)
    assert losses(batch_size=8, accumulate=3) == pytest.approx(whole, rel=1e-4)
    assert losses(batch_size=4) != pytest.approx(whole, rel=1e-2)


def test_patience_ends_a_run_that_gets_no_better() -> None:
    run = train(spec(epochs=30, patience=2, learning_rate=1e-9), order_task(32))
    found = [entry for entry in run.history if "validation_loss" in entry]
    assert len(found) < 10
    assert run.record.metrics.steps == run.record.metrics.best_step + 2


def test_bfloat16_trains_and_says_so() -> None:
    run = train(spec(steps=4, precision="bfloat16"), order_task(32))
    plain = train(spec(steps=4), order_task(32))
    assert run.record.metrics.precision == "bfloat16"
    assert plain.record.metrics.precision == "float32"
    assert run.history != plain.history
    assert run.record.metrics.test["loss"] == pytest.approx(
        plain.record.metrics.test["loss"], rel=0.05
    )


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_clock_gives_the_schedule_that_steps_give(schedule: str) -> None:
    settings = spec(steps=20, warmup_ratio=0.2, learning_rate=1e-3, schedule=schedule)
    history = train(settings, order_task(32)).history
    rates = [entry["learning_rate"] for entry in history if "learning_rate" in entry]
    by_share = [1e-3 * factor(step / 20, 0.2, settings.schedule) for step in range(20)]
    assert rates == pytest.approx(by_share)


def test_a_run_that_is_below_its_floor_ends_with_the_best_it_had() -> None:
    whole = train(spec(epochs=4), order_task(64))
    curve = [e["validation_accuracy"] for e in whole.history if "validation_accuracy" in e]
    # 64 rows are two steps; the first floor is reached, the second is not.
    short = train(spec(epochs=4), order_task(64), floor={2: max(curve[:1]), 4: 1.1})
    assert short.record.metrics.steps == 4
    assert short.record.validation == max(curve[:2])
    assert [e for e in short.history if "loss" in e] == [
        e for e in whole.history if "loss" in e and e["step"] <= 4
    ]
