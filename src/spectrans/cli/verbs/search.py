"""Find a plan, compare what was found on the test rows, and report."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from spectrans.cli.sentences import Failed, Interrupted, Refused, failing, refusing
from spectrans.cli.terminal import introduce, result, talk
from spectrans.cli.trials import SearchView
from spectrans.cli.verbs.compare import carry_out, failures
from spectrans.cli.verbs.compare import show as show_finals
from spectrans.data import Dataset, DataSpec, load
from spectrans.processes import is_main
from spectrans.report.page import REPORT
from spectrans.report.results import Results
from spectrans.report.search import (
    cells,
    heads,
    notes,
    said,
    tested,
    write_search_report,
)
from spectrans.search.folder import begin, unfinished, without_test
from spectrans.search.request import Search
from spectrans.search.run import search
from spectrans.search.space import Space
from spectrans.search.study import require_optuna
from spectrans.search.tried import SEARCH, Found, read, save
from spectrans.training.compare import FINALISTS
from spectrans.training.comparison import Comparison
from spectrans.training.crossover import REFERENCE
from spectrans.training.folders import ROOT, FolderError, data_name, next_folder
from spectrans.training.run import require_engine
from spectrans.training.sizes import sized
from spectrans.training.spec import RunSpec


def run(
    asked: dict[str, Any],
    data: dict[str, Any],
    shared: dict[str, Any],
    jobs: int | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Do a search from the options of the command line to its tables."""
    if not is_main():
        # Trials are shared out to workers of the main process.
        return
    say = talk(quiet)
    with failing():
        require_optuna()
        require_engine()
    with refusing():
        spec = RunSpec(plan=REFERENCE, data=DataSpec(**data), **sized(shared))
        wanted = Search(**asked, shared=spec)
        dataset = load(spec.data)
        Space(wanted, dataset.max_length)
        name = data_name(spec.data.source)
        folder = out or unfinished(wanted, name, ROOT) or next_folder(name)
        before = begin(wanted, folder, without_test(dataset))
    introduce(say, dataset)
    view = SearchView(say, before, wanted.trials)
    with failing(), _interruption(folder):
        with view:
            found = search(wanted, folder, dataset, jobs, view)
        results = _finish(found, folder, dataset, jobs, say)
        found = found.model_copy(update={"complete": True})
        save(found, folder)
        page = write_search_report(folder)
    if as_json:
        compared = None if results is None else results.model_dump(mode="json")
        written = {"folder": str(folder), **found.model_dump(mode="json"), "results": compared}
        typer.echo(json.dumps(written, ensure_ascii=False))
    else:
        _show(found, results, folder)
    say.print(f"\nwrote {folder}/: {SEARCH}, {REPORT}, figures/search.png", style="dim")
    say.print(f"read  {page}")
    if results is not None and results.failed:
        raise Failed(failures(results))


def _finish(
    found: Found, folder: Path, dataset: Dataset, jobs: int | None, say: Console
) -> Results | None:
    """Compare the finalists, and attention beside them, on the test rows."""
    if not found.front:
        reason = next((one.reason for one in found.tried if one.reason), "none was begun")
        raise Failed(f"no trial was done, the first because {reason}")
    if not found.finalists:
        return None
    asked = found.search
    say.print(f"\n{found.ended}; finalists, chosen on validation: {', '.join(found.finalists)}")
    comparison = Comparison(
        plans=tuple(dict.fromkeys((*found.finalists, REFERENCE))),
        seeds=tuple(range(asked.seed, asked.seed + asked.seeds)),
        learning_rates=(asked.shared.learning_rate,),
        shared=asked.shared,
    )
    return carry_out(comparison, dataset, folder / FINALISTS, jobs, False, (), say)[0]


@contextmanager
def _interruption(folder: Path) -> Iterator[None]:
    """On Ctrl-C say what is kept, and refuse a folder in which another process searches."""
    try:
        yield
    except FolderError as error:
        raise Refused(str(error)) from None
    except KeyboardInterrupt:
        found = read(folder)
        count = 0 if found is None else len(found.tried)
        kept = f"{count} plan{'' if count == 1 else 's'} and the steps of those under way"
        raise Interrupted(
            f"interrupted: {kept} are kept in {folder}; the same command goes on from there"
        ) from None


def _show(found: Found, results: Results | None, folder: Path) -> None:
    console = result()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, head in enumerate(heads(found.lead)):
        left = number in (1, 5)
        table.add_column(head, justify="left" if left else "right", overflow="fold")
    for row in cells(found):
        table.add_row(*row)
    console.print(table)
    for line in ("", *notes(found)):
        console.print(line, style="dim")
    console.print(f"\n{said(found)}")
    if results is not None:
        console.print()
        show_finals(results)
        console.print(f"\n{tested(folder, results)}")
