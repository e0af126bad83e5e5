"""Make the report of a folder again."""

import json
from pathlib import Path

import typer

from spectrans.cli.sentences import refusing
from spectrans.cli.terminal import talk
from spectrans.errors import must
from spectrans.report.comparison import write_comparison_report
from spectrans.report.run import write_run_report
from spectrans.report.search import write_search_report
from spectrans.report.style import FIGURES
from spectrans.search.tried import SEARCH
from spectrans.training.compare import RESULTS
from spectrans.training.record import RECORD


def run(folder: Path, as_json: bool, quiet: bool) -> None:
    """Write the page, and say where it is."""
    with refusing():
        if not folder.is_dir():
            raise ValueError(must("the folder of a run or comparison", "exist", str(folder)))
        if (folder / RESULTS).is_file():
            page = write_comparison_report(folder)
        elif (folder / SEARCH).is_file():
            page = write_search_report(folder)
        elif (folder / RECORD).is_file():
            page = write_run_report(folder)
        else:
            rule = f"hold {RECORD}, {RESULTS} or {SEARCH}"
            raise ValueError(must("the folder of a run or comparison", rule, str(folder)))
    figures = sorted(str(path) for path in (folder / FIGURES).iterdir())
    if as_json:
        typer.echo(json.dumps({"report": str(page), "figures": figures}))
    else:
        typer.echo(str(page))
        talk(quiet).print(f"and {len(figures)} figures in {folder / FIGURES}", style="dim")
