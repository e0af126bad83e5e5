"""Draw docs/images/pathfinder.png: python scripts/draw_pathfinder.py."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from spectrans.data.builtin.pathfinder import LABELS, Pathfinder
from spectrans.data.builtin.snakes import grow
from spectrans.data.splits import generator

TASKS = (Pathfinder(contour=6), Pathfinder(), Pathfinder(size=64), Pathfinder(size=128))
OUT = Path(__file__).parent.parent / "docs" / "images" / "pathfinder.png"


def main() -> None:
    """Draw a picture of each class, for several settings."""
    mpl.use("agg")
    figure, grid = plt.subplots(2, len(TASKS), figsize=(9, 5))
    for column, task in zip(grid.T, TASKS, strict=True):
        random = generator(0)
        pictures, label = task.draw(random, grow(random, task.look(), 64))
        for kind, place in enumerate(column):
            place.imshow(pictures[label == kind][0], cmap="gray", vmin=0, vmax=255)
            place.set_title(f"{LABELS[kind]}: {task.name}", fontsize=8)
            place.axis("off")
    figure.tight_layout()
    figure.savefig(OUT, dpi=80)


if __name__ == "__main__":
    main()
