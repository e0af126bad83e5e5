"""From one of our models to a model of transformers that computes the same."""

from typing import TYPE_CHECKING

from torch import Tensor

from spectrans.config import ModelConfig, OutputHeadType
from spectrans.errors import must, unknown
from spectrans.mixers import Fourier
from spectrans.models import BaseModel
from spectrans.pretrained import choice
from spectrans.pretrained.families import FAMILIES
from spectrans.pretrained.family import Family, compare
from spectrans.pretrained.source import Source

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The class that a model with this head becomes.
_CLASSES = {
    "none": "Model",
    "pooled": "Model",
    "lm": "ForMaskedLM",
    "classification": "ForSequenceClassification",
    "regression": "ForSequenceClassification",
    "sequence": "ForTokenClassification",
}


def to_hf(model: BaseModel, architecture: str | None = None) -> "PreTrainedModel":
    """Give one of our models as a model of transformers itself, with its own code.

    Parameters
    ----------
    model
        A model that one of their families can express, such as an imported and fine-tuned one.
    architecture
        A family ("fnet", "bert", "roberta", "distilbert"), which takes the class that fits the
        head, or a class of one, such as "BertForQuestionAnswering". None is fnet for Fourier layers
        and bert for others.

    Returns
    -------
    PreTrainedModel
        In evaluation mode, with a copy of the weights, equal to ours on unpadded rows. Weights that
        only theirs has, such as the pooler of a masked language model, are new.

    Raises
    ------
    ValueError
        An unknown architecture, or one that cannot express the model; the message names the
        setting.
    """
    import transformers

    config = model.config
    head = "none" if model.output_head is None else config.output_type
    if architecture is None:
        architecture = "fnet" if isinstance(config.plan()[0], Fourier) else "bert"
    family, name = _find(architecture, head)
    if config.vocab_size is None:
        raise ValueError(must("vocab_size", f"be set for {name}", None))
    settings = getattr(transformers, f"{family.classes}Config")(
        **family.back(config),
        num_labels=config.num_classes or 1,
        problem_type="regression" if head == "regression" else None,
    )
    # A class of theirs makes a pooler unless it is told not to.
    bare = head == "none" and name.endswith("Model") and family.pooler() is not None
    extra = {"add_pooling_layer": False} if bare else {}
    theirs = getattr(transformers, name)(settings, **extra)
    source = Source(name, {**settings.to_dict(), "architectures": [name]}, theirs.state_dict())
    recipe = choice.recipe(family, source, choice.Wish(head=head))
    _refuse_other(config, recipe.config, name)
    ours = model.state_dict()
    given: dict[str, Tensor] = {}
    for part in recipe.parts:
        values = part.form.give(ours[part.ours], len(part.theirs))
        given |= dict(zip(part.theirs, values, strict=True))
    theirs.load_state_dict(given, strict=False)
    return theirs.to(next(model.parameters()).dtype).eval()


def _find(architecture: str, head: OutputHeadType) -> tuple[Family, str]:
    """Give the family and the class that a user named."""
    if architecture in FAMILIES:
        family = FAMILIES[architecture]
        return family, family.classes + _CLASSES[head]
    names = {
        family.classes + ending: family
        for family in FAMILIES.values()
        for ending in ("Model", *(c for h in family.heads for c in h.classes))
    }
    if architecture not in names:
        raise ValueError(unknown("architecture", architecture, [*FAMILIES, *names]))
    family = names[architecture]
    fits = {h.output_type for h in family.heads if architecture.endswith(h.classes)} | (
        {"none"} if architecture.endswith("Model") else set()
    )
    if head not in fits and not (head == "regression" and "classification" in fits):
        raise ValueError(must("architecture", f"be a class for output_type={head!r}", architecture))
    return family, architecture


def _refuse_other(ours: ModelConfig, theirs: ModelConfig, name: str) -> None:
    if ours.output_type in ("classification", "none") and theirs.output_type == "none":
        theirs = theirs.model_copy(update={"output_type": ours.output_type})
    difference = compare(ours, theirs)
    if difference is not None:
        setting, mine, wanted = difference
        raise ValueError(must(setting, f"be {wanted!r} for {name}", mine))
