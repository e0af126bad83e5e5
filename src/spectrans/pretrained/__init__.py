"""Weights trained elsewhere, brought into our models, with proven parity; and the way back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn

from spectrans.config import OutputHeadType
from spectrans.errors import must
from spectrans.heads import Pooling
from spectrans.mixers.grid import Grid
from spectrans.pretrained import flax_fnet
from spectrans.pretrained.back import to_hf as to_hf
from spectrans.pretrained.choice import Wish, recipe
from spectrans.pretrained.families import FAMILIES
from spectrans.pretrained.family import Family
from spectrans.pretrained.filters import kind_of, take
from spectrans.pretrained.recipe import follow
from spectrans.pretrained.report import Report as Report
from spectrans.pretrained.source import Source, read
from spectrans.pretrained.wrapped import wish_for_wrapping, wrapped


class Loaded(NamedTuple):
    """A model made from other weights, and the account of how.

    Parameters
    ----------
    model
        One of our models, or one of `spectrans.hf`; in evaluation mode.
    report
        What was read and what was left; `print` it.
    """

    model: nn.Module
    report: Report


def load(
    source: Any,
    *,
    head: OutputHeadType | None = None,
    num_classes: int | None = None,
    pooling: Pooling | None = None,
    config: Mapping[str, Any] | None = None,
    hf: bool = False,
    grid: Grid | None = None,
) -> Loaded:
    """Make one of our models from weights trained elsewhere.

    The source is recognised by what it holds. It is taken whole or not at all: a weight that is
    missing, of another shape, or that nothing is known of, is refused.

    Parameters
    ----------
    source
        A folder with `config.json` and safetensors or torch weights, in one file or in shards; such
        a file; a live model of transformers; or a dictionary of arrays.
    head
        Our `output_type` for the result; None is what the source has. "none" and "pooled" take the
        body of any source.
    num_classes
        Asks for a new head with this many outputs, of the type `head`, on the body of the source.
    pooling
        How "pooled" or a new head pools, in place of the source's own pooler.
    config
        What to take for the config of the source in place of one that is found.
    hf
        Give the model of `spectrans.hf` for it, with the source's labels and special tokens.
    grid
        For the filters of vision models, of which the mixers alone are taken: (height, width) of
        their rows, where the weights do not say it.

    Returns
    -------
    Loaded
        The model and the report; of vision models a `ModuleList` of mixers in place of a model.

    Raises
    ------
    ValueError
        A source that is not recognised, not whole, or of a kind that our models cannot be.

    Examples
    --------
    >>> model, report = load("all-MiniLM-L6-v2", head="pooled", pooling="mean")  # doctest: +SKIP
    """
    wish = Wish(head, num_classes, pooling)
    found = read(source, config)
    filters = kind_of(found)
    if filters is not None:
        if hf or wish != Wish():
            raise ValueError("a source of filters alone must be loaded without a head and hf=True")
        return Loaded(*take(*filters, found, grid))
    if grid is not None:
        raise ValueError(must("grid", "be left out for a source without such filters", grid))
    family, found, called = _recognised(found)
    if hf:
        wish = wish_for_wrapping(wish, family, found)
    model, report = follow(recipe(family, found, wish), found)
    report = report.renamed(called)
    return Loaded(wrapped(model, found, report) if hf else model, report)


def _recognised(source: Source) -> tuple[Family, Source, Mapping[str, str]]:
    """Give the family, the source as that reads it, and what its weights were called before."""
    if flax_fnet.is_tree(source):
        named, called = flax_fnet.named(source)
        return flax_fnet.family_of(source, named), named, called
    family = next((f for f in FAMILIES.values() if f.is_of(source)), None)
    if family is None:
        known = ", ".join(FAMILIES)
        rule = f"be a model of a kind that is known ({known}), as its config.json says"
        kind = source.setting("model_type", None)
        raise ValueError(must(f"the source {source.name}", rule, kind))
    return family, _renamed(source), {}


def _renamed(source: Source) -> Source:
    """Give the weights of norms their present names; files of 2018 and 2019 have older ones."""
    tensors = {
        name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
            "LayerNorm.beta", "LayerNorm.bias"
        ): value
        for name, value in source.tensors.items()
    }
    return replace(source, tensors=tensors)
