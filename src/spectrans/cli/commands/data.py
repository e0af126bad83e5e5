"""The signatures and help of `spectrans data`."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from spectrans.cli import completion, parameters


class _ListByDefault(TyperGroup):
    """A group whose bare name lists what there is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        bare = not args or (args[0].startswith("-") and args[0] not in ("-h", "--help"))
        # A shell that completes asks what there is, and wants no default.
        if bare and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ListByDefault,
    rich_markup_mode="rich",
    help="""List the embedded data sets ([bold]--json[/bold] too), or check data of your own.

    Example: [bold]spectrans data check reviews.csv[/bold]
    """,
)


@app.command("list")
def listing(as_json: parameters.Json = False) -> None:
    """List the data sets that come with the library.

    Example: [bold]spectrans data list --json[/bold]
    """
    from spectrans.cli.verbs import datasets as verb

    verb.run(as_json)


@app.command()
def check(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="File or folder, or a task that comes with the library.",
            autocompletion=completion.data,
        ),
    ],
    task: parameters.Task = None,
    text: parameters.Text = None,
    label: parameters.Label = None,
    tokenizer: parameters.Tokenizer = None,
    vocab_size: parameters.VocabSize = None,
    max_length: parameters.MaxLength = None,
    dedup: parameters.Dedup = False,
    data_seed: parameters.DataSeed = None,
    baselines: Annotated[
        bool,
        typer.Option("--baselines", help="Score what needs no neural network, too."),
    ] = False,
    as_json: parameters.Json = False,
) -> None:
    """Read a data set as train and compare would, and say what is wrong or strange.

    Ends with exit code 2 if it cannot be trained on as it is.

    Example: [bold]spectrans data check reviews.csv --text text --label stars[/bold]
    """
    from spectrans.cli.verbs import check as verb

    settings = parameters.data_settings(
        source, task, text, label, tokenizer, vocab_size, max_length, dedup, data_seed
    )
    verb.run(settings, baselines, as_json)
