"""Score what needs no neural network on the tasks that come with the library.

python -m benchmarks.baselines [NAME ...]

NAME is one of the table in docs/tasks.md, options included; all of them by default. The scores are
stored in benchmarks/results/baselines.json, and the page's table is written from there.
"""

import argparse
import json
import re
import shlex
from typing import Any

from benchmarks.process import ROOT
from spectrans.data import DataSpec, load
from spectrans.data.baselines import baselines

PAGE = ROOT / "docs" / "tasks.md"
STORED = ROOT / "benchmarks" / "results" / "baselines.json"
ROW = re.compile(r"^\| `(.+?)` \| ([\w ]+) \| (\S+(?: %)?) \| (\S*(?: %)?) \|$", re.M)
# What the letter in a name stands for.
SIZES = {"Z": "train=4000&validation=1000&test=2000"}


def spec(name: str) -> DataSpec:
    """Give the data that a name of the table stands for."""
    source, *options = shlex.split(name)
    for letter, meaning in SIZES.items():
        source = re.sub(rf"(?<=[?&]){letter}$", meaning, source)
    settings: dict[str, Any] = {}
    for option, value in zip(options[::2], options[1::2], strict=True):
        field = option.removeprefix("--").replace("-", "_")
        settings[field] = int(value) if value.isdigit() else value
    return DataSpec(source=source, **settings)


def scored(name: str) -> dict[str, float]:
    """Give the deciding figure of every baseline of a task, by the name of the baseline."""
    data = load(spec(name))
    return {found.name: found.value(data.task) for found in baselines(data)}


def filled(page: str, stored: dict[str, dict[str, float]]) -> str:
    """Give the page with the numbers of its table as stored."""

    def anew(row: re.Match[str]) -> str:
        if row[1] not in stored:
            return row[0]
        cells = [f"{value:.1%}".replace("%", " %") for value in stored[row[1]].values()]
        if row[2] == "perplexity":
            cells = [f"{value:.1f}" for value in stored[row[1]].values()]
        return f"| `{row[1]}` | {row[2]} | {' | '.join(cells)} |"

    return ROW.sub(anew, page)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    page = PAGE.read_text("utf-8")
    shown = [row[1] for row in ROW.finditer(page)]
    names = parser.parse_args().names or shown
    stored = json.loads(STORED.read_text("utf-8")) if STORED.exists() else {}
    for name in names:
        stored[name] = scored(name)
        print(name, stored[name], flush=True)
        stored = {name: stored[name] for name in shown if name in stored}
        STORED.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
    PAGE.write_text(filled(page, stored), "utf-8")


if __name__ == "__main__":
    main()
