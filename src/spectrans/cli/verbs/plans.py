"""List mixers and layouts, and draw plans."""

import inspect
import json
from dataclasses import asdict
from typing import Any

import torch
import typer
from rich.console import Console
from rich.table import Table

from spectrans.cli.sentences import refusing
from spectrans.cli.strip import bars, letter, strip
from spectrans.cli.terminal import result
from spectrans.mixers import MIXERS
from spectrans.models import HybridTransformer
from spectrans.models.summary import Summary
from spectrans.plan import pattern_names
from spectrans.training import families
from spectrans.training.spec import RunSpec

# What every plan is measured against.
REFERENCE = "attention"
# Needs more than two layers.
DEEP = "fnet-top-2"


def run(plans: list[str], settings: dict[str, Any], length: int, as_json: bool) -> None:
    """Draw the plans that are named, or list what plans are made of."""
    with refusing():
        depth = RunSpec(**{**settings, "plan": REFERENCE}).num_layers
        named = {
            name: _layouts(name, depth)
            for name in plans or families.USUAL
            if plans or depth > 2 or name != DEEP
        }
        drawn = {
            plan: summarise(plan, settings, length) for some in named.values() for plan in some
        }
        every = summarise(REFERENCE, settings, length)
    if as_json:
        written = {"plans": [{"plan": plan, **asdict(s)} for plan, s in drawn.items()]}
        listed = {} if plans else {"mixers": _mixers(settings, length), "patterns": pattern_names()}
        typer.echo(json.dumps({**listed, **written}, ensure_ascii=False))
        return
    console = result()
    if not plans:
        titles = {plan: name for name, (plan, *_) in named.items()}
        _list(console, drawn, titles, _mixers(settings, length))
        return
    for plan, summary in drawn.items():
        console.print(strip(layer.mixer for layer in summary.layers), f" {plan}")
        for line in bars(summary.layers):
            console.print(line, soft_wrap=True)
        console.print(f"  {_cost(summary)}, {summary.flops / every.flops:.0%} of attention's\n")


def _layouts(name: str, depth: int) -> tuple[str, ...]:
    """Give the plans that a name stands for: those of a family, or the plan itself."""
    family = ("-" in name and "(" not in name) or name in ("all", "even", *families.BASES)
    return families.layouts(name, depth) if family else (RunSpec(plan=name, num_layers=depth).plan,)


def summarise(plan: str, settings: dict[str, Any], length: int) -> Summary:
    """Count what a plan holds and costs, without weights.

    Parameters
    ----------
    plan
        A layout.
    settings
        Of a `RunSpec`: layers, channels, heads.
    length
        Tokens of a row.

    Returns
    -------
    Summary
        Of its blocks.
    """
    spec = RunSpec(plan=plan, **settings)
    with torch.device("meta"):
        model = HybridTransformer(
            hidden_dim=spec.hidden_dim,
            num_layers=spec.num_layers,
            num_heads=spec.num_heads,
            max_sequence_length=length,
            ffn_hidden_dim=round(spec.ffn_ratio * spec.hidden_dim),
            alternation_pattern="custom",
            layer_types=spec.plan,
        )
    return model.summary(length)


def _mixers(settings: dict[str, Any], length: int) -> list[dict[str, Any]]:
    """Say what each mixer is and what a layer of it costs."""
    found = []
    for name, options in MIXERS.items():
        described = inspect.getdoc(options) or ""
        layer = summarise(name, settings, length).layers[0]
        found.append(
            {
                "mixer": name,
                "kind": options.kind,
                "computes": described.split("\n")[0].partition(": ")[2].rstrip("."),
                "parameters": layer.mixer_parameters,
                "flops": layer.mixer_flops,
            }
        )
    return found


def _list(
    console: Console,
    drawn: dict[str, Summary],
    titles: dict[str, str],
    mixers: list[dict[str, Any]],
) -> None:
    length = next(iter(drawn.values())).sequence_length
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "mixer", "kind", "parameters", f"MFLOP for {length:,} tokens", "computes"):
        table.add_column(title, justify="right" if title[:1] in "pM" and title else "left")
    for row in mixers:
        cost = (f"{row['parameters']:,}", f"{row['flops'] / 1e6:,.1f}")
        table.add_row(letter(row["mixer"]), row["mixer"], row["kind"], *cost, row["computes"])
    console.print(table)
    console.print("\nA plan is mixers between commas, with counts, repeated over the layers:\n")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("layers", "family", "plan", "cost of the blocks"):
        table.add_column(title)
    for plan, summary in drawn.items():
        cells = strip(layer.mixer for layer in summary.layers)
        table.add_row(cells, titles[plan], plan, _cost(summary))
    console.print(table)
    console.print(f"\nIn Python also the patterns {', '.join(pattern_names())}.", style="dim")


def _cost(summary: Summary) -> str:
    parameters = sum(layer.parameters for layer in summary.layers)
    per_token = summary.flops / summary.sequence_length / 1e6
    return f"{parameters:,} parameters, {per_token:.3f} MFLOP per token"
