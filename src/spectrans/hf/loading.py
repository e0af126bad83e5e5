"""What loading a folder must not let pass: files outside it, and tensors that are not there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from spectrans.errors import must, some, unreadable
from spectrans.heads import TiedLMHead
from spectrans.hf.config import SpectransConfig
from spectrans.io import CHECKSUM, CONFIG, OURS, WEIGHTS, refuse_sum
from spectrans.models import BaseModel
from spectrans.safefiles import first_line

HEAD = "model.output_head."
# What torch says of a shape, or of what follows from it, beyond 64 bits.
_BEYOND = ("Overflow when unpacking", "Stride calculation overflowed")
_HUB_ARGUMENTS = (
    "cache_dir", "force_download", "local_files_only", "proxies", "revision", "subfolder", "token"
)  # fmt: skip


def refuse_outside(source: Any, subfolder: str = "") -> None:
    """Refuse a folder whose index names weights that are not in it.

    Parameters
    ----------
    source
        Path of a folder; anything else, such as a name on the hub, is downloaded into a cache that
        keeps files apart by itself.
    subfolder
        Where in the folder the weights are.

    Raises
    ------
    ValueError
        A shard that is not a plain file name, or an index that is none.
    """
    if source is None:
        return
    for index in sorted((Path(source) / subfolder).glob("*.index*.json")):
        try:
            listed = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{index} must be whole JSON: {unreadable(error)}") from None
        except (KeyError, TypeError, AttributeError):
            raise ValueError(f"{index} must hold a weight_map of weights to files") from None
        for shard in sorted(set(map(str, listed))):
            if Path(shard).name != shard or "\\" in shard:
                raise ValueError(must(f"the shards of {index}", "be files beside it", shard))


def refuse_changed(source: Any, subfolder: str = "") -> None:
    """Refuse a folder that spectrans itself wrote and whose weights are not those it wrote.

    Parameters
    ----------
    source
        Path of a folder; anything else is passed over.
    subfolder
        Where in the folder the weights are.

    Raises
    ------
    ValueError
        The checksum differs.
    """
    folder = Path(source or "") / subfolder
    if source is None or not ((folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()):
        return
    try:
        ours = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get(OURS)
    except (ValueError, RecursionError, AttributeError):
        return  # which transformers says itself
    wanted = ours.get(CHECKSUM) if isinstance(ours, dict) else None
    if wanted is not None:
        refuse_sum(folder / WEIGHTS, (folder / WEIGHTS).read_bytes(), wanted)


@contextmanager
def safetensors_in_words(source: Any) -> Iterator[None]:
    """Turn the complaint of a file that is not whole into a sentence with the folder.

    Parameters
    ----------
    source
        What is loaded.

    Raises
    ------
    ValueError
        The file is not whole.
    """
    try:
        yield
    except (SafetensorError, TypeError, RuntimeError) as error:
        reason = first_line(error)
        # Others are of an argument, or of a model.
        if not isinstance(error, SafetensorError) and not any(s in reason for s in _BEYOND):
            raise
        raise ValueError(f"{source} must hold whole safetensors files, got: {reason}") from None


def refuse_parted(model: BaseModel) -> None:
    """Refuse a device map under which a tied head could not reach its embedding.

    Parameters
    ----------
    model
        One of ours, after loading; what waits elsewhere is on the meta device.

    Raises
    ------
    ValueError
        The two are on different devices, or one of them is offloaded.
    """
    head, embedding = model.output_head, model.embedding
    if not isinstance(head, TiedLMHead) or embedding is None:
        return
    places = {embedding.weight.device, head.bias.device}
    if len(places) > 1 or torch.device("meta") in places:
        pair = "model.embedding and model.output_head"
        raise ValueError(f"device_map must keep {pair} on one device, not offloaded: they are tied")


def saved_from(source: Any, given: dict[str, Any]) -> list[str] | None:
    """Give the names of the classes that a folder was saved from; None where it does not say.

    Parameters
    ----------
    source
        Folder or name on the hub; None where the weights are given as a value.
    given
        The arguments of `from_pretrained`, some of which say where to look.

    Returns
    -------
    list of str or None
        Class names.
    """
    if source is None:
        return None
    where = {name: given[name] for name in _HUB_ARGUMENTS if name in given}
    try:
        content, _ = SpectransConfig.get_config_dict(source, **where)
    except OSError:  # no config there: it was given as a value
        return None
    return content.get("architectures")


def refuse_gaps(
    source: Any, name: str, info: dict[str, Any], *, new_head: bool, any_size: bool
) -> None:
    """Refuse a folder that does not hold every weight, or holds foreign ones.

    Parameters
    ----------
    source
        What was loaded.
    name
        The class it was loaded into.
    info
        What transformers found, of which it only warns.
    new_head
        The folder was saved from a class with another head, which does not count.
    any_size
        Weights of other shapes were asked to be passed over.

    Raises
    ------
    ValueError
        Names the first few weights.
    """
    passed_over = HEAD if new_head else "-"
    missing, foreign, mismatched = (
        [key for key in found if not key.startswith(passed_over)]
        for found in (
            info["missing_keys"],
            info["unexpected_keys"],
            [key for key, *_ in info["mismatched_keys"]],
        )
    )
    if missing:
        raise ValueError(f"{source} must hold every weight of {name}, {some(missing)} missing")
    if foreign:
        rule = f"must hold no other weights than {name} has"
        raise ValueError(f"{source} {rule}, {some(foreign)} unexpected")
    if mismatched and not any_size:
        rule = f"must hold weights of the shapes that {name} has"
        raise ValueError(f"{source} {rule}, {some(mismatched)} of another")
