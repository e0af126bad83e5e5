"""Which head an imported model gets: the source's own, its body alone, or a new one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from spectrans.config import OutputHeadType
from spectrans.errors import must, unknown
from spectrans.heads import Pooling
from spectrans.pretrained.family import Family, Head, Settings
from spectrans.pretrained.recipe import Part, Recipe, layer
from spectrans.pretrained.source import Source

_BUFFERS = re.compile(r".*\.(position_ids|token_type_ids|dft_mat_hidden|dft_mat_seq)")
_NEW = ("classification", "regression", "sequence")


@dataclass(frozen=True)
class Wish:
    """What the caller asked for.

    Parameters
    ----------
    head
        Our `output_type`; None is what the source has.
    num_classes
        Outputs of a new head.
    pooling
        How to pool without the source's own pooler.
    """

    head: OutputHeadType | None = None
    num_classes: int | None = None
    pooling: Pooling | None = None


@dataclass(frozen=True)
class _Fitted:
    """A head that was chosen: settings and parts of ours, and what is special about theirs."""

    settings: Settings
    parts: list[Part] = field(default_factory=list)
    equal: tuple[tuple[str, str], ...] = ()
    new: tuple[str, ...] = ()
    left: dict[str, str] = field(default_factory=dict)


def recipe(family: Family, source: Source, wish: Wish) -> Recipe:
    """Say how to make our model of a source of this family.

    Parameters
    ----------
    family
        What the source was recognised as.
    source
        Weights and config.
    wish
        Which head to give it.

    Returns
    -------
    Recipe
        Ready to follow.
    """
    _check(wish)
    prefix = family.prefix_in(source)
    body = [
        Part(part.ours, tuple(prefix + name for name in part.theirs), part.form)
        for part in family.body(source)
    ]
    head = _fit(family, source, wish, prefix)
    return Recipe(
        kind=family.kind,
        model_class=family.model_class,
        config=family.model_class.config_class(**family.settings(source), **head.settings),
        parts=(*body, *head.parts),
        left=_left(family, prefix, head.left),
        equal=head.equal,
        new=frozenset(head.new),
        remarks=family.remarks,
    )


def _check(wish: Wish) -> None:
    """Refuse wishes of which a part would change nothing."""
    if wish.num_classes is not None and wish.head not in _NEW:
        rule = f"be one of {', '.join(_NEW)} when num_classes is given"
        raise ValueError(must("head", rule, wish.head))
    pools = wish.head == "pooled" or (wish.num_classes is not None and wish.head != "sequence")
    if wish.pooling is not None and not pools:
        rule = "be left out unless head='pooled' or a new head pools"
        raise ValueError(must("pooling", rule, wish.pooling))


def _fit(family: Family, source: Source, wish: Wish, prefix: str) -> _Fitted:
    if wish.num_classes is not None:
        return _new_head(family, source, wish, prefix)
    if wish.head == "none":
        return _Fitted({"output_type": "none"})
    if wish.head == "pooled":
        return _pooled(family, source, wish, prefix)
    head = _found(family, source, wish, prefix)
    if head is None:
        return _Fitted({"output_type": "none"})
    if head.output_type == "lm":
        return _scores(head, family, source, prefix)
    return _classes(head, source, wish, prefix)


def _found(family: Family, source: Source, wish: Wish, prefix: str) -> Head | None:
    """Give the head that the source holds and the caller wants, if it holds any."""
    written = source.architecture
    heads = [h for h in family.heads if h.output_type != "pooled"]
    known = tuple(name for head in heads for name in head.classes)
    if written is not None and not written.endswith(("Model", *known)):
        names = {f"{family.classes}{name}" for name in ("Model", *known)}
        raise ValueError(unknown("architecture", written, names))
    fitting = [h for h in heads if written is None or written.endswith(h.classes)]
    fitting = [h for h in fitting if h.is_in(source, prefix)]
    if written is not None and written.endswith(known) and not fitting:
        raise ValueError(f"{source.name} must be a whole {written}, its head is missing")
    if wish.head is not None:
        # A regression is a classification that is read otherwise.
        kind = "classification" if wish.head == "regression" else wish.head
        fitting = [h for h in fitting if h.output_type == kind]
        if not fitting:
            rule = "be one that the source has, or come with num_classes for a new one"
            raise ValueError(must("head", rule, wish.head))
        return fitting[0]
    kinds = sorted({h.output_type for h in fitting}, key=lambda kind: (kind != "lm", kind))
    if len(kinds) > 1 and kinds[0] != "lm":
        rule = f"be given, one of {', '.join(kinds)}: the source does not say which it is"
        raise ValueError(must("head", rule, None))
    return next((h for h in fitting if h.output_type == kinds[0]), None)


def _pooled(family: Family, source: Source, wish: Wish, prefix: str) -> _Fitted:
    if wish.pooling is not None:
        return _Fitted({"output_type": "pooled", "pooling": wish.pooling})
    pooler = family.pooler()
    if pooler is None or not pooler.is_in(source, prefix):
        raise ValueError(must("pooling", "be given, the source has no pooler", None))
    settings: Settings = {"output_type": "pooled", "pooling": "cls", "pooler": pooler.activation}
    return _Fitted(settings, layer("output_head.pooler.dense", pooler.name("dense", prefix)))


def _classes(head: Head, source: Source, wish: Wish, prefix: str) -> _Fitted:
    linear = head.name("linear", prefix)
    parts = layer("output_head.linear", linear)
    settings: Settings = {
        "output_type": head.output_type,
        "num_classes": source.tensors[f"{linear}.weight"].shape[0],
        "head_dropout": head.dropout_of(source),
    }
    if head.output_type == "classification":
        regression = source.setting("problem_type", None) == "regression"
        if wish.head == "regression" or (wish.head is None and regression):
            settings["output_type"] = "regression"
        settings |= {"pooling": "cls", "pooler": head.activation}
        parts += layer("output_head.pooler.dense", head.name("dense", prefix))
    return _Fitted(settings, parts)


def _scores(head: Head, family: Family, source: Source, prefix: str) -> _Fitted:
    assert head.bias is not None, "scores have a bias"
    inside = family.settings(source)["activation"]
    if head.activation not in (None, inside):
        rule = f"be {head.activation!r} in a {family.kind} model that scores words"
        raise ValueError(must("hidden_act", rule, inside))
    tied = bool(source.setting("tie_word_embeddings", True))
    settings: Settings = {"output_type": "lm", "lm_transform": True, "tie_embeddings": tied}
    parts = layer("output_head.transform.dense", head.name("dense", prefix))
    parts += layer("output_head.transform.norm", head.name("norm", prefix))
    linear = head.name("linear", prefix)
    if not tied:
        unread = {head.bias: "the last layer has a bias of its own"}
        return _Fitted(settings, parts + layer("output_head.linear", linear), left=unread)
    parts.append(Part("output_head.bias", (head.bias,)))
    equal = [(f"{linear}.weight", f"{prefix}embeddings.word_embeddings.weight")]
    if head.bias != f"{linear}.bias":
        equal.append((f"{linear}.bias", head.bias))
    return _Fitted({**settings, "logit_scale": 1.0}, parts, tuple(equal))


def _new_head(family: Family, source: Source, wish: Wish, prefix: str) -> _Fitted:
    """Give a head with new weights, behind the source's pooler if it has one."""
    kind = "sequence" if wish.head == "sequence" else "classification"
    published = next(h for h in family.heads if h.output_type == kind)
    settings: Settings = {
        "output_type": wish.head,
        "num_classes": wish.num_classes,
        "head_dropout": published.dropout_of(source),
    }
    new = ("output_head.linear.weight", "output_head.linear.bias")
    if wish.head == "sequence":
        return _Fitted(settings, new=new)
    if wish.pooling is not None:
        return _Fitted({**settings, "pooling": wish.pooling}, new=new)
    pooler = family.pooler()
    settings |= {"pooling": "cls", "pooler": published.activation}
    if pooler is None or not pooler.is_in(source, prefix):
        dense = ("output_head.pooler.dense.weight", "output_head.pooler.dense.bias")
        return _Fitted(settings, new=(*new, *dense))
    parts = layer("output_head.pooler.dense", pooler.name("dense", prefix))
    return _Fitted(settings, parts, new=new)


def _left(family: Family, prefix: str, special: dict[str, str]) -> Callable[[str], str | None]:
    """Say why a weight that no part reads may be left, or that it may not."""
    # A weight of several heads is called by the first, and a pooler always by its own name.
    heads = {name: head for head in reversed(family.heads) for name in head.names(prefix)}
    pooler = family.pooler()
    heads |= {} if pooler is None else dict.fromkeys(pooler.names(prefix), pooler)

    def reason(name: str) -> str | None:
        if _BUFFERS.fullmatch(name):
            return "computed when the model runs"
        if name in special:
            return special[name]
        head = heads.get(name)
        if head is None:
            return None
        what = (
            "pooler"
            if head.output_type == "pooled"
            else f"head of {family.classes}{head.classes[0]}"
        )
        return f"{what}, see head={head.output_type!r}"

    return reason
