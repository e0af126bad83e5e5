"""Results as tables of the terminal."""

from typing import Any

from rich import box
from rich.table import Table

from benchmarks.case import Case
from benchmarks.clock import Spread, slower
from benchmarks.results import Row


def header(machine: dict[str, Any], versions: dict[str, str], commit: str, malloc: str) -> str:
    """Say where and from what the numbers come."""
    place = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB"
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{place}, {machine['system']}, python {machine['python']}\n{packages}\n"
        f"commit {commit}, float32 unless said, malloc: {malloc}"
    )


def results_table(rows: list[Row]) -> Table:
    """One line per row; ratios are the other side's time over ours, so more is better."""
    table = Table(
        box=box.SIMPLE_HEAD, title="ratio: the other side's time over ours [8 of 10 rounds]"
    )
    table.add_column("case", no_wrap=True)
    for name in (
        "threads",
        "ours ms",
        "peer ms",
        "ratio",
        "control",
        "target",
        "error",
        "others",
        "MiB",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.case,
            str(row.threads),
            f"{row.ours_ms:.3g}",
            f"{row.peer_ms:.3g}",
            verdict(row),
            _spread(row.control),
            "-" if row.target is None else f"{row.target:.2f}",
            "-" if row.error is None else f"{row.error:.0e}",
            "-" if row.busy is None else f"{row.busy:.1f}",
            _memory(row),
        )
    return table


def verdict(row: Row) -> str:
    """Give the ratio with its spread, red below the target."""
    text = _spread(row.ratio)
    if row.target is None:
        return text
    return f"[{'green' if row.ratio.median >= row.target else 'red'}]{text}[/]"


def comparison_table(found: list[tuple[Case, int, Spread, Spread]], base: str) -> Table:
    """One line per case; ratios are our time over the base's, so more is worse."""
    table = Table(box=box.SIMPLE_HEAD, title=f"times slower than at {base} [8 of 10 rounds]")
    table.add_column("case", no_wrap=True)
    for name in ("threads", "slower", "control", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    for case, threads, ratio, control in found:
        said = "[red]slower[/red]" if slower(ratio, control) else "-"
        table.add_row(case.name, str(threads), _spread(ratio), _spread(control), said)
    return table


def _spread(found: Spread) -> str:
    return f"{found.median:.2f} \\[{found.low:.2f}-{found.high:.2f}]"


def _memory(row: Row) -> str:
    if row.memory_mib is None:
        return "-"
    ours, peer = row.memory_mib
    if not peer:  # less than what can be told from nothing
        return "-"
    text = f"{ours:.0f}/{peer:.0f}={ours / peer:.2f}"
    if row.memory_target is None:
        return text
    return f"[{'green' if ours / peer <= row.memory_target else 'red'}]{text}[/]"
