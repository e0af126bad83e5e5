"""How a model of ours is made from the weights of another: which tensor of theirs is which of ours.

Every part knows both directions, so a recipe that imports also exports.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spectrans.config import ModelConfig
from spectrans.errors import must, some
from spectrans.models import BaseModel
from spectrans.pretrained.report import Report
from spectrans.pretrained.source import Source


@dataclass(frozen=True)
class Form:
    """How tensors of theirs become one of ours, and back.

    Parameters
    ----------
    name
        What happens, as the report says it; nothing for a plain copy.
    take
        From theirs, in order, to ours.
    give
        From ours to that many of theirs.
    """

    name: str
    take: Callable[[Sequence[Tensor]], Tensor]
    give: Callable[[Tensor, int], Sequence[Tensor]]


COPY = Form("", lambda theirs: theirs[0], lambda ours, count: [ours])
JOINED = Form(
    "joined", lambda theirs: torch.cat(list(theirs)), lambda ours, count: ours.chunk(count)
)
TURNED = Form("turned", lambda theirs: theirs[0].T, lambda ours, count: [ours.T])


def after(count: int) -> Form:
    """Leave out the first rows of a table; on the way back they are zeros."""

    def give(ours: Tensor, parts: int) -> list[Tensor]:
        return [torch.cat([ours.new_zeros(count, *ours.shape[1:]), ours])]

    return Form(f"without its first {count} rows", lambda theirs: theirs[0][count:], give)


@dataclass(frozen=True)
class Part:
    """One tensor of ours, and what it is made of.

    Parameters
    ----------
    ours
        Name in our state dict.
    theirs
        Names in the source.
    form
        How the ones become the other.
    """

    ours: str
    theirs: tuple[str, ...]
    form: Form = COPY


def layer(ours: str, *theirs: str, form: Form = COPY) -> list[Part]:
    """Give the parts of a layer's weight and bias."""
    return [
        Part(f"{ours}.{kind}", tuple(f"{name}.{kind}" for name in theirs), form)
        for kind in ("weight", "bias")
    ]


@dataclass(frozen=True)
class Recipe:
    """What to build, and from what.

    Parameters
    ----------
    kind
        Name of the source's family.
    model_class
        Which of our models.
    config
        Its config.
    parts
        Where its tensors come from.
    left
        Tensors of theirs that are not read, with the reason; they may be missing.
    equal
        Pairs of names in the source: the first may be missing, else it must equal the second.
    new
        Tensors of ours that the source has not; they start as in a new model.
    remarks
        What else to know, a sentence each.
    """

    kind: str
    model_class: type[BaseModel]
    config: ModelConfig
    parts: tuple[Part, ...]
    left: Callable[[str], str | None] = lambda name: None
    equal: tuple[tuple[str, str], ...] = ()
    new: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


def follow(recipe: Recipe, source: Source) -> tuple[BaseModel, Report]:
    """Build the model of a recipe, whole or not at all.

    Parameters
    ----------
    recipe
        What to make.
    source
        What to make it from.

    Returns
    -------
    tuple of BaseModel and Report
        The model, in evaluation mode and in the types of the source; what was read and what not.

    Raises
    ------
    ValueError
        The source lacks a weight, has one that nothing is known of, or one of another shape.
    """
    left = _check_names(recipe, source)
    # A model without new weights needs no first ones.
    with torch.device("cpu" if recipe.new else "meta"):
        model = recipe.model_class.from_config(recipe.config)
    wanted = model.state_dict()
    tensors = {}
    for part in recipe.parts:
        value = part.form.take([source.tensors[name] for name in part.theirs]).contiguous()
        if value.shape != wanted[part.ours].shape:
            rule = f"give {part.ours} the shape {tuple(wanted[part.ours].shape)}"
            raise ValueError(f"{source.name}: {must(_names(part), rule, tuple(value.shape))}")
        tensors[part.ours] = value
    for name in recipe.new:
        tensors[name] = wanted[name]
    assert tensors.keys() == wanted.keys(), "a recipe names every tensor"
    model.load_state_dict(tensors, assign=True)
    return model.eval(), _report(recipe, source, left)


def _names(part: Part) -> str:
    return " + ".join(part.theirs)


def _check_names(recipe: Recipe, source: Source) -> dict[str, str]:
    """Give the tensors that are left, with the reasons; refuse gaps and unknown names."""
    read = {name for part in recipe.parts for name in part.theirs}
    missing = read - source.tensors.keys()
    if missing:
        raise ValueError(
            f"{source.name} must be a whole {recipe.kind} model, {some(missing)} missing"
        )
    left = {name: recipe.left(name) for name in source.tensors if name not in read}
    for name, same in recipe.equal:
        if name in source.tensors:
            if not torch.equal(source.tensors[name], source.tensors[same]):
                rule = f"equal {same}, as its config says"
                raise ValueError(f"{source.name}: {must(name, rule, 'other values')}")
            left[name] = f"the same as {same}"
    unknown = [name for name, reason in left.items() if reason is None]
    if unknown:
        known = f"must hold nothing but a {recipe.kind} model"
        raise ValueError(f"{source.name} {known}, {some(unknown)} unexpected")
    return {name: reason for name, reason in left.items() if reason is not None}


def _report(recipe: Recipe, source: Source, left: dict[str, str]) -> Report:
    return Report(
        source=source.name,
        kind=recipe.kind,
        architecture=source.architecture,
        model=recipe.model_class.__name__,
        head=recipe.config.output_type,
        mapped={part.ours: (part.theirs, part.form.name) for part in recipe.parts},
        left=left,
        new=tuple(sorted(recipe.new)),
        remarks=recipe.remarks,
    )
