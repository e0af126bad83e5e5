"""Real text to train on, and a tokenizer made from it."""

from functools import cache

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from spectrans.data import languages

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
CHOSEN = ("English", "French", "German")


@cache
def sentences(length: int = 32) -> tuple[list[str], list[int]]:
    """Fragments of three languages, and which one each is."""
    data = languages.languages(length)
    numbers = [data.task.labels.index(name) for name in CHOSEN]
    rows = np.flatnonzero(np.isin(data.train.labels, numbers))
    texts = [bytes(data.train.tokens[row]).decode("utf-8") for row in rows]
    return texts, [numbers.index(data.train.labels[row]) for row in rows]


@cache
def trained() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=list(SPECIAL.values()), show_progress=False
    )
    tokenizer.train_from_iterator(sentences()[0], trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    return tokenizer


def tokenizer() -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=trained(), model_max_length=64, **SPECIAL)
