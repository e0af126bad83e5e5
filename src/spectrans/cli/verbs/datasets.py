"""List the embedded data sets."""

import json

import typer
from rich.table import Table

from spectrans.cli.terminal import result
from spectrans.data import names


def run(as_json: bool) -> None:
    """Print names and descriptions."""
    if as_json:
        typer.echo(json.dumps(names(), ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("what it is")
    for name, description in names().items():
        table.add_row(name, description)
    result().print(table)
