"""A comparison on disk: data, table and picture."""

from pathlib import Path

from spectrans.report.figure import FIGURE, draw
from spectrans.report.results import Results, save_results
from spectrans.report.table import markdown
from spectrans.training.folders import write_whole

TABLE = "results.md"


def write(results: Results, directory: str | Path) -> None:
    """Write `results.md`, `accuracy-vs-speed.png` and at last `results.json` into a folder.

    Parameters
    ----------
    results
        A comparison with at least one measured plan.
    directory
        An existing folder.
    """
    folder = Path(directory)
    write_whole(folder / TABLE, f"{markdown(results)}\n![accuracy against speed]({FIGURE})\n")
    draw(results, folder / FIGURE)
    save_results(results, folder)
