"""Which settings go with which output head; a setting that its head cannot use is refused."""

from typing import TYPE_CHECKING

from spectrans.errors import must

if TYPE_CHECKING:
    from spectrans.config.base import ModelConfig

# What a head must have among the settings, and which of the others it can use.
_NEEDED = {"sequence": ("num_classes",), "lm": ("vocab_size",)}
USED = {
    "classification": ("num_classes", "pooling", "pooler", "head_dropout"),
    "regression": ("num_classes", "pooling", "pooler", "head_dropout"),
    "pooled": ("pooling", "pooler"),
    "sequence": ("num_classes", "head_dropout"),
    "lm": ("tie_embeddings", "lm_transform", "logit_scale"),
    "none": (),
}
SETTINGS = tuple(dict.fromkeys(name for names in USED.values() for name in names))


def check_head(config: "ModelConfig") -> None:
    """Refuse a config whose head lacks a setting, or has one that would change nothing.

    Parameters
    ----------
    config
        A config whose single values are already checked.

    Raises
    ------
    ValueError
        `<argument> must <rule>, got <value>`.
    """
    head = config.output_type
    for name in _NEEDED.get(head, ()):
        if getattr(config, name) is None:
            raise ValueError(must(name, f"be given for output_type={head!r}", None))
    used = USED[head]
    if head == "classification" and config.num_classes is None:
        used = ()  # it gives hidden states
    for name in SETTINGS:
        value = getattr(config, name)
        if name not in used and value != type(config).model_fields[name].default:
            rule = f"be left out for output_type={head!r}{_why(config, name)}"
            raise ValueError(must(name, rule, value))
    if head == "lm":
        _check_scores(config)


def _why(config: "ModelConfig", name: str) -> str:
    if config.output_type == "classification":
        return " without num_classes"
    if name == "pooling":
        return ", which does not pool"
    return ""


def _check_scores(config: "ModelConfig") -> None:
    """Refuse ways of scoring a vocabulary that contradict each other."""
    if not config.tie_embeddings and config.logit_scale is not None:
        raise ValueError(
            must("logit_scale", "be left out when tie_embeddings is False", config.logit_scale)
        )
    width = config.embedding_dim
    apart = width is not None and width != config.hidden_dim
    if config.tie_embeddings and apart and not config.lm_transform:
        rule = f"equal hidden_dim={config.hidden_dim} for a tied head without lm_transform"
        raise ValueError(must("embedding_dim", rule, width))
