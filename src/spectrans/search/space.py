"""The plans that a search may try, as a tree of choices."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from spectrans.layout import parts, shortest
from spectrans.mixers import MixerOptions, resolve
from spectrans.mixers.base import Dims
from spectrans.search.request import Search
from spectrans.training.crossover import REFERENCE

# Options that are worth a try, the default first where there is one. Attention has none: its window
# and heads follow from the data and the size.
OPTIONS: dict[str, dict[str, tuple[Any, ...]]] = {
    "wavelet": {"levels": (3, 1, 2, 4, 5), "mixing_mode": ("pointwise", "channel", "level")},
    "afno": {"num_blocks": (8, 4, 1), "sparsity_threshold": (0.01, 0.0)},
    "spectral_attention": {"num_features": (256, 128, 64), "kernel_type": ("softmax", "relu")},
    "lst": {"form": ("product", "gated"), "transform_type": ("dct", "hadamard")},
}
# Where the layers of attention are: `mixed` begins each of k equal groups of layers with one, as
# Lee-Thorp et al. 2022 (arXiv:2105.03824), `even` ends it with one.
PLACES = ("top", "even", "mixed", "middle", "bottom")


@runtime_checkable
class Chooser(Protocol):
    """What makes a choice: a trial of optuna."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """Choose a number."""

    def suggest_float(self, name: str, low: float, high: float) -> float:
        """Choose a number."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Choose one of several."""


class Space:
    """All plans of a search.

    Parameters
    ----------
    search
        What was asked for.
    max_length
        Tokens of the longest row.

    Raises
    ------
    ValueError
        A mixer that fits the sizes with none of its options.
    """

    def __init__(self, search: Search, max_length: int) -> None:
        shared = search.shared
        self.depth, self.most, self.anywhere = shared.num_layers, search.most, search.anywhere
        dims = Dims(
            hidden_dim=shared.hidden_dim,
            num_heads=shared.num_heads,
            max_sequence_length=max_length,
        )
        self.mixers = _by_name(search.mixers)
        self.attention = _by_name(search.attention)
        everything = {**self.mixers, **self.attention}
        self.options = {name: _choices(fixed, dims) for name, fixed in everything.items()}

    def suggest(self, trial: Chooser) -> str:
        """Choose a plan.

        Parameters
        ----------
        trial
            What chooses. Nothing is asked that has no effect on the plan.

        Returns
        -------
        str
            A canonical layout.
        """
        count = trial.suggest_int("attention_layers", 0, self.most) if self.most else 0
        where: frozenset[int] = frozenset(range(count))
        if 0 < count < self.depth:
            where = self._where(trial, count)
        spatial = self._mixer(trial, "attention", self.attention) if count else None
        spectral = self._mixer(trial, "mixer", self.mixers) if count < self.depth else None
        chosen = [spatial if layer in where else spectral for layer in range(self.depth)]
        return shortest([one for one in chosen if one is not None])

    def _where(self, trial: Chooser, count: int) -> frozenset[int]:
        if not self.anywhere:
            return positions(trial.suggest_categorical("place", PLACES), count, self.depth)
        # The layers with the highest of these numbers: every choice of layers can come out.
        weights = [trial.suggest_float(f"layer_{k}", 0.0, 1.0) for k in range(self.depth)]
        order = sorted(range(self.depth), key=lambda layer: weights[layer])
        return frozenset(order[-count:])

    def _mixer(self, trial: Chooser, role: str, known: dict[str, MixerOptions]) -> MixerOptions:
        name = next(iter(known))
        if len(known) > 1:
            name = trial.suggest_categorical(role, tuple(known))
        own = {
            option: trial.suggest_categorical(f"{name}.{option}", choices)
            for option, choices in self.options[name].items()
        }
        return resolve({**known[name].to_dict(), **own})

    def starts(self) -> list[dict[str, Any] | None]:
        """Give the choices that a search begins with: attention alone, and each mixer alone.

        Returns
        -------
        list of dict or None
            None is attention alone where that is no choice of this space.
        """
        reference = None
        if self.most == self.depth and self.attention.get(REFERENCE) == resolve(REFERENCE):
            reference = {"attention_layers": self.depth, "attention": REFERENCE}
        alone = [
            {"attention_layers": 0, "mixer": name, **self._defaults(name)} for name in self.mixers
        ]
        return [reference, *alone]

    def _defaults(self, name: str) -> dict[str, Any]:
        return {f"{name}.{option}": found[0] for option, found in self.options[name].items()}


def positions(place: str, count: int, depth: int) -> frozenset[int]:
    """Say which layers are attention.

    Parameters
    ----------
    place
        One of `PLACES`.
    count
        Layers of attention, from 1 to `depth`.
    depth
        Layers.

    Returns
    -------
    frozenset of int
        As many as `count`.

    Examples
    --------
    >>> sorted(positions("even", 2, 6))
    [2, 5]
    """
    start = {"top": depth - count, "bottom": 0, "middle": (depth - count + 1) // 2}
    if place in start:
        return frozenset(range(start[place], start[place] + count))
    if place == "mixed":
        return frozenset(k * depth // count for k in range(count))
    return frozenset((k + 1) * depth // count - 1 for k in range(count))


def _by_name(layout: str) -> dict[str, MixerOptions]:
    return {part.options.name: part.options for part in parts(layout)}


def _choices(fixed: MixerOptions, dims: Dims) -> dict[str, tuple[Any, ...]]:
    """Give the values to try of each option that is not written down and fits."""
    known: dict[str, Any] = {}
    found: dict[str, tuple[Any, ...]] = {}
    for option, values in OPTIONS.get(fixed.name, {}).items():
        if option in fixed.model_fields_set:
            continue
        fit = tuple(v for v in values if _refusal(fixed, {**known, option: v}, dims) is None)
        found[option] = fit or values
        known[option] = found[option][0]
    refusal = _refusal(fixed, known, dims)
    if refusal is not None:
        raise ValueError(refusal)
    return found


def _refusal(fixed: MixerOptions, own: dict[str, Any], dims: Dims) -> str | None:
    """Say why a mixer with some options cannot be built; None where it can."""
    try:
        with torch.device("meta"):
            resolve({**fixed.to_dict(), **own}).build(dims)
    except ValueError as error:
        return f"{fixed.name}: {error}"
    return None
