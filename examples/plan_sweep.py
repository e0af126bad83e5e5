"""Find where one layer of attention belongs: every place among filters, under one budget.

What `spectrans compare` does on the command line, from Python: the same rows, steps and seeds for
every plan, speed measured side by side, and one table.

Run: python examples/plan_sweep.py [steps]
"""

import sys
import tempfile

from rich.console import Console

from spectrans.data import load
from spectrans.data.baselines import baselines
from spectrans.report import rich_table, summarise
from spectrans.training import Comparison, RunSpec, compare, measure

LAYERS = 3
DATA = "digits12"


def plans() -> list[str]:
    """Give no attention, one layer of it at every place, and attention alone."""
    places = [["gfnet"] * LAYERS, ["attention"] * LAYERS]
    for place in range(LAYERS):
        layers = ["gfnet"] * LAYERS
        layers[place] = "attention"
        places.insert(-1, layers)
    return [",".join(layers) for layers in places]


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    data = load(DATA)
    shared = RunSpec(
        plan="gfnet", data={"source": DATA}, num_layers=LAYERS, hidden_dim=32, steps=steps
    )
    asked = Comparison(plans=plans(), seeds=(0,), shared=shared)
    with tempfile.TemporaryDirectory() as folder:
        found = compare(asked, folder, data, jobs=1)
    specs = [asked.spec(plan) for plan in asked.plans]
    costs = dict(zip(asked.plans, measure(specs, data, seconds=1), strict=True))
    Console(width=110).print(rich_table(summarise(found, data, baselines(data), costs)))


if __name__ == "__main__":
    main()
