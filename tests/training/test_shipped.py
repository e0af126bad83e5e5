"""The folder of a run in the hands of others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
import yaml

import spectrans
from spectrans.data import Bytes, Dataset, Examples
from spectrans.sequences import Sequences
from spectrans.tasks import (
    Classification,
    MaskedLM,
    MultiLabel,
    Regression,
    Task,
    TokenClassification,
)
from spectrans.tasks.base import Labels
from spectrans.training import RunSpec
from spectrans.training.batches import feed
from spectrans.training.card import card
from spectrans.training.record import DataRecord, Metrics, RunRecord
from spectrans.training.shipped import write_model
from tests.training.made import order_task

HOSTILE = "<script>alert(1)</script> ](x) | `a`"
ROWS = order_task(6, shortest=4)
TOKENS = ROWS.train.tokens


def dataset(kind: str) -> Dataset:
    tasks: dict[str, tuple[Task, Labels]] = {
        "classification": (Classification(labels=("no", HOSTILE)), np.arange(6) % 2),
        "multi-label": (MultiLabel(labels=("a", "b", "c")), np.eye(6, 3, dtype=np.uint8)),
        "regression": (
            Regression(labels=("x", "y"), mean=(0.0, 1.0), scale=(1.0, 2.0)),
            np.zeros((6, 2)),
        ),
        "token-classification": (
            TokenClassification(labels=("O", "A", "B")),
            Sequences.of([np.zeros(len(row), dtype=np.int32) for row in TOKENS]),
        ),
        "masked-lm": (MaskedLM(mask=0, vocab_size=256), None),
    }
    task, labels = tasks[kind]
    split = Examples(TOKENS, labels)
    return replace(
        ROWS, task=task, encoding=Bytes(), train=split, validation=split, test=split,
        max_length=20, description=HOSTILE,
    )  # fmt: skip


AUTO = {
    "classification": transformers.AutoModelForSequenceClassification,
    "multi-label": transformers.AutoModelForSequenceClassification,
    "regression": transformers.AutoModelForSequenceClassification,
    "token-classification": transformers.AutoModelForTokenClassification,
    "masked-lm": transformers.AutoModelForMaskedLM,
}
PROBLEMS = {
    "classification": "single_label_classification",
    "multi-label": "multi_label_classification",
    "regression": "regression",
}
SPEC = RunSpec(plan="gfnet,attention", num_layers=2, hidden_dim=8, num_heads=2)


@pytest.mark.parametrize("kind", AUTO)
def test_a_folder_loads_here_and_in_transformers(kind: str, tmp_path: Path) -> None:
    data = dataset(kind)
    model = SPEC.build(data).eval()
    write_model(model, DataRecord.of(data), tmp_path)
    theirs = AUTO[kind].from_pretrained(tmp_path)
    ours = spectrans.from_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    batch = tokenizer(["abc é", "a longer one"], padding=True, return_tensors="pt")
    assert batch["input_ids"][0, :6].tolist() == list("abc é".encode())
    with torch.no_grad():
        given = feed(model, batch["input_ids"], batch["attention_mask"])
        torch.testing.assert_close(theirs(**batch).logits, given, rtol=0, atol=0)
        again = feed(ours, batch["input_ids"], batch["attention_mask"])
        torch.testing.assert_close(again, given, rtol=0, atol=0)
    assert theirs.config.problem_type == PROBLEMS.get(kind)
    names = data.task.labels
    assert not names or theirs.config.id2label == dict(enumerate(names))
    theirs.save_pretrained(tmp_path / "again")
    assert isinstance(AUTO[kind].from_pretrained(tmp_path / "again"), type(theirs))


def test_a_changed_weight_is_noticed(tmp_path: Path) -> None:
    data = dataset("classification")
    write_model(SPEC.build(data), DataRecord.of(data), tmp_path)
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="must have the weights_sha256"):
        spectrans.from_pretrained(tmp_path)


@pytest.mark.parametrize("kind", AUTO)
def test_a_card_says_what_the_model_is_and_lets_nothing_through(kind: str) -> None:
    data = dataset(kind)
    values = {metric.name: 0.5 for metric in data.task.metrics} | {"loss": 1.0}
    metrics = Metrics(
        test=values, validation=values, best_step=1, steps=2, seconds=3.0, parameters=4
    )
    record = RunRecord(spec=SPEC, data=DataRecord.of(data), metrics=metrics, versions={})
    text = card(record, "SUMMARY")
    header = yaml.safe_load(text.split("---")[1])
    assert header["tags"] == ["spectrans", "attention", "gfnet"]
    assert all(f"| {metric.title} |" in text for metric in data.task.metrics)
    assert AUTO[kind].__name__ in text
    assert "<script>" not in text
    assert r"\](x) \| \`a\`" in text
