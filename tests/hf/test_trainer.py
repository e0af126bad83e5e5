"""Training with `Trainer`: batches of uneven rows, evaluation, resuming, and serving afterwards."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    pipeline,
)

from spectrans.hf import SpectransForMaskedLM, SpectransForSequenceClassification
from tests.hf.made import build
from tests.hf.text import CHOSEN, sentences, tokenizer

Row = dict[str, Any]


def rows(labelled: bool = True) -> list[Row]:
    texts, languages = sentences()
    encoded = tokenizer()(texts)["input_ids"]
    return [
        {"input_ids": ids, **({"labels": label} if labelled else {})}
        for ids, label in zip(encoded, languages, strict=True)
    ]


def classifier(**changes: Any) -> SpectransForSequenceClassification:
    torch.manual_seed(0)
    names = dict(enumerate(CHOSEN))
    model = build(
        SpectransForSequenceClassification, "hybrid", vocab_size=len(tokenizer()), hidden_dim=32,
        sequence_length=64, id2label=names, label2id={v: k for k, v in names.items()}, **changes,
    )  # fmt: skip
    assert isinstance(model, SpectransForSequenceClassification)
    return model


def trainer(model: Any, folder: Path, **changes: Any) -> Any:
    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 16,
        "per_device_eval_batch_size": 64,
        "learning_rate": 3e-3,
        "max_steps": 8,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
        "train_sampling_strategy": "group_by_length",
    }
    data = rows(labelled=isinstance(model, SpectransForSequenceClassification))
    arguments: dict[str, Any] = {
        "train_dataset": data[:400],
        "eval_dataset": data[400:],
        "data_collator": DataCollatorWithPadding(tokenizer()),
        "processing_class": tokenizer(),
        **{k: changes.pop(k) for k in ("data_collator", "compute_metrics") if k in changes},
    }
    return Trainer(model=model, args=TrainingArguments(**{**settings, **changes}), **arguments)


def accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float(np.mean(prediction.predictions.argmax(-1) == prediction.label_ids))}


def losses(trained: Trainer) -> dict[int, float]:
    return {int(e["step"]): e["loss"] for e in trained.state.log_history if "loss" in e}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A folder with a classifier that `Trainer` trained and saved, and what it scored."""
    folder = tmp_path_factory.mktemp("learned")
    training = trainer(classifier(), folder, max_steps=100, compute_metrics=accuracy)
    training.train()
    training.save_model()
    return folder, training.evaluate()


def test_a_model_learns_from_uneven_rows(learned: tuple[Path, dict[str, float]]) -> None:
    _, metrics = learned
    most = max(np.bincount(sentences()[1][400:])) / len(sentences()[1][400:])
    assert metrics["eval_accuracy"] > most + 0.2


def test_a_trained_model_serves_in_a_new_process(
    learned: tuple[Path, dict[str, float]], tmp_path: Path
) -> None:
    folder, _ = learned
    program = f"""
import json, spectrans.hf
from transformers import AutoModelForSequenceClassification, pipeline
model = AutoModelForSequenceClassification.from_pretrained({str(folder)!r})
found = pipeline("text-classification", model={str(folder)!r})({sentences()[0][400:420]!r})
print(json.dumps([type(model).__name__, found]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    name, found = json.loads(done.stdout.strip().rpartition("\n")[2])
    assert name == "SpectransForSequenceClassification"
    here = pipeline("text-classification", model=str(folder))(sentences()[0][400:420])
    assert [one["label"] for one in found] == [one["label"] for one in here]
    assert [one["score"] for one in found] == pytest.approx([o["score"] for o in here], abs=1e-5)
    assert {one["label"] for one in found} <= set(CHOSEN)


def test_the_saved_folder_scores_what_the_trainer_saw(
    learned: tuple[Path, dict[str, float]], tmp_path: Path
) -> None:
    folder, metrics = learned
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    again = trainer(model, tmp_path, compute_metrics=accuracy).evaluate()
    assert again["eval_loss"] == pytest.approx(metrics["eval_loss"], rel=1e-5)
    assert again["eval_accuracy"] == metrics["eval_accuracy"]
    assert (folder / "README.md").exists()


def test_a_resumed_run_has_the_losses_of_one_that_was_not_stopped(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"save_strategy": "steps", "save_steps": 4}
    whole = trainer(classifier(dropout=0.2), tmp_path / "a", **settings)
    whole.train()
    resumed = trainer(classifier(dropout=0.2), tmp_path / "b", **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-4"))
    expected = losses(whole)
    assert len(expected) == 8
    assert losses(resumed) == pytest.approx(expected, rel=1e-6)
    for a, b in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("strategy", ["random", "group_by_length"])
def test_neighbours_in_length_make_less_padding(strategy: str, tmp_path: Path) -> None:
    training = trainer(classifier(), tmp_path, train_sampling_strategy=strategy)
    masks = [batch["attention_mask"] for batch in training.get_train_dataloader()]
    padded = 1 - sum(m.sum().item() for m in masks) / sum(m.numel() for m in masks)
    assert (padded < 0.1) is (strategy == "group_by_length")


def test_the_parts_of_a_step_add_up_to_the_whole(tmp_path: Path) -> None:
    found = []
    for size, parts in ((16, 1), (4, 4)):
        torch.manual_seed(0)
        model = build(SpectransForMaskedLM, vocab_size=len(tokenizer()), sequence_length=64)
        training = trainer(
            model, tmp_path, per_device_train_batch_size=size, gradient_accumulation_steps=parts,
            max_steps=1, optim="sgd", data_collator=masked, max_grad_norm=0.0,
            train_sampling_strategy="sequential", learning_rate=1.0,
        )  # fmt: skip
        training.train()
        found.append((losses(training), dict(model.named_parameters())))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-4, atol=1e-6)


def masked(items: list[Row]) -> Any:
    """A padded batch whose rows are masked alike however they are batched, some more, some less."""
    batch = DataCollatorWithPadding(tokenizer())([{"input_ids": row["input_ids"]} for row in items])
    ids = batch["input_ids"]
    chosen = (ids * 7 % 5 == 0) & (batch["attention_mask"] == 1)
    batch["labels"] = ids.masked_fill(~chosen, -100)
    batch["input_ids"] = ids.masked_fill(chosen, tokenizer().mask_token_id)
    return batch


@pytest.mark.parametrize("kind", ["activation_checkpointing", "bf16"])
def test_the_switches_of_the_trainer_work(kind: str, tmp_path: Path) -> None:
    training = trainer(classifier(), tmp_path, max_steps=2, **{kind: True})
    training.train()
    assert all(np.isfinite(loss) for loss in losses(training).values())
