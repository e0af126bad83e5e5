"""Fine-tune an encoder that was trained elsewhere to tell languages apart, and serve it.

Without an argument the encoder is a small BERT with random weights, made on the spot, so that the
program runs anywhere. In its place give a folder with the config, weights and tokenizer of a BERT,
MiniLM, RoBERTa, DistilBERT or FNet.

Run: python examples/fine_tune.py [folder]
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import BertWordPieceTokenizer
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertModel,
    BertTokenizerFast,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    pipeline,
)

from spectrans.data import Examples, load
from spectrans.pretrained import load as load_pretrained

LANGUAGES = (
    "Danish", "Dutch", "English", "French", "German", "Italian", "Portuguese", "Spanish", "Swedish",
)  # fmt: skip
STEPS = 40


def texts(examples: Examples, names: tuple[str, ...]) -> tuple[list[str], list[int]]:
    """Give the fragments of these languages, and which one each is."""
    chosen = [names.index(name) for name in LANGUAGES]
    rows = [row for row, label in enumerate(examples.labels) if label in chosen]
    return (
        [bytes(examples.tokens[row]).decode("utf-8") for row in rows],
        [chosen.index(examples.labels[row]) for row in rows],
    )


def stand_in(folder: Path, sentences: list[str]) -> Path:
    """Make a small BERT and its tokenizer, in a folder like those on the hub."""
    tokenizer = BertWordPieceTokenizer()
    tokenizer.train_from_iterator(sentences, vocab_size=1000, show_progress=False)
    tokenizer.save_model(str(folder))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=1000, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=256, initializer_range=0.1,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float(np.mean(prediction.predictions.argmax(-1) == prediction.label_ids))}


def fine_tune(source: Path, folder: Path) -> None:
    data = load("languages64")
    sentences, labels = texts(data.train, data.task.labels)
    held, answers = texts(data.test, data.task.labels)
    tokenizer = AutoTokenizer.from_pretrained(source)

    model, report = load_pretrained(
        source, head="classification", num_classes=len(LANGUAGES), pooling="mean", hf=True
    )
    print(report)
    model.config.id2label = dict(enumerate(LANGUAGES))
    model.config.label2id = {name: number for number, name in enumerate(LANGUAGES)}

    def rows(texts: list[str], labels: list[int]) -> list[dict[str, Any]]:
        encoded = tokenizer(texts, truncation=True)
        return [
            {**{name: part[row] for name, part in encoded.items()}, "labels": label}
            for row, label in enumerate(labels)
        ]

    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder), max_steps=STEPS, per_device_train_batch_size=32,
            learning_rate=5e-4, warmup_steps=STEPS // 10, save_strategy="no",
            train_sampling_strategy="group_by_length", logging_strategy="no", report_to="none",
            disable_tqdm=True, dataloader_pin_memory=False,
        ),
        train_dataset=rows(sentences, labels),
        eval_dataset=rows(held, answers),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=accuracy,
    )  # fmt: skip
    trainer.train()
    metrics = trainer.evaluate()
    trainer.save_model()
    model.save_pretrained(
        folder, data="languages64", metrics={"accuracy": metrics["eval_accuracy"]}
    )

    most = max(np.bincount(answers)) / len(answers)
    print(f"\naccuracy after {STEPS} steps: {metrics['eval_accuracy']:.3f}; majority {most:.3f}")
    print(type(AutoModelForSequenceClassification.from_pretrained(folder)).__name__)
    classify = pipeline("text-classification", model=str(folder))
    for text in ("Everyone has the right to rest.", "Chacun a droit au repos."):
        print(text, classify(text)[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if len(sys.argv) > 1:
            source = Path(sys.argv[1])
        else:
            data = load("languages64")
            source = stand_in(folder, texts(data.train, data.task.labels)[0])
        fine_tune(source, folder / "tuned")


if __name__ == "__main__":
    main()
