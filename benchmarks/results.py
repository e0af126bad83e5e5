"""Results as they are stored: one file per machine, one row per case, thread count and malloc."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.clock import Spread


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured case.

    Parameters
    ----------
    case
        Name of the case.
    family
        Its heading.
    against
        The other side in words.
    sizes
        Its sizes.
    threads
        Threads of torch.
    malloc
        What freed memory does while times are taken.
    commit
        Of the library.
    error
        Of our result, see the case's check; None where there is nothing to compare.
    ours_ms
        Median time of ours.
    peer_ms
        Median time of the other side.
    ratio
        Times that the other side takes as long, with the spread over rounds.
    control
        The same for our side against itself.
    rounds
        Samples behind the medians.
    busy
        Cores that other processes kept busy meanwhile; None where the system does not say.
    target
        Least ratio wanted on one thread; on more it is 1.
    memory_mib
        Peak memory of our side and of the other.
    memory_target
        Greatest share of the other side's peak memory.
    """

    case: str
    family: str
    against: str
    sizes: dict[str, int]
    threads: int
    malloc: str
    commit: str
    error: float | None
    ours_ms: float
    peer_ms: float
    ratio: Spread
    control: Spread
    rounds: int
    busy: float | None = None
    target: float | None = None
    memory_mib: tuple[float, float] | None = None
    memory_target: float | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        """What a later measurement replaces."""
        return self.case, self.threads, self.malloc

    @property
    def memory_ratio(self) -> float | None:
        """Our peak memory over the other side's."""
        return self.memory_mib[0] / self.memory_mib[1] if self.memory_mib else None


@dataclass
class Results:
    """All rows of one machine."""

    machine: dict[str, Any]
    versions: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def has(self, case: str, threads: int, malloc: str) -> bool:
        """Say whether this was measured."""
        return any(row.key == (case, threads, malloc) for row in self.rows)

    def add(self, row: Row) -> None:
        """Put a row in the place of an older one of the same case, or at the end."""
        for place, old in enumerate(self.rows):
            if old.key == row.key:
                self.rows[place] = row
                return
        self.rows.append(row)

    def write(self, path: Path) -> None:
        """Write JSON with a row per line, so that a change of one row is a change of one line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        head = json.dumps({"machine": self.machine, "versions": self.versions}, indent=1)
        rows = ",\n".join("  " + json.dumps(_plain(row)) for row in self.rows)
        path.write_text(f'{head[:-2]},\n "rows": [\n{rows}\n ]\n}}\n', encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read what `write` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        rows = [_row(values) for values in stored["rows"]]
        return cls(stored["machine"], stored["versions"], rows)


def _plain(row: Row) -> dict[str, Any]:
    """Give a row as plain data, with four digits: more would be noise."""
    return {key: _rounded(value) for key, value in asdict(row).items() if value is not None}


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return float(f"{value:.4g}")
        case dict():
            return {key: _rounded(item) for key, item in value.items()}
        case tuple():
            return [_rounded(item) for item in value]
    return value


def _row(values: dict[str, Any]) -> Row:
    values = {"error": None} | values
    for key in ("ratio", "control"):
        values[key] = Spread(**values[key])
    if "memory_mib" in values:
        ours, peer = values["memory_mib"]
        values["memory_mib"] = (ours, peer)
    return Row(**values)
