"""An imported model as one of `spectrans.hf`, with the labels and special tokens of its source."""

from typing import TYPE_CHECKING, Any

from torch import nn

from spectrans.errors import must
from spectrans.models import BaseModel
from spectrans.pretrained.choice import Wish
from spectrans.pretrained.family import Family
from spectrans.pretrained.report import Report
from spectrans.pretrained.source import Source

if TYPE_CHECKING:
    from spectrans.hf.base import SpectransPreTrainedModel

_TOKENS = tuple(f"{name}_token_id" for name in ("pad", "bos", "eos", "cls", "sep", "mask"))


def wish_for_wrapping(wish: Wish, family: Family, source: Source) -> Wish:
    """Give the wish that a class of `spectrans.hf` can fulfil.

    Parameters
    ----------
    wish
        What the caller asked for.
    family
        What the source is.
    source
        Weights and config.

    Returns
    -------
    Wish
        A body alone comes with its pooler: the class gives both.

    Raises
    ------
    ValueError
        Pooled rows without a pooler, which no class gives.
    """
    if wish.head == "pooled" and wish.pooling is not None:
        rule = "be left out with hf=True: its plain encoder gives hidden states"
        raise ValueError(must("pooling", rule, wish.pooling))
    bare = (source.architecture or "Model").endswith("Model")
    pooler = family.pooler()
    if wish.head is None and bare and pooler is not None:
        prefix = family.prefix_in(source)
        alone = not any(h.is_in(source, prefix) for h in family.heads if h is not pooler)
        if alone and pooler.is_in(source, prefix):
            return Wish(head="pooled")
    return wish


def wrapped(model: BaseModel, source: Source, report: Report) -> nn.Module:
    """Give the model of `spectrans.hf` for an imported one."""
    from spectrans import hf

    written = source.architecture or ""
    cls: type[SpectransPreTrainedModel] | None = None
    if not report.new and report.head == "sequence" and written.endswith("ForQuestionAnswering"):
        cls = hf.SpectransForQuestionAnswering
    if not report.new and report.head == "classification" and written.endswith("ForMultipleChoice"):
        cls = hf.SpectransForMultipleChoice
    ids = {name: source.setting(name, None) for name in _TOKENS}
    settings: dict[str, Any] = {name: i for name, i in ids.items() if isinstance(i, int)}
    labels = source.setting("id2label", None)
    if not report.new and labels and len(labels) == model.config.num_classes:
        settings["id2label"] = {int(number): label for number, label in labels.items()}
        settings["label2id"] = {label: int(number) for number, label in labels.items()}
        problem = source.setting("problem_type", None)
        settings |= {} if problem is None else {"problem_type": problem}
    return hf.wrap(model, cls, **settings)
