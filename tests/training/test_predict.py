"""Answers of a trained model."""

import numpy as np
import pytest
import torch

from spectrans.training import RunSpec, answers
from tests.training.made import order_task


@pytest.mark.parametrize("plan", ["attention", "fourier", "wavelet"])
def test_an_answer_depends_neither_on_the_batch_nor_on_the_order(plan: str) -> None:
    task = order_task(40, shortest=3)
    model = RunSpec(plan=plan, num_layers=1, hidden_dim=8, num_heads=2).build(task).train()
    together = np.stack(answers(model, task.task, task.encoding, task.train.tokens, batch_size=7))
    alone = np.concatenate(
        [answers(model, task.task, task.encoding, [tokens]) for tokens in task.train.tokens]
    )
    np.testing.assert_allclose(together, alone, atol=1e-6)
    np.testing.assert_allclose(together.sum(1), 1, atol=1e-6)
    assert together.std(0).max() > 1e-4


def test_answers_are_the_softmax_of_the_logits() -> None:
    task = order_task(4)
    model = RunSpec(num_layers=1, plan="attention", hidden_dim=8).build(task)
    ids = torch.from_numpy(np.stack(task.test.tokens)).long()
    expected = torch.softmax(model.eval()(ids), 1).detach().numpy()
    np.testing.assert_allclose(
        answers(model, task.task, task.encoding, task.test.tokens), expected, atol=1e-6
    )
