"""A plan: the mixer options of a model, one per layer, and the ways to write one."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from spectrans.errors import must, unknown
from spectrans.layout import parts as layout_parts
from spectrans.mixers import MIXERS, MixerOptions, resolve
from spectrans.mixers.base import Kind

Plan = tuple[MixerOptions, ...]
Item = str | dict[str, Any] | MixerOptions

# True where a layer is spatial, from (layer, num_layers). TOP, BOTTOM, MIDDLE and MIXED are those
# of Lee-Thorp et al. 2022, section 3.2 (arXiv:2105.03824); `spectral_first` is Patro et al. 2023
# (arXiv:2304.06446).
_PATTERNS: dict[str, Callable[[int, int], bool]] = {
    "even_spectral": lambda layer, depth: layer % 2 == 1,
    "alternate": lambda layer, depth: layer % 2 == 1,
    "odd_spectral": lambda layer, depth: layer % 2 == 0,
}
_COUNTED: dict[str, Callable[[int, int, int], bool]] = {
    "top": lambda layer, depth, k: layer >= depth - k,
    "bottom": lambda layer, depth, k: layer < k,
    "middle": lambda layer, depth, k: depth - k <= 2 * layer < depth + k,
    "mixed": lambda layer, depth, k: k > 0 and layer % (depth // k) == 0,
    "spectral_first": lambda layer, depth, k: layer >= k,
}
_COUNT = re.compile(r"\d{1,9}")


def pattern_names() -> list[str]:
    """Give every alternation pattern as a user writes it."""
    return [*_PATTERNS, "custom", *(f"{name}:k" for name in _COUNTED)]


def spatial_layers(pattern: str, num_layers: int) -> list[bool]:
    """Say for each layer whether a pattern makes it spatial.

    Parameters
    ----------
    pattern
        `even_spectral` or `alternate` (spectral on layers 0, 2, ...), `odd_spectral`, or with a
        count k of layers `top:k bottom:k middle:k mixed:k` (k spatial ones) and
        `spectral_first:k`. `mixed:k` takes every (num_layers // k)-th layer as published, which
        is more than k layers where k does not divide the depth.
    num_layers
        Depth, at least 1.

    Returns
    -------
    list of bool
        One entry per layer.

    Raises
    ------
    ValueError
        Unknown pattern, or a count outside 0 to `num_layers`.

    Examples
    --------
    >>> spatial_layers("top:1", 3)
    [False, False, True]
    """
    name, colon, count = pattern.partition(":")
    if not colon and name in _PATTERNS:
        return [_PATTERNS[name](layer, num_layers) for layer in range(num_layers)]
    if name not in _COUNTED:
        raise ValueError(unknown("alternation_pattern", pattern, pattern_names()))
    if not _COUNT.fullmatch(count) or int(count) > num_layers:
        rule = f"have a count from 0 to num_layers={num_layers} after ':'"
        raise ValueError(must("alternation_pattern", rule, pattern))
    return [_COUNTED[name](layer, num_layers, int(count)) for layer in range(num_layers)]


def alternating(
    pattern: str, num_layers: int, spectral: MixerOptions, spatial: MixerOptions
) -> Plan:
    """Give the plan that puts `spatial` where the pattern says so and `spectral` elsewhere.

    Parameters
    ----------
    pattern
        One of those of `spatial_layers`.
    num_layers
        Depth, at least 1.
    spectral
        Options of the layers that are not spatial.
    spatial
        Options of those that are.

    Returns
    -------
    tuple of MixerOptions
        One entry per layer.

    Raises
    ------
    ValueError
        Unknown pattern, or a count outside 0 to `num_layers`.

    Examples
    --------
    >>> plan = alternating("top:1", 3, resolve("fourier"), resolve("attention"))
    >>> [options.name for options in plan]
    ['fourier', 'fourier', 'attention']
    """
    return tuple(spatial if here else spectral for here in spatial_layers(pattern, num_layers))


def tiled(layout: str, num_layers: int) -> Plan:
    """Read a layout string such as `"3xfourier,attention"` and repeat it over the depth.

    Parameters
    ----------
    layout
        Mixer names separated by commas, each with an optional count before it and options in
        parentheses behind it, see `spectrans.layout`.
    num_layers
        Depth; the last repetition may be cut short.

    Returns
    -------
    tuple of MixerOptions
        One entry per layer.

    Raises
    ------
    ValueError
        Unknown mixer, bad option, malformed part, or a layout that is longer than the depth.

    Examples
    --------
    >>> [options.name for options in tiled("2xfourier,attention", 4)]
    ['fourier', 'fourier', 'attention', 'fourier']
    """
    layers: list[MixerOptions] = []
    for part in layout_parts(layout):
        # A count is capped at the depth before it is multiplied out.
        layers += [part.options] * min(part.times, num_layers + 1)
    if len(layers) > num_layers:
        raise ValueError(must("layer_types", f"fit in num_layers={num_layers}", layout))
    return tuple(layers[layer % len(layers)] for layer in range(num_layers))


def listed(items: str | Sequence[Item], num_layers: int) -> Plan:
    """Give the plan of `layer_types`: a layout string, or one name, dict or options per layer.

    Parameters
    ----------
    items
        A string is tiled over the depth; a sequence must have one entry per layer.
    num_layers
        Depth.

    Returns
    -------
    tuple of MixerOptions
        One entry per layer.

    Raises
    ------
    ValueError
        A wrong count, an unknown mixer or a bad setting; the message names the layer.
    """
    if isinstance(items, str):
        return tiled(items, num_layers)
    if len(items) != num_layers:
        rule = f"have one entry per layer, num_layers={num_layers}"
        raise ValueError(must("layer_types", rule, f"{len(items)} entries"))
    plan = []
    for layer, item in enumerate(items):
        try:
            plan.append(resolve(item))
        except (TypeError, ValueError) as error:
            raise ValueError(f"layer_types[{layer}]: {error}") from None
    return tuple(plan)


def of_kind(argument: str, name: str, kind: Kind, settings: dict[str, Any] | None) -> MixerOptions:
    """Give the options of a mixer that must be spectral or spatial, with settings over defaults.

    Parameters
    ----------
    argument
        The caller's argument that holds `name`, for the messages.
    name
        Mixer name.
    kind
        What the mixer must be.
    settings
        Options by name; None means all defaults.

    Returns
    -------
    MixerOptions
        Frozen options.

    Raises
    ------
    ValueError
        Unknown name, wrong kind, or a bad setting.
    """
    known = [n for n, options in MIXERS.items() if options.kind == kind]
    if name not in known:
        raise ValueError(unknown(argument, name, known))
    return with_settings(argument, name, settings)


def with_settings(argument: str, name: str, settings: dict[str, Any] | None) -> MixerOptions:
    """Give the options of a mixer, with settings over defaults.

    Parameters
    ----------
    argument
        The caller's argument that holds `name`, for the messages.
    name
        Mixer name.
    settings
        Options by name; None means all defaults. A "type" among them must be `name`.

    Returns
    -------
    MixerOptions
        Frozen options.

    Raises
    ------
    ValueError
        Another "type", an unknown name, or a bad setting.
    """
    settings = {"type": name, **(settings or {})}
    if settings["type"] != name:
        raise ValueError(
            must(f"'type' in the settings of {argument}", f"be {name!r}", settings["type"])
        )
    return resolve(settings)


def with_positions(plan: Plan, scheme: str) -> Plan:
    """Hand a position scheme that lives inside attention to every layer that leaves it open.

    Parameters
    ----------
    plan
        Options per layer.
    scheme
        "rotary" or "alibi".

    Returns
    -------
    tuple of MixerOptions
        The plan with `position` filled in where the mixer has that option and takes this value.

    Raises
    ------
    ValueError
        No mixer of the plan can use the scheme, so the model would not know token order.
    """
    filled = tuple(_with_position(options, scheme) for options in plan)
    if not any(getattr(options, "position", None) == scheme for options in filled):
        names = ", ".join(dict.fromkeys(options.name for options in plan))
        rule = f"be one that a mixer of the plan ({names}) can use, as 'sinusoidal' or 'learned'"
        raise ValueError(must("positional_encoding_type", rule, scheme))
    return filled


def _with_position(options: MixerOptions, scheme: str) -> MixerOptions:
    field = type(options).model_fields.get("position")
    if field is None or getattr(options, "position") is not None:  # noqa: B009 - not every subclass
        return options
    try:
        return resolve({**options.to_dict(), "position": scheme})
    except ValueError:
        return options
