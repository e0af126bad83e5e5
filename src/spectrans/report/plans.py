"""Plans as strips: one box per layer, with its mixer and what it holds."""

from collections.abc import Sequence
from typing import Any

from spectrans.models.summary import LayerSummary
from spectrans.report.style import INK, PAPER, Picture, label, look
from spectrans.training.record import DataRecord
from spectrans.training.spec import RunSpec

# Layers of a strip at most; a deeper plan is cut, and says so.
_DEEPEST = 48


def layers(spec: RunSpec, data: DataRecord) -> tuple[LayerSummary, ...]:
    """Say what each layer of a plan is, holds and costs, on a longest row of the data."""
    return spec.build(data).summary(data.max_length).layers


def short(number: int) -> str:
    """Write a count in three or four characters."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return str(number)


def strips(plans: Sequence[tuple[str, Sequence[LayerSummary]]]) -> Picture:
    """Give the picture of some plans, each with its name and its layers from input to output."""
    deepest = max(len(found) for _, found in plans)
    said = "; ".join(f"{name}: {letters(found)}" for name, found in plans[:8])
    return Picture(
        name="plans",
        says=f"Layers from the input (left) to the output, with the parameters of each: {said}.",
        draw=lambda figure: _draw(figure, plans),
        size=(min(12.0, max(5.0, 2.2 + 1.05 * min(deepest, 10))), 0.55 + 0.62 * len(plans)),
    )


def letters(found: Sequence[LayerSummary]) -> str:
    """Write a plan with one letter per layer."""
    return " ".join(look(layer.mixer).letter for layer in found)


def _draw(figure: Any, plans: Sequence[tuple[str, Sequence[LayerSummary]]]) -> Any:
    from matplotlib.patches import Patch, Rectangle

    axes = figure.add_subplot()
    deepest = min(_DEEPEST, max(len(found) for _, found in plans))
    wide = deepest <= 14
    for row, (_, found) in enumerate(plans):
        for place, layer in enumerate(found[:_DEEPEST]):
            own = look(layer.mixer)
            box = Rectangle((place + 0.03, row + 0.12), 0.94, 0.76)
            box.set(facecolor=own.colour, hatch=own.hatch, edgecolor=INK, linewidth=0.8)
            axes.add_patch(box)
            shown = f"{own.letter}  {short(layer.parameters)}" if wide else own.letter
            paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.2}
            axes.text(
                place + 0.5, row + 0.5, shown, ha="center", va="center", fontsize=8, bbox=paper
            )
        if len(found) > _DEEPEST:
            axes.text(_DEEPEST + 0.1, row + 0.5, f"+{len(found) - _DEEPEST}", va="center")
    axes.set(xlim=(-0.05, deepest + 0.05), ylim=(len(plans), 0), xlabel="layer")
    axes.set_xticks([place + 0.5 for place in range(deepest)], range(deepest))
    axes.set_yticks(
        [row + 0.5 for row in range(len(plans))], [label(name, 28) for name, _ in plans]
    )
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    mixers = dict.fromkeys(layer.mixer for _, found in plans for layer in found)
    handles = [
        Patch(
            facecolor=look(name).colour,
            hatch=look(name).hatch,
            edgecolor=INK,
            label=f"{look(name).letter}  {name}",
        )
        for name in mixers
    ]
    figure.legend(handles=handles, loc="outside right upper", handlelength=2.2, frameon=False)
    return axes
