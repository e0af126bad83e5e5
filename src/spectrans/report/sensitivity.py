"""What every layer of a trained model is worth, as picture and as part of a page."""

from pathlib import Path
from typing import Any

from spectrans.report import page
from spectrans.report.style import INK, MUTED, Picture, look
from spectrans.training.sensitivity import Sensitivity


def picture(found: Sensitivity) -> Picture:
    """Give the picture of scores with one mixer changed at a time."""
    lead = found.metric
    return Picture(
        name="sensitivity",
        says=f"{lead.title.capitalize()} on validation when one layer's mixer is taken away (wide "
        "bars) or a Fourier transform is put in its place (narrow bars), without training again. "
        "The dashed line is the whole model.",
        draw=lambda figure: _draw(figure, found),
        size=(max(5.0, 2.0 + 0.8 * len(found.layers)), 3.6),
    )


def section(found: Sensitivity | None, pictures: Path) -> str:
    """Give the part of a page; nothing where nothing was measured."""
    if found is None:
        return ""
    shown, drawn = found.metric.show, picture(found)
    rows = [
        (
            layer.layer,
            layer.mixer,
            shown(layer.without),
            "-" if layer.fourier is None else shown(layer.fourier),
        )
        for layer in found.layers
    ]
    most = max(found.layers, key=found.loss)
    said = (
        f"The whole model: {found.metric.title} {shown(found.score)} on validation. Needed most: "
        f"layer {most.layer}, {most.mixer}. What a model trained without a layer would score is "
        "another question."
    )
    head = ("layer", "mixer", "taken away", "Fourier instead")
    return page.section(
        "Layers",
        page.figure(drawn.save(pictures), drawn.says),
        page.table(head, rows, (1,)),
        page.paragraph(said, "muted"),
    )


def _draw(figure: Any, found: Sensitivity) -> Any:
    axes = figure.add_subplot()
    scale = 100 if found.metric.percent else 1
    for layer in found.layers:
        own = look(layer.mixer)
        axes.bar(layer.layer - 0.14, scale * layer.without, 0.5, color=own.colour, hatch=own.hatch,
                 edgecolor=INK, linewidth=0.8)  # fmt: skip
        if layer.fourier is not None:
            other = look("fourier")
            axes.bar(layer.layer + 0.28, scale * layer.fourier, 0.24, color=other.colour,
                     hatch=other.hatch, edgecolor=INK, linewidth=0.8)  # fmt: skip
    axes.axhline(scale * found.score, color=MUTED, linestyle=(0, (5, 4)), linewidth=1.2)
    names = [f"{layer.layer}\n{layer.mixer}" for layer in found.layers]
    axes.set_xticks(range(len(names)), names)
    unit = " (%)" if found.metric.percent else ""
    worse = "" if found.metric.higher else ", lower is better"
    axes.set(
        xlabel="layer that is changed", ylabel=f"{found.metric.title} on validation{unit}{worse}"
    )
    axes.grid(visible=False, axis="x")
    return axes
