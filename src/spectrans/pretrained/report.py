"""What an import read, what it left, and what is new."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

# A run of layers is printed as one line.
_NUMBER = re.compile(r"(?<=[._/])\d+(?=[./])")


@dataclass(frozen=True)
class Report:
    """The account of one import; `str(report)` is made to be read.

    Parameters
    ----------
    source
        What was read.
    kind
        The family it was recognised as.
    architecture
        The class that wrote it, if the source says.
    model
        Our class.
    head
        Our `output_type`.
    mapped
        For each tensor of ours the names of theirs and what was done to them.
    left
        For each tensor of theirs that was not read the reason.
    new
        Tensors of ours that the source does not have.
    remarks
        What else to know.
    """

    source: str
    kind: str
    architecture: str | None
    model: str
    head: str
    mapped: Mapping[str, tuple[tuple[str, ...], str]]
    left: Mapping[str, str]
    new: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def renamed(self, called: Mapping[str, str]) -> "Report":
        """Give the report with other names for some of theirs."""
        mapped = {
            ours: (tuple(called.get(name, name) for name in theirs), how)
            for ours, (theirs, how) in self.mapped.items()
        }
        left = {called.get(name, name): reason for name, reason in self.left.items()}
        return replace(self, mapped=mapped, left=left)

    def __str__(self) -> str:
        """Give the report as text, layers of one kind in one line."""
        written = f" ({self.architecture})" if self.architecture else ""
        lines = [
            f"{self.source}: {self.kind}{written} -> {self.model}, output_type={self.head!r}",
            f"read {len(self.mapped)} tensors",
            *_table(
                (_folded(ours), _folded(" + ".join(theirs)) + (f" ({how})" if how else ""))
                for ours, (theirs, how) in self.mapped.items()
            ),
        ]
        if self.new:
            lines += ["new, with the first values of a new model", *(f"  {n}" for n in self.new)]
        if self.left:
            lines.append(f"left {len(self.left)} tensors")
            lines += _table((_folded(name), reason) for name, reason in self.left.items())
        return "\n".join([*lines, *(f"note: {remark}" for remark in self.remarks)])


def _folded(name: str) -> str:
    return _NUMBER.sub("*", name)


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    distinct = list(dict.fromkeys(rows))
    width = max((len(first) for first, _ in distinct), default=0)
    return [f"  {first.ljust(width)}  {second}" for first, second in distinct]
