"""How large a model would be, counted before anything is allocated."""

import os

import torch

from spectrans.config.base import ModelConfig
from spectrans.models.block import build_block

# Models with no size beyond this, and no more numbers by a rough count, are built without a look.
_LARGE_SIZE, _LARGE_COUNT = 2**16, 2**29
_BEYOND = 2**50
_SIZES = (
    "vocab_size",
    "hidden_dim",
    "sequence_length",
    "num_classes",
    "ffn_hidden_dim",
    "type_vocab_size",
    "embedding_dim",
)


def numbers(config: ModelConfig) -> int:
    """Count the numbers that a model must hold at the least.

    Parameters
    ----------
    config
        What would be built.

    Returns
    -------
    int
        Those of all blocks and of all tables.
    """
    # Torch itself cannot count as far as a config can.
    count = _tables(config)
    if count + _ffn(config) > _BEYOND:
        return count + _ffn(config)
    plan = config.plan()
    distinct = [options for k, options in enumerate(plan) if options not in plan[:k]]
    with torch.device("meta"):
        for options in distinct:
            block = build_block(config, options)
            held = sum(p.numel() for p in block.parameters())
            held += sum(b.numel() for b in block.buffers())
            count += held * plan.count(options)
    return count


def refuse_beyond_memory(config: ModelConfig) -> None:
    """Refuse a model whose weights alone are more than the memory of this machine.

    Parameters
    ----------
    config
        What is about to be built.

    Raises
    ------
    ValueError
        With both sizes.
    """
    memory = _memory()
    elsewhere = torch.get_default_device().type != "cpu"
    if memory is None or elsewhere or not is_large(config):
        return
    count = numbers(config)
    size = count * torch.get_default_dtype().itemsize
    if size > memory:
        raise ValueError(
            f"the model must fit into the memory of this machine, {memory / 2**30:,.0f} GiB: its "
            f"{count:,} weights alone take {size / 2**30:,.0f} GiB; lower hidden_dim, num_layers "
            "or what else is large"
        )


def is_large(config: ModelConfig) -> bool:
    """Say whether a model needs a look before it is built."""
    settings = [value for options in config.plan() for _, value in options]
    sizes = [getattr(config, name) for name in _SIZES] + settings
    if max(size for size in sizes if isinstance(size, (int, float))) > _LARGE_SIZE:
        return True
    # Attention has the most weights of all mixers with usual settings.
    attention = 4 * config.hidden_dim**2 * config.num_layers
    return _tables(config) + _ffn(config) + attention > _LARGE_COUNT


def _ffn(config: ModelConfig) -> int:
    """Count the weights of the feed-forward networks."""
    width = config.ffn_hidden_dim or 4 * config.hidden_dim
    return 2 * config.hidden_dim * width * config.num_layers


def _tables(config: ModelConfig) -> int:
    """Count the numbers outside of the blocks."""
    width = config.embedding_dim or config.hidden_dim
    rows = (config.vocab_size or 0) + (config.type_vocab_size or 0)
    if config.use_positional_encoding and config.positional_encoding_type == "learned":
        rows += config.sequence_length
    return width * rows + config.hidden_dim * (config.num_classes or 0)


def _memory() -> int | None:
    """Give the bytes of memory that this machine has; None where the system does not say."""
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" not in names:
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
