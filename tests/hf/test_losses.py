"""Losses by their definitions, and what divides them in training on several batches or processes."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.loss.loss_utils import LOSS_MAPPING

from spectrans.hf import (
    SpectransForMaskedLM,
    SpectransForMultipleChoice,
    SpectransForQuestionAnswering,
    SpectransForSequenceClassification,
    SpectransForTokenClassification,
)
from tests.hf.made import TASKS, batch, build, config, labels

every_loss = pytest.mark.parametrize("cls", TASKS[1:], ids=lambda cls: cls.__name__[12:])
counted = pytest.mark.parametrize(
    "cls", [cls for cls in TASKS[1:] if cls is not SpectransForQuestionAnswering]
)


def mean_log(scores: Tensor, wanted: Tensor) -> Tensor:
    """The definition of the mean cross entropy."""
    chosen = [torch.log_softmax(row, -1)[label] for row, label in zip(scores, wanted, strict=True)]
    return -torch.stack(chosen).mean()


@pytest.mark.parametrize("cls", [SpectransForMaskedLM, SpectransForTokenClassification])
def test_tokens_with_a_label_count_and_others_do_not(cls: Any) -> None:
    wanted = labels(cls)["labels"]
    wanted[0, 2] = -100
    output = build(cls)(**batch(cls), labels=wanted)
    real = wanted != -100
    torch.testing.assert_close(output.loss, mean_log(output.logits[real], wanted[real]))


@pytest.mark.parametrize("cls", [SpectransForSequenceClassification, SpectransForMultipleChoice])
def test_one_class_of_a_row_is_chosen(cls: Any) -> None:
    wanted = labels(cls)["labels"]
    output = build(cls)(**batch(cls), labels=wanted)
    torch.testing.assert_close(output.loss, mean_log(output.logits, wanted))


@pytest.mark.parametrize(
    ("problem", "shape", "outputs"),
    [
        ("regression", (3, 4), 4),
        ("regression", (3,), 1),
        ("regression", (3, 1), 1),
        ("multi_label_classification", (3, 4), 4),
        ("multi_label_classification", (3,), 1),
    ],
)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.int64])
def test_numbers_and_several_classes_of_a_row(
    problem: Any, shape: tuple[int, ...], outputs: int, kind: torch.dtype
) -> None:
    cls = SpectransForSequenceClassification
    wanted = torch.arange(torch.Size(shape).numel()).view(shape) % 2
    output = build(cls, problem_type=problem, num_labels=outputs)(
        **batch(cls), labels=wanted.to(kind)
    )
    y, x = wanted.reshape(output.logits.shape).float(), output.logits
    p = torch.sigmoid(x)
    literal = {
        "regression": (x - y).square().mean(),
        "multi_label_classification": -(y * p.log() + (1 - y) * (1 - p).log()).mean(),
    }
    torch.testing.assert_close(output.loss, literal[problem])


@pytest.mark.parametrize(
    ("wanted", "outputs", "problem"),
    [
        (torch.tensor([0, 1, 1]), 3, "single_label_classification"),
        (torch.zeros(3, 3), 3, "multi_label_classification"),
        (torch.tensor([0.1, 1.0, 1.0]), 1, "regression"),
    ],
)
def test_the_labels_say_what_the_problem_is(wanted: Tensor, outputs: int, problem: str) -> None:
    cls = SpectransForSequenceClassification
    model = build(cls, num_labels=outputs)
    assert model.config.problem_type is None
    model(**batch(cls), labels=wanted)
    assert model.config.problem_type == problem


def test_labels_of_another_shape_are_refused() -> None:
    cls = SpectransForSequenceClassification
    model = build(cls, problem_type="regression", num_labels=2)
    with pytest.raises(ValueError, match=r"labels must have shape \(3, 2\) for regression, got"):
        model(**batch(cls), labels=torch.zeros(3))


def test_where_an_answer_starts_and_ends_is_chosen_among_real_tokens() -> None:
    cls = SpectransForQuestionAnswering
    model, inputs, places = build(cls), batch(cls), labels(cls)
    output = model(**inputs, **places)
    parts = []
    for row, length in enumerate(inputs["attention_mask"].sum(1).tolist()):
        for scores, place in (
            (output.start_logits, places["start_positions"]),
            (output.end_logits, places["end_positions"]),
        ):
            parts.append(-torch.log_softmax(scores[row, :length], -1)[place[row]])
    torch.testing.assert_close(output.loss, torch.stack(parts).mean())
    longer = {name: F.pad(x, (0, 5)) for name, x in inputs.items()}
    torch.testing.assert_close(model(**longer, **places).loss, output.loss)


def test_an_answer_outside_the_row_is_no_label() -> None:
    cls = SpectransForQuestionAnswering
    model, inputs = build(cls), batch(cls)
    inside = {"start_positions": torch.tensor([1, 0, 3]), "end_positions": torch.tensor([2, 3, 8])}
    outside = {name: torch.cat([x[:2], torch.tensor([99])]) for name, x in inside.items()}
    two = {name: x[:2] for name, x in inputs.items()}
    expected = model(**two, **{name: x[:2] for name, x in inside.items()}).loss
    torch.testing.assert_close(model(**inputs, **outside).loss, expected)


@every_loss
def test_a_loss_does_not_depend_on_the_name_of_the_class(cls: Any) -> None:
    for name in ("ProtoForLongText", "MineForCausalLM", "MineForCTC"):
        mine = type(name, (cls,), {})
        model = mine(config()).eval()
        model.load_state_dict(build(cls).state_dict())
        expected = cls(config()).eval()
        expected.load_state_dict(model.state_dict())
        inputs = {**batch(cls), **labels(cls)}
        assert torch.equal(model(**inputs).loss, expected(**inputs).loss)
        assert model.loss_type not in LOSS_MAPPING


@counted
def test_a_given_number_of_labels_divides_the_sum(cls: Any) -> None:
    model, inputs = build(cls), {**batch(cls), **labels(cls)}
    items = (inputs["labels"] != -100).sum()
    expected = model(**inputs).loss * items / 50
    for number in (50, torch.tensor(50)):
        torch.testing.assert_close(model(**inputs, num_items_in_batch=number).loss, expected)


@pytest.mark.parametrize("problem", ["regression", "multi_label_classification"])
def test_a_given_number_of_labels_divides_sums_of_numbers_too(problem: Any) -> None:
    cls = SpectransForSequenceClassification
    model = build(cls, problem_type=problem)
    wanted = torch.tensor([[0.0, 1.0, 1.0], [1.0, -100.0, 0.0], [0.0, 0.0, 1.0]])
    loss = model(**batch(cls), labels=wanted).loss
    torch.testing.assert_close(
        model(**batch(cls), labels=wanted, num_items_in_batch=16).loss, loss / 2
    )


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_loss_is_computed_in_full_precision(cls: Any, dtype: torch.dtype) -> None:
    inputs = {**batch(cls), **labels(cls)}
    loss = build(cls).to(dtype)(**inputs).loss
    assert loss.dtype is torch.float32
    assert loss.isfinite()


@every_loss
def test_a_loss_of_ones_own_is_used(cls: Any) -> None:
    model = build(cls)
    model.loss_function = lambda *arguments, **settings: torch.tensor(7.0)
    assert model(**batch(cls), **labels(cls)).loss == 7.0


@every_loss
def test_without_labels_there_is_no_loss(cls: Any) -> None:
    assert build(cls)(**batch(cls)).loss is None


@pytest.mark.parametrize("problem", ["regression", "multi_label_classification"])
def test_a_number_that_is_missing_counts_nowhere(problem: Any) -> None:
    cls = SpectransForSequenceClassification
    model = build(cls, problem_type=problem).to(torch.bfloat16)
    wanted = torch.tensor([[0.0, 1.0, 1.0], [1.0, -100.0, 0.0], [0.0, 0.0, 1.0]])
    output = model(**batch(cls), labels=wanted)
    x, y = output.logits.float()[wanted >= 0], wanted[wanted >= 0]
    loss = F.mse_loss if problem == "regression" else F.binary_cross_entropy_with_logits
    assert output.loss.dtype is torch.float32
    torch.testing.assert_close(output.loss, loss(x, y))


def test_choices_are_scored_one_by_one() -> None:
    cls = SpectransForMultipleChoice
    model, inputs = build(cls), batch(cls)
    single = build(SpectransForSequenceClassification, num_labels=1)
    single.load_state_dict(model.state_dict())
    scores = [single(**{k: x[:, choice] for k, x in inputs.items()}).logits for choice in (0, 1)]
    torch.testing.assert_close(model(**inputs).logits, torch.cat(scores, 1))
