"""The model of a run as others load it: this library, and the Auto classes of transformers."""

import json
from pathlib import Path
from typing import Any

from spectrans.data.encoding import Bytes
from spectrans.data.tokenizer import FILE, MARKS, MASKS, UNKNOWN
from spectrans.hf import wrap
from spectrans.io import save_pretrained
from spectrans.models import BaseModel
from spectrans.tasks import Classification, MaskedLM, MultiLabel, Regression, Task
from spectrans.training.folders import write_whole
from spectrans.training.record import DataRecord

TOKENIZER_CONFIG = "tokenizer_config.json"
PADDING = MARKS[0]


def write_model(
    model: BaseModel, data: DataRecord, folder: Path, tokenizer: str | None = None
) -> None:
    """Write model and tokenizer into a folder.

    Parameters
    ----------
    model
        Trained.
    data
        What on: its task names the classes, its encoding the tokenizer.
    folder
        Made if missing.
    tokenizer
        What cut the texts to pieces of words, if that is what tokens are.
    """
    wrapped = wrap(model, **_settings(data.task))
    around = {**wrapped.config.to_dict(), "architectures": [type(wrapped).__name__]}
    save_pretrained(model, folder, around)
    written = _bytes() if isinstance(data.encoding, Bytes) else tokenizer
    if written is None:
        return
    write_whole(folder / FILE, written)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": data.max_length,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        **_marks(json.loads(written)),
    }
    write_whole(folder / TOKENIZER_CONFIG, json.dumps(settings, indent=2) + "\n")


def _settings(task: Task) -> dict[str, Any]:
    """Give what the config in transformers says of a task."""
    if isinstance(task, MaskedLM):
        return {"mask_token_id": task.mask}
    names: dict[str, Any] = {"id2label": dict(enumerate(task.labels))}
    names["label2id"] = {label: k for k, label in enumerate(task.labels)}
    kinds = {
        Classification: "single_label_classification",
        MultiLabel: "multi_label_classification",
        Regression: "regression",
    }
    kind = kinds.get(type(task))
    return names if kind is None else {**names, "problem_type": kind}


def _marks(tokenizer: dict[str, Any]) -> dict[str, str]:
    """Give the names of padding, unknown and hidden tokens, of those that a tokenizer has."""
    known = set(tokenizer.get("model", {}).get("vocab", {}))
    known |= {token["content"] for token in tokenizer.get("added_tokens", [])}
    wanted = {
        "pad_token": (PADDING, "<pad>"),
        "unk_token": (UNKNOWN, "<unk>"),
        "mask_token": MASKS,
    }
    found = {
        name: next((mark for mark in marks if mark in known), None)
        for name, marks in wanted.items()
    }
    return {name: mark for name, mark in found.items() if mark is not None}


def _bytes() -> str:
    """Give a tokenizer whose pieces are the bytes of UTF-8, numbered by their values."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    # Each byte has a printable character that stands for it, in the order of those.
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shifted = [value for value in range(256) if value not in plain]
    letters = {value: chr(value) for value in plain}
    letters |= {value: chr(256 + place) for place, value in enumerate(shifted)}
    vocabulary = {PADDING: 0} | {letter: value for value, letter in letters.items()}
    made = tokenizers.Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    # The library would write one of the two names of 0.
    written = json.loads(made.to_str())
    written["model"]["vocab"] = vocabulary
    return json.dumps(written)
