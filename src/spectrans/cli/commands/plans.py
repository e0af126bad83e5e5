"""The signature and help of `spectrans plans`."""

from typing import Annotated

import typer

from spectrans.cli import completion, parameters


def plans(
    layouts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PLAN]...",
            help="Plans to draw, as 3xgfnet,attention or fnet-top-2; none lists what there is.",
            autocompletion=completion.plans,
        ),
    ] = None,
    layers: parameters.Layers = None,
    hidden_dim: parameters.HiddenDim = None,
    heads: parameters.Heads = None,
    length: Annotated[int, typer.Option(min=1, max=2**20, help="Tokens of a row.")] = 512,
    as_json: parameters.Json = False,
) -> None:
    """List mixers and layouts, or draw plans with what each layer holds and costs.

    Example: [bold]spectrans plans 3xgfnet,attention --length 2048[/bold]
    """
    from spectrans.cli.verbs import plans as verb

    settings = parameters.given(num_layers=layers, hidden_dim=hidden_dim, num_heads=heads)
    verb.run(layouts or [], settings, length, as_json)
