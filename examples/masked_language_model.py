"""Train a masked language model from nothing on real text, and fill a mask with it.

The text is a declaration in the languages of Latin script that are embedded in the package; the
tokenizer is made from it. Tested are articles of the declaration that training does not see.

Run: python examples/masked_language_model.py [steps]
"""

import sys
import tempfile
from itertools import chain

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    pipeline,
)

from spectrans.data import load
from spectrans.hf import SpectransConfig, SpectransForMaskedLM

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}


def texts() -> tuple[list[str], list[str]]:
    """Give fragments to train on and to test on, of about 64 characters each."""
    data = load("languages64")
    splits = (data.train.tokens, data.test.tokens)
    fragments = [[bytes(tokens).decode("utf-8") for tokens in split] for split in splits]
    train, test = ([t for t in split if sum(map(str.isascii, t)) > 50] for split in fragments)
    return train, test


def make_tokenizer(sentences: list[str]) -> PreTrainedTokenizerFast:
    """Learn pieces of words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(SPECIAL.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **SPECIAL)


def loss_by_frequency(train: list[list[int]], test: list[list[int]], size: int) -> float:
    """Give the loss of guessing pieces by how often they occur."""
    seen, held = (torch.tensor(list(chain.from_iterable(rows))) for rows in (train, test))
    counts = torch.bincount(seen, minlength=size) + 1.0
    return -(counts / counts.sum()).log()[held].mean().item()


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    train, test = texts()
    tokenizer = make_tokenizer(train)
    seen, held = tokenizer(train)["input_ids"], tokenizer(test)["input_ids"]

    config = SpectransConfig(
        vocab_size=len(tokenizer), hidden_dim=64, num_layers=4, num_heads=4, sequence_length=64,
        mixers="3xgfnet,attention", dropout=0.0,
        pad_token_id=tokenizer.pad_token_id, mask_token_id=tokenizer.mask_token_id,
    )  # fmt: skip
    model = SpectransForMaskedLM(config)
    print(model.model.summary())

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder, max_steps=steps, per_device_train_batch_size=32,
                learning_rate=3e-3, warmup_steps=steps // 10, weight_decay=0.01,
                train_sampling_strategy="group_by_length", save_strategy="no",
                logging_strategy="no", report_to="none", disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
            train_dataset=[{"input_ids": ids} for ids in seen],
            eval_dataset=[{"input_ids": ids} for ids in held],
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15),
            processing_class=tokenizer,
        )  # fmt: skip
        trainer.train()
        loss = trainer.evaluate()["eval_loss"]
        trainer.save_model()

        guess = loss_by_frequency(seen, held, len(tokenizer))
        print(f"\nloss of a masked piece after {steps} steps: {loss:.2f}; by frequency {guess:.2f}")
        sentence = f"Everyone has the right to li{tokenizer.mask_token} and liberty."
        for found in pipeline("fill-mask", model=folder, top_k=3)(sentence):
            print(f"{found['score']:.2f}  {found['sequence']}")


if __name__ == "__main__":
    main()
