"""FNet and its hybrids as the authors' own code holds them: Flax trees of the project f_net.

A tree is given the names that transformers has for the same weights, and read like those.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from torch import Tensor

from spectrans.mixers import Attention, Fourier
from spectrans.models import HybridTransformer
from spectrans.pretrained import fnet
from spectrans.pretrained.family import Family, Settings
from spectrans.pretrained.recipe import JOINED, Part, layer
from spectrans.pretrained.source import Source

_WORDS = "encoder/embedder/word/embedding"
_ATTENTION = re.compile(r"encoder/self_attention_(\d+)/query/kernel")

Change = Callable[[Tensor], Tensor]


def _same(x: Tensor) -> Tensor:
    return x


def _turned(x: Tensor) -> Tensor:
    return x.T


def _to_heads(x: Tensor) -> Tensor:
    """From `(d, h, c)` to a matrix that gives all heads."""
    return x.flatten(1).T


def _from_heads(x: Tensor) -> Tensor:
    """From `(h, c, d)` to a matrix that takes all heads."""
    return x.flatten(0, 1).T


# What a dense layer and a norm have, their names here, and how their values are laid out.
_DENSE: tuple[tuple[str, str, Change], ...] = (
    ("kernel", "weight", _turned),
    ("bias", "bias", _same),
)
_NORM: tuple[tuple[str, str, Change], ...] = (("scale", "weight", _same), ("bias", "bias", _same))
_HEADS: tuple[tuple[str, str, Change], ...] = (
    ("kernel", "weight", _to_heads),
    ("bias", "bias", lambda x: x.flatten()),
)
_OUT: tuple[tuple[str, str, Change], ...] = (
    ("kernel", "weight", _from_heads),
    ("bias", "bias", _same),
)
_PROJECTION: tuple[tuple[str, str, Change], ...] = (
    ("output_kernel", "weight", _same),
    ("output_bias", "bias", _same),
)
_LAYER = r"fnet.encoder.layer.\1"
_RULES: tuple[tuple[str, str, tuple[tuple[str, str, Change], ...]], ...] = (
    (r"encoder/embedder/layer_norm", "fnet.embeddings.LayerNorm", _NORM),
    (r"encoder/embedder/hidden_mapping_in", "fnet.embeddings.projection", _DENSE),
    (r"encoder/encoder_(\d+)/mixing_layer_norm", f"{_LAYER}.fourier.output.LayerNorm", _NORM),
    (r"encoder/encoder_(\d+)/output_layer_norm", f"{_LAYER}.output.LayerNorm", _NORM),
    (r"encoder/feed_forward_(\d+)/intermediate", f"{_LAYER}.intermediate.dense", _DENSE),
    (r"encoder/feed_forward_(\d+)/output", f"{_LAYER}.output.dense", _DENSE),
    (r"encoder/self_attention_(\d+)/(query|key|value)", rf"{_LAYER}.attention.\2", _HEADS),
    (r"encoder/self_attention_(\d+)/out", f"{_LAYER}.attention.out", _OUT),
    (r"encoder/pooler", "fnet.pooler.dense", _DENSE),
    (r"predictions_dense", "cls.predictions.transform.dense", _DENSE),
    (r"predictions_layer_norm", "cls.predictions.transform.LayerNorm", _NORM),
    (r"classification", "cls.seq_relationship", _PROJECTION),
)
_TABLES: Mapping[str, tuple[str, Change]] = {
    _WORDS: ("fnet.embeddings.word_embeddings.weight", _same),
    "encoder/embedder/position/embedding": (
        "fnet.embeddings.position_embeddings.weight",
        lambda x: x[0],
    ),
    "encoder/embedder/type/embedding": ("fnet.embeddings.token_type_embeddings.weight", _same),
    "predictions_output/output_bias": ("cls.predictions.bias", _same),
}


def is_tree(source: Source) -> bool:
    """Say whether a source is a Flax tree of f_net."""
    return _WORDS in source.tensors


def named(source: Source) -> tuple[Source, dict[str, str]]:
    """Give a tree the names and the layout of transformers, and say what each was called.

    Names that nothing is known of stay as they are, and are refused later.
    """
    tensors: dict[str, Tensor] = {}
    called: dict[str, str] = {}
    for name, value in source.tensors.items():
        new, change = _name(name)
        tensors[new] = change(value)
        called[new] = name
    return replace(source, tensors=tensors, config=_config(source)), called


def _name(name: str) -> tuple[str, Change]:
    if name in _TABLES:
        return _TABLES[name]
    above, _, last = name.rpartition("/")
    for pattern, new, kinds in _RULES:
        match = re.fullmatch(pattern, above)
        found = [(ours, change) for theirs, ours, change in kinds if theirs == last]
        if match is not None and found:
            ours, change = found[0]
            return f"{match.expand(new)}.{ours}", change
    return name, _same


def _config(source: Source) -> Settings:
    """Read the sizes off the tree; its config, if one was given, adds the dropout."""
    shapes = {name: value.shape for name, value in source.tensors.items()}
    layers = {m[1] for m in map(re.compile(r"encoder/encoder_(\d+)/.*").fullmatch, shapes) if m}
    return {
        "vocab_size": shapes[_WORDS][0],
        "hidden_size": shapes.get("encoder/embedder/hidden_mapping_in/kernel", (0, 0))[-1],
        "num_hidden_layers": len(layers),
        "intermediate_size": shapes.get("encoder/feed_forward_0/intermediate/kernel", (0, 0))[-1],
        "max_position_embeddings": shapes.get("encoder/embedder/position/embedding", (0, 0))[1],
        "type_vocab_size": shapes.get("encoder/embedder/type/embedding", (0,))[0],
        "hidden_dropout_prob": source.setting("dropout_rate", 0.1),
        "attention_probs_dropout_prob": source.setting("mixing_dropout_rate", 0.1),
    }


def family_of(tree: Source, source: Source) -> Family:
    """Give the family of a tree: FNet, or a hybrid with attention where the tree has it.

    Parameters
    ----------
    tree
        As it was read.
    source
        The same with the names of transformers.

    Returns
    -------
    Family
        For this tree alone.
    """
    found = [(_ATTENTION.fullmatch(name), value) for name, value in tree.tensors.items()]
    where = {int(match[1]): value.shape[1] for match, value in found if match is not None}
    width = tree.tensors[_WORDS].shape[1]
    family = replace(fnet.FAMILY, kind="f_net in Flax", settings=_settings(width, {}))
    unsaid = "a tree without attention is read as F_NET; FF_ONLY and RANDOM trees look the same"
    if not where:
        return replace(family, remarks=(*family.remarks, unsaid))
    return replace(
        family,
        model_class=HybridTransformer,
        settings=_settings(width, where),
        body=_body(set(where)),
    )


def _settings(width: int, attention: Mapping[int, int]) -> Callable[[Source], Settings]:
    def settings(source: Source) -> Settings:
        base = {**fnet.settings(source), "embedding_dim": width}
        if not attention:
            return base
        norm = base.pop("fft_norm")
        dropout = float(source.setting("attention_probs_dropout_prob", 0.1))
        plan = tuple(
            Attention(num_heads=attention[i], dropout=dropout)
            if i in attention
            else Fourier(norm=norm)
            for i in range(base["num_layers"])
        )
        return {**base, "alternation_pattern": "custom", "layer_types": plan}

    return settings


def _body(attention: set[int]) -> Callable[[Source], list[Part]]:
    def body(source: Source) -> list[Part]:
        parts = fnet.body(source)
        for i in sorted(attention):
            ours, theirs = f"blocks.{i}.mixer.heads", f"encoder.layer.{i}.attention"
            projections = [f"{theirs}.{name}" for name in ("query", "key", "value")]
            parts += layer(f"{ours}.qkv", *projections, form=JOINED)
            parts += layer(f"{ours}.out", f"{theirs}.out")
        return parts

    return body
