"""A text task of the library in other tokens, or asked for its hidden tokens."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spectrans.data.dataset import Dataset, Examples
from spectrans.data.encoding import Subwords
from spectrans.data.read import joined
from spectrans.data.spec import DataSpec
from spectrans.data.subwords import Texts, subwords
from spectrans.data.tokenizer import Tokenizer, make
from spectrans.errors import must
from spectrans.tasks import MaskedLM

_SPLITS = ("train", "validation", "test")


def retold(dataset: Dataset, spec: DataSpec) -> Dataset:
    """Give a data set as a spec asks for it.

    Parameters
    ----------
    dataset
        As the library makes it.
    spec
        Its tokenizer cuts texts to pieces, trained on the training rows where it is trained; its
        task may be "masked-lm", of texts.

    Returns
    -------
    Dataset
        The same rows in the same splits.

    Raises
    ------
    ValueError
        A tokenizer or a task that these rows cannot have.
    """
    texts = dataset.encoding.kind == "byte"
    name = spec.source
    if spec.task not in (None, dataset.task.kind) and not (texts and spec.task == "masked-lm"):
        way = f"be {dataset.task.kind}{' or masked-lm' if texts else ''} for {name!r}"
        raise ValueError(must("task", way, spec.task))
    tokenizer = None
    if spec.tokenizer is not None and not texts:
        rule = f"be left out for {name!r}, whose rows are no texts"
        raise ValueError(must("tokenizer", rule, spec.tokenizer))
    if spec.tokenizer not in (None, "byte"):
        dataset, tokenizer = _in_pieces(dataset, spec)
    if spec.task != "masked-lm":
        return dataset
    task, encoding = joined(dataset.name, MaskedLM(), dataset.encoding, tokenizer)
    rows: Any = {split: Examples(getattr(dataset, split).tokens, None) for split in _SPLITS}
    return replace(
        dataset,
        task=task,
        encoding=encoding,
        description=f"{dataset.description}, {task.describe()}",
        **rows,
    )


def _in_pieces(dataset: Dataset, spec: DataSpec) -> tuple[Dataset, Tokenizer]:
    """Cut the texts of all splits to pieces."""
    name = spec.tokenizer or ""
    tokenizer = make(name, spec.vocab_size, Texts(dataset.train.tokens))
    rows: Any = {}
    longest = 1
    for split in _SPLITS:
        examples = getattr(dataset, split)
        # No text of the library is so long that it would be cut.
        tokens = subwords(tokenizer, examples.tokens, None, dataset.max_length).tokens
        rows[split] = Examples(tokens, examples.labels)
        longest = max(longest, int(tokens.lengths.max()))
    encoding = Subwords(
        vocab_size=tokenizer.vocab_size,
        name=Path(name).name,
        fingerprint=tokenizer.fingerprint,
    )
    told = replace(
        dataset,
        encoding=encoding,
        max_length=longest,
        description=f"{dataset.description}, read as {encoding.describe()}",
        tokenizer=tokenizer.written,
        **rows,
    )
    return told, tokenizer
