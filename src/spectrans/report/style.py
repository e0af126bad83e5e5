"""The house style of every figure: told apart in black and white, labelled, with units."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectrans.disk import make_folder
from spectrans.printable import plain, shortened
from spectrans.training.folders import write_whole

# Where pictures lie in the folder of a run, a comparison or a search.
FIGURES = "figures"

# Colours of everything that is no data. No two parts share one: a page replaces them by its own.
INK, MUTED, GRID, PAPER = "#1c2026", "#5c646e", "#dde1e6", "#fffffe"
# Okabe and Ito 2008 without black: told apart by people who do not see all colours.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d3b")
# Told apart by shape first, so that a print in black and white loses nothing.
MARKERS = "osD^vP*Xhp"
LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.5)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 2)),
    (0, (2, 4)),
)
HATCHES = ("", "///", "\\\\\\", "...", "xxx", "---", "+++", "ooo")


@dataclass(frozen=True)
class Look:
    """How a mixer looks: one letter, a colour and a hatch.

    Parameters
    ----------
    letter
        Short name.
    colour
        Of its bar.
    hatch
        On its bar.
    """

    letter: str
    colour: str
    hatch: str


_LOOKS = {
    "attention": Look("A", COLOURS[1], ""),
    "fourier": Look("F", COLOURS[5], "///"),
    "gfnet": Look("G", COLOURS[2], "..."),
    "wavelet": Look("W", COLOURS[4], "\\\\\\"),
    "afno": Look("N", COLOURS[0], "xxx"),
    "spectral_attention": Look("S", COLOURS[3], "+++"),
    "lst": Look("L", COLOURS[6], "---"),
}


def look(mixer: str) -> Look:
    """Give the look of a mixer, of a user's own too."""
    return _LOOKS.get(mixer, Look(mixer[0].upper(), "#9aa1a9", "ooo"))


def series(number: int) -> dict[str, Any]:
    """Give colour, marker and line style of the n-th of several series."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": LINES[number % len(LINES)],
        "markeredgecolor": INK,
        "markeredgewidth": 0.6,
    }


_RC: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    # Letters of a browser are not as wide as those that the layout is made with.
    "figure.constrained_layout.w_pad": 0.1,
    "figure.facecolor": PAPER,
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "hatch.color": INK,
    "hatch.linewidth": 0.5,
    "legend.edgecolor": GRID,
    "legend.facecolor": PAPER,
    "legend.fontsize": 8,
    "legend.framealpha": 0.85,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "savefig.facecolor": PAPER,
    # A browser knows more letters than the one font that is always there.
    "svg.fonttype": "none",
    "text.color": INK,
    # Names come from users: a dollar sign in one is a dollar sign.
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


@contextmanager
def house(name: str = "") -> Iterator[None]:
    """Draw and save in the house style; the name makes the parts of an SVG its own."""
    # At report time only: nothing else of the package needs matplotlib.
    import matplotlib as mpl

    with mpl.rc_context({**_RC, "svg.hashsalt": f"spectrans {name}"}), warnings.catch_warnings():
        # Letters that the font lacks are boxes in a PNG, and themselves in an SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


@dataclass(frozen=True)
class Picture:
    """A figure and what is said with it.

    Parameters
    ----------
    name
        Of its files.
    says
        What is seen, for those who look at it and those who cannot.
    draw
        Draws it on a matplotlib figure.
    size
        Width and height in inches.
    """

    name: str
    says: str
    draw: Callable[[Any], Any]
    size: tuple[float, float] = (7.6, 4.2)

    def figure(self) -> Any:
        """Draw it, inside `house`."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=self.size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        self.draw(figure)
        return figure

    def save(self, folder: Path) -> str:
        """Write it as PNG and SVG, and give the SVG for the inside of a page."""
        with house(self.name):
            figure = self.figure()
            png, svg = io.BytesIO(), io.StringIO()
            figure.savefig(png, format="png", metadata={"Software": None})
            # Of nothing that differs between two calls or comes from elsewhere.
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            figure.savefig(svg, format="svg", metadata=nothing)
        if folder.is_symlink():
            raise ValueError(f"{folder} must be a folder, got a link: remove it")
        make_folder(folder)
        write_whole(folder / f"{self.name}.png", png.getvalue())
        write_whole(folder / f"{self.name}.svg", svg.getvalue())
        return inside(svg.getvalue())


def inside(svg: str) -> str:
    """Turn an SVG file into a part of a page, in the colours of the page."""
    start = svg.index("<svg")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[start:], flags=re.S)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    # As wide as it was drawn, and less on a narrow screen.
    svg = re.sub(r'(<svg[^>]*?) width="([\d.]+)pt"', r'\1 style="max-width: \2pt"', svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[\d.]+pt"', r"\1", svg, count=1)
    for colour, variable in ((INK, "ink"), (MUTED, "muted"), (GRID, "grid"), (PAPER, "paper")):
        svg = re.sub(rf"(?<=: ){colour}\b", f"var(--{variable})", svg)
    return svg


def label(text: str, longest: int = 32) -> str:
    """Make a name from a file fit for a figure."""
    return shortened(plain(text), longest)
