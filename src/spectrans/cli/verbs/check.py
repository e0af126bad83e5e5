"""Say what is wrong or strange with data."""

import json
from dataclasses import asdict
from typing import Any

import typer

from spectrans.cli.findings import show
from spectrans.cli.sentences import refusing
from spectrans.data import DataSpec
from spectrans.data.check import check

BAD_INPUT = 2


def run(settings: dict[str, Any], scored: bool, as_json: bool) -> None:
    """Print every finding; end with the code of bad input where one is a failure."""
    with refusing():
        spec = DataSpec(**settings)
    findings = check(spec, scored)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        show(findings)
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(BAD_INPUT)
