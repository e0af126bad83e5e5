"""Findings, one a line, each with its level."""

from collections.abc import Iterable

from spectrans.cli.terminal import plain, result
from spectrans.data.check import Finding

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def show(findings: Iterable[Finding]) -> None:
    """Print findings on standard output."""
    console = result()
    for finding in findings:
        console.print(f" {finding.level:5}", style=_STYLES[finding.level], end="")
        console.print(plain(finding.sentence), soft_wrap=True)
