"""The command line: verbs around the library, each with help, `--json` and clear refusals.

Nothing here imports torch before a command runs, so that help and refusals come at once.
"""

import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from spectrans.cli.commands import data
from spectrans.cli.commands.bench import bench
from spectrans.cli.commands.compare import compare
from spectrans.cli.commands.doctor import doctor
from spectrans.cli.commands.evaluate import evaluate
from spectrans.cli.commands.export import export
from spectrans.cli.commands.inspect import inspect
from spectrans.cli.commands.plans import plans
from spectrans.cli.commands.predict import predict
from spectrans.cli.commands.report import report
from spectrans.cli.commands.search import search
from spectrans.cli.commands.sensitivity import sensitivity
from spectrans.cli.commands.serve import serve
from spectrans.cli.commands.train import train
from spectrans.cli.sentences import Interrupted, Unsaved, reason, sentence, tell
from spectrans.disk import is_unwritable
from spectrans.processes import is_main
from spectrans.version import __version__

# Threads that wait for each other let the processor go. By default they keep it busy: on two cores,
# one of them at work elsewhere, a training step on two threads took 1.9 to 2.5 times as long as on
# one, with this 1.0 to 1.2 times, and no longer where both cores were free. OpenMP reads it when
# torch is loaded.
_WAITING = ("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    help="Find, train and use hybrid spectral-attention encoders for sequences.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with [bold]spectrans compare[/bold]: real data inside, some minutes, two cores.",
)
app.command()(compare)
app.command()(search)
app.command()(train)
app.command()(predict)
app.command()(evaluate)
app.command()(inspect)
app.command()(export)
app.command()(bench)
app.command()(serve)
app.command()(report)
app.command()(sensitivity)
app.add_typer(data.app, name="data")
app.command()(plans)
app.command()(doctor)


def _show_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"spectrans {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line of this process and exit.

    docs/commands.md has the exit codes. Whatever ends a command early is said in one sentence on
    standard error; only a fault of this program shows a traceback.
    """
    os.environ.setdefault(*_WAITING)
    try:
        code = app(prog_name="spectrans", standalone_mode=False)
        if code == Interrupted.exit_code:
            # typer answers Ctrl-C with this code and no word.
            tell("interrupted")
    except TyperException as error:
        # Of several processes one talks.
        if is_main():
            tell(sentence(error))
        code = error.exit_code
    except OSError as error:
        full = is_unwritable(error)
        # Whatever else is written says where.
        nameless = full and not error.filename
        tell(f"{'standard output: ' if nameless else ''}{reason(error)}")
        if nameless:
            # Python would try once more at its end, and end with another code.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = Unsaved.exit_code if full else 1
    sys.exit(code or 0)
