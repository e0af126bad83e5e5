"""Plans as strips and bars in a terminal."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.text import Text

from spectrans.models.summary import LayerSummary

# A colour tells mixers apart at a glance, a letter without colour.
_LOOKS = {
    "fourier": ("F", "cyan"),
    "wavelet": ("W", "green"),
    "afno": ("N", "blue"),
    "gfnet": ("G", "magenta"),
    "attention": ("A", "yellow"),
    "spectral_attention": ("S", "bright_yellow"),
    "lst": ("L", "bright_cyan"),
}
_BAR = 32


class Group(NamedTuple):
    """Layers after each other that are the same."""

    layers: tuple[LayerSummary, ...]

    @property
    def numbers(self) -> str:
        """Which layers these are."""
        first, last = self.layers[0].layer, self.layers[-1].layer
        return str(first) if first == last else f"{first}-{last}"


def letter(mixer: str) -> str:
    """Give the letter of a mixer; of a user's own, its first one as a small letter."""
    return _LOOKS[mixer][0] if mixer in _LOOKS else mixer[:1].lower()


def strip(mixers: Iterable[str]) -> Text:
    """Draw a plan in one line, a cell for each layer."""
    line = Text()
    for mixer in mixers:
        line.append(f"{letter(mixer)} ", style=f"bold {_colour(mixer)}")
    line.right_crop(1)
    return line


def bars(layers: tuple[LayerSummary, ...]) -> Iterator[Text]:
    """Draw the operations of layers as bars, those of mixing dark and the rest light."""
    most = max(layer.flops for layer in layers)
    for group in groups(layers):
        layer = group.layers[0]
        whole = round(_BAR * layer.flops / most)
        mixing = round(_BAR * layer.mixer_flops / most)
        line = Text(f"  {group.numbers:>7}  ")
        line.append_text(strip([layer.mixer]))
        line.append(f" {layer.mixer:18} ")
        line.append("█" * mixing + "░" * (whole - mixing), style=_colour(layer.mixer))
        line.append(" " * (_BAR - whole))
        line.append(f"  {layer.parameters:>9,} parameters")
        cost = f"{layer.flops / 1e6:>9,.1f} MFLOP, {layer.mixer_flops / 1e6:,.1f} of it mixing"
        line.append(f"  {cost}{', each' if len(group.layers) > 1 else ''}")
        yield line


def groups(layers: Iterable[LayerSummary]) -> list[Group]:
    """Put equal neighbours together."""
    found: list[Group] = []
    for layer in layers:
        before = found[-1].layers[-1] if found else None
        if before and (before.mixer, before.options) == (layer.mixer, layer.options):
            found[-1] = Group((*found[-1].layers, layer))
        else:
            found.append(Group((layer,)))
    return found


def _colour(mixer: str) -> str:
    return _LOOKS[mixer][1] if mixer in _LOOKS else "white"
