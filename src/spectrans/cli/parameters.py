"""Arguments and options that several commands have, with their help.

A default of None stands for the library's own, which cannot be read here without importing torch.
The help names it, and a test compares the two.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from spectrans.cli import completion

Run = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="Folder that train, compare or search wrote.",
        autocompletion=completion.runs,
    ),
]
_MIXERS = "Mixers of the layers, as in 3xgfnet,attention"
Plan = Annotated[
    str | None,
    typer.Option(
        "--plan",
        "-p",
        help=f"{_MIXERS}.",
        show_default="3xgfnet,attention",
        autocompletion=completion.plans,
    ),
]
Plans = Annotated[
    list[str] | None,
    typer.Option(
        "--plan",
        "-p",
        help=f"{_MIXERS}; once for each plan.",
        show_default="five plans",
        autocompletion=completion.plans,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        help="Embedded data set (see [bold]spectrans data[/bold]), a .csv, .tsv, .jsonl, .parquet "
        "or .npz file, or a folder.",
        show_default="digits",
        autocompletion=completion.data,
    ),
]
Task = Annotated[
    str | None,
    typer.Option(
        help="For files: classification, multi-label, regression, token-classification or "
        "masked-lm.",
        show_default="guessed",
    ),
]
Text = Annotated[
    str | None,
    typer.Option(help="For files: column of the text or sequence.", show_default="guessed"),
]
Label = Annotated[
    list[str] | None,
    typer.Option(
        help="For files: column of the label; once for each of several.", show_default="guessed"
    ),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        help="For texts in files: byte; bpe, wordpiece or word, trained on the data; or a "
        "tokenizer.json.",
        show_default="byte",
    ),
]
VocabSize = Annotated[
    int | None,
    typer.Option(help="Pieces of a tokenizer that is trained, at most.", show_default="4096"),
]
MaxLength = Annotated[
    int | None,
    typer.Option(help="For files: cut longer rows to these tokens.", show_default="1024 for texts"),
]
Dedup = Annotated[
    bool, typer.Option("--dedup", help="For files: leave out rows that repeat another's input.")
]
DataSeed = Annotated[
    int | None,
    typer.Option(
        "--data-seed", min=0, help="Decides which row is in which split.", show_default="0"
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="tiny (4 layers of 64 channels), small (6 of 256) or base (12 of 768); the next three "
        "options overrule it.",
        show_default="tiny",
    ),
]
Layers = Annotated[
    int | None, typer.Option(help="Layers; the plan is repeated over them.", show_default="4")
]
HiddenDim = Annotated[int | None, typer.Option(help="Channels of a token.", show_default="64")]
Heads = Annotated[
    int | None, typer.Option(help="Heads of mixers that have heads.", show_default="4")
]
Positions = Annotated[
    str | None,
    typer.Option(
        "--positions",
        help="How the model knows token order: sinusoidal, learned, rotary, alibi or none.",
        show_default="sinusoidal",
    ),
]
Norm = Annotated[
    str | None,
    typer.Option(
        "--norm", help="Norms before (pre) or after (post) each addition.", show_default="pre"
    ),
]
Epochs = Annotated[
    int | None, typer.Option(help="Passes over the training rows.", show_default="8")
]
Steps = Annotated[int | None, typer.Option(help="Optimiser steps, in the place of --epochs.")]
Minutes = Annotated[
    float | None,
    typer.Option(help="Minutes of training and evaluations, in the place of --epochs."),
]
BatchSize = Annotated[int | None, typer.Option(help="Rows per optimiser step.", show_default="16")]
Accumulate = Annotated[
    int | None,
    typer.Option(help="Parts in which a step's rows are done; more need less memory."),
]
_RATE = "Peak learning rate, by default less for wider models, as 1 / channels"
LearningRate = Annotated[
    float | None,
    typer.Option("--learning-rate", "--lr", help=f"{_RATE}.", show_default="0.004"),
]
LearningRates = Annotated[
    list[float] | None,
    typer.Option(
        "--learning-rate",
        "--lr",
        help=f"{_RATE}; of several, each plan gets the best one on validation.",
        show_default="0.004",
    ),
]
ClassWeights = Annotated[
    str | None,
    typer.Option(help="balanced: rare classes count as much as common ones.", show_default="none"),
]
Patience = Annotated[
    int | None,
    typer.Option(help="Stop after this many evaluations (epochs) without a better one."),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="float32, bfloat16, or auto: bfloat16 where the machine is faster with it.",
        show_default="auto",
    ),
]
Tensorboard = Annotated[
    bool,
    typer.Option(
        "--tensorboard", help="Also write the curves of each run for TensorBoard, into its folder."
    ),
]
Together = Annotated[int, typer.Option("--batch-size", min=1, help="Rows computed together.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder for the result.", show_default="runs/<data>-<number>"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing on the way, only the result.")
]


# Settings of a run whose options have shorter names.
SHORT = {
    "num_layers": "layers",
    "num_heads": "heads",
    "positional_encoding_type": "positions",
    "norm_position": "norm",
}


def given(**values: Any) -> dict[str, Any]:
    """Give the options that the user set."""
    return {name: value for name, value in values.items() if value is not None}


def data_settings(
    data: str | None,
    task: str | None,
    text: str | None,
    label: list[str] | None,
    tokenizer: str | None,
    vocab_size: int | None,
    max_length: int | None,
    dedup: bool,
    data_seed: int | None,
) -> dict[str, Any]:
    """Give the settings of a `DataSpec` that the user set."""
    return given(
        source=data,
        task=task,
        text=text,
        label=tuple(label) if label else None,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        max_length=max_length,
        dedup=dedup or None,
        seed=data_seed,
    )
