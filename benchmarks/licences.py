"""List the libraries that a user installs, and their licences: python -m benchmarks.licences.

Writes docs/licences.md from the metadata of what is installed, for the dependencies of
pyproject.toml with the extras that users name, and everything that these need in turn.
"""

import re
import sys
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

from benchmarks.process import ROOT

PAGE = ROOT / "docs" / "licences.md"
OURS = "spectrans-hybrid"
# Extras for users; the others are for those who change the library.
EXTRAS = ("", "hf", "arrow", "serve", "onnx", "search", "track")
HEAD = """# Licences

What `pip install spectrans-hybrid` brings along, alone and with the extras of the table, and
the licence that each library names itself. `python -m benchmarks.licences` writes this page
from what is installed on Linux with the CPU build of torch; the build for CUDA brings libraries of
NVIDIA with licences of their own. The data sets that are included have theirs in
`src/spectrans/data/files/LICENSES.md`.

| library | needed for | licence |
|---|---|---|
"""


def needed(extra: str) -> set[str]:
    """Give the names of all libraries that an installation with an extra has."""
    found: set[str] = set()
    waiting = [(OURS, extra)]
    while waiting:
        name, own = waiting.pop()
        for text in metadata.requires(name) or ():
            wanted = Requirement(text)
            if wanted.marker is not None and not wanted.marker.evaluate({"extra": own}):
                continue
            key = canonical(wanted.name)
            if key in found or key == OURS:
                continue
            try:
                metadata.version(key)
            except metadata.PackageNotFoundError:
                continue
            found.add(key)
            waiting += [(key, chosen) for chosen in ("", *wanted.extras)]
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str) -> str:
    """Give the licence of a library in a few words."""
    about: Any = metadata.metadata(name)
    expression = about.get("License-Expression")
    kinds = [line for line in about.get_all("Classifier") or () if line.startswith("License :: ")]
    named = ", ".join(line.split(" :: ")[-1] for line in kinds)
    # Some give their whole licence in this field.
    whole = (about.get("License") or "").strip().splitlines()
    return expression or named or next(iter(whole), "") or "not named"


def rows() -> list[str]:
    """Give a line of the table for every library."""
    by_extra = {extra: needed(extra) for extra in EXTRAS}
    lines = []
    for name in sorted(set().union(*by_extra.values())):
        uses = [extra for extra in EXTRAS[1:] if name in by_extra[extra]]
        what = "everything" if name in by_extra[""] else ", ".join(uses)
        lines.append(f"| {name} | {what} | {licence(name)} |")
    return lines


def main() -> int:
    """Run the command."""
    PAGE.write_text(HEAD + "\n".join(rows()) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
