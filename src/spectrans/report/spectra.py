"""What the layers of a model have learned, as pictures: one kind of curve in each."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from spectrans.mixers.response import (
    AttentionResponse,
    FrequencyResponse,
    LevelResponse,
    Response,
)
from spectrans.report.style import INK, MUTED, Picture, look, series

# Number of the layer, name of the mixer, what it does.
Layer = tuple[int, str, Any]
_BAND = (10, 90)
_COLUMNS = 3


def pictures(mixers: Sequence[str], found: Sequence[Response | None]) -> list[Picture]:
    """Give the pictures of all layers that have something to show.

    Parameters
    ----------
    mixers
        Name of each layer's mixer.
    found
        What it does, of `spectrans.training.layers.responses`.

    Returns
    -------
    list of Picture
        Frequencies, levels and attention, as far as there are any.
    """
    layers = [(n, name, one) for n, (name, one) in enumerate(zip(mixers, found, strict=True))]
    kinds: tuple[tuple[type, Callable[[list[Layer]], Picture]], ...] = (
        (FrequencyResponse, _frequencies),
        (LevelResponse, _levels),
        (AttentionResponse, _attention),
    )
    drawn = []
    for kind, draw in kinds:
        own = [layer for layer in layers if isinstance(layer[2], kind)]
        if own:
            drawn.append(draw(own))
    return drawn


def band(gain: Any) -> tuple[Any, Any, Any]:
    """Give mean, 10 % and 90 % quantile over the channels at each place."""
    values = np.asarray(gain, dtype=np.float64)
    return values.mean(1), *np.percentile(values, _BAND, axis=1)


def _grid(layers: Sequence[Layer]) -> tuple[int, int, tuple[float, float]]:
    columns = min(_COLUMNS, len(layers))
    rows = math.ceil(len(layers) / columns)
    return rows, columns, (max(4.6, 3.1 * columns), 0.7 + 2.35 * rows)


def _panels(figure: Any, layers: Sequence[Layer]) -> list[Any]:
    """Give one pair of axes for each layer, all on one scale."""
    rows, columns, _ = _grid(layers)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for spare in axes[len(layers) :]:
        spare.set_visible(False)
    for one, (number, mixer, _) in zip(axes, layers, strict=False):
        one.set_title(f"layer {number}  {mixer}")
    # The lowest panel of each column shows the ticks.
    for column in range(columns):
        axes[range(column, len(layers), columns)[-1]].tick_params(labelbottom=True)
    return list(axes[: len(layers)])


_ORIGINS = {
    "learned": "{} was learned",
    "measured": "{} was measured on validation rows, since the layer is not linear",
    "defined": "{} is flat by definition, with nothing to learn",
}


def _frequencies(layers: list[Layer]) -> Picture:
    said = "; ".join(
        _ORIGINS[one.origin].format(f"layer {number} ({mixer})") for number, mixer, one in layers
    )
    return Picture(
        name="frequencies",
        says="By how much each layer lets the frequencies of the tokens pass: the line is the mean "
        f"over channels, the band holds 80 % of them. {said[0].upper()}{said[1:]}.",
        draw=lambda figure: _draw_frequencies(figure, layers),
        size=_grid(layers)[2],
    )


def _draw_frequencies(figure: Any, layers: list[Layer]) -> Any:
    axes = _panels(figure, layers)
    for one, (_, mixer, response) in zip(axes, layers, strict=True):
        mean, low, high = band(response.gain)
        colour = look(mixer).colour
        one.fill_between(response.frequency, low, high, color=colour, alpha=0.25, linewidth=0)
        one.plot(response.frequency, low, color=colour, linewidth=0.7)
        one.plot(response.frequency, high, color=colour, linewidth=0.7)
        one.plot(response.frequency, mean, color=INK, linewidth=1.4)
        if response.origin != "learned":
            one.annotate(
                "by definition" if response.origin == "defined" else "measured",
                (0.97, 0.94),
                xycoords="axes fraction",
                ha="right",
                va="top",
                fontsize=8,
                color=MUTED,
            )
    axes[0].set_xlim(0, 0.5)
    axes[0].set_ylim(bottom=0)
    figure.supxlabel("frequency (cycles per token)", fontsize=9)
    figure.supylabel("gain (out over in)", fontsize=9)
    return axes


def _levels(layers: list[Layer]) -> Picture:
    return Picture(
        name="levels",
        says="By how much each layer scales the levels of its wavelet transform, from long waves "
        "(left) to short ones: points are means over channels, bars hold 80 % of them.",
        draw=lambda figure: _draw_levels(figure, layers),
        size=_grid(layers)[2],
    )


def level_names(levels: int) -> list[str]:
    """Name the levels from the longest waves to the shortest, with their periods in tokens."""
    details = [f"{2**j}-{2 ** (j + 1)}" for j in range(levels, 0, -1)]
    return [f"over {2 ** (levels + 1)}", *details]


def _draw_levels(figure: Any, layers: list[Layer]) -> Any:
    axes = _panels(figure, layers)
    most = max((one.gain for _, _, one in layers), key=len)
    names = level_names(len(most) - 1)
    for one, (_, mixer, response) in zip(axes, layers, strict=True):
        # From coarse to fine: approximation, then the details backwards.
        order = [0, *range(len(response.gain) - 1, 0, -1)]
        mean, low, high = (part[order] for part in band(response.gain))
        place = np.arange(len(order)) + len(names) - len(order)
        own = look(mixer)
        one.bar(
            place, high - low, bottom=low, width=0.5, color=own.colour, alpha=0.35, hatch=own.hatch
        )
        one.plot(place, mean, "o", color=INK, markersize=5)
        one.set_xticks(range(len(names)), names)
    axes[0].set_ylim(bottom=0)
    figure.supxlabel("period (tokens)", fontsize=9)
    figure.supylabel("gain (out over in)", fontsize=9)
    return axes


def uniform_distance(tokens: int) -> float:
    """Give the mean distance of two tokens of a row, chosen with equal chance."""
    return (tokens**2 - 1) / (3 * tokens)


def _attention(layers: list[Layer]) -> Picture:
    tokens = layers[0][2].tokens
    return Picture(
        name="attention",
        says="From how many tokens, and from how far, each head of each attention layer takes, on "
        f"validation rows of {tokens:,} tokens on average. The dashed lines are what equal weights "
        "for all tokens would give.",
        draw=lambda figure: _draw_attention(figure, layers, tokens),
        size=(8.4, 3.4),
    )


def _draw_attention(figure: Any, layers: list[Layer], tokens: int) -> Any:
    left, right = figure.subplots(1, 2)
    place = np.arange(len(layers))
    for axes, values, even in (
        (left, [one.entropy for _, _, one in layers], math.log(tokens)),
        (right, [one.distance for _, _, one in layers], uniform_distance(tokens)),
    ):
        for head in range(max(map(len, values))):
            known = [
                (k, float(own[head]))
                for k, own in zip(place, values, strict=True)
                if head < len(own)
            ]
            spread = 0.09 * (head - (max(map(len, values)) - 1) / 2)
            axes.plot(
                [k + spread for k, _ in known],
                [value for _, value in known],
                **{**series(head), "linestyle": ""},
                label=f"head {head}",
            )
        axes.axhline(even, color=MUTED, linewidth=1, linestyle=(0, (5, 4)), zorder=1)
        axes.annotate(
            "equal weights",
            (0, even),
            xycoords=("axes fraction", "data"),
            xytext=(4, 2),
            textcoords="offset points",
            fontsize=8,
            color=MUTED,
        )
        axes.set_ylim(0, 1.1 * max(even, *(float(own.max()) for own in values)))
        axes.set_xticks(place, [str(number) for number, _, _ in layers])
        axes.set_xlim(-0.6, len(layers) - 0.4)
        axes.set_xlabel("layer")
    left.set(ylabel="entropy (nats)", title="How many tokens")
    right.set(ylabel="mean distance (tokens)", title="How far away")
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", frameon=False)
    return left, right
