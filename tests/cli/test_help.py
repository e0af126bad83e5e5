"""Help, and how soon it comes."""

import inspect
import subprocess
import sys
from collections.abc import Callable

import pytest

from spectrans.cli.commands import data
from spectrans.cli.commands.bench import bench
from spectrans.cli.commands.compare import compare
from spectrans.cli.commands.doctor import doctor
from spectrans.cli.commands.evaluate import evaluate
from spectrans.cli.commands.export import export
from spectrans.cli.commands.inspect import inspect as look_inside
from spectrans.cli.commands.plans import plans
from spectrans.cli.commands.predict import predict
from spectrans.cli.commands.report import report
from spectrans.cli.commands.search import search
from spectrans.cli.commands.sensitivity import sensitivity
from spectrans.cli.commands.serve import serve
from spectrans.cli.commands.train import train
from spectrans.cli.parameters import SHORT
from spectrans.data import DataSpec
from spectrans.data.intake import LONGEST_TEXT
from spectrans.data.tokenizer import VOCAB_SIZE
from spectrans.search import Search
from spectrans.search.request import TRIALS
from spectrans.serving.limits import Limits
from spectrans.training import Comparison, RunSpec
from tests.cli.command import spectrans

COMMANDS: dict[str, Callable[..., None]] = {
    "compare": compare,
    "train": train,
    "predict": predict,
    "serve": serve,
    "inspect": look_inside,
    "bench": bench,
    "report": report,
    "search": search,
    "sensitivity": sensitivity,
    "data": data.listing,
    "data list": data.listing,
    "data check": data.check,
    "export": export,
    "plans": plans,
    "evaluate": evaluate,
    "doctor": doctor,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_every_option(command: str) -> None:
    answer = spectrans(*command.split(), "--help")
    assert answer.code == 0
    assert f"Example: spectrans {command}" in answer.out
    names = inspect.signature(COMMANDS[command]).parameters.keys() & {
        "data", "task", "text", "label", "tokenizer", "dedup", "plan", "layers", "epochs", "steps", "seed", "seeds", "jobs", "out", "quiet", "file",
    }  # fmt: skip
    assert [name for name in names if f"--{name}" not in answer.out] == []
    assert "--json" in answer.out


def test_the_first_help_lists_all_commands() -> None:
    answer = spectrans("--help")
    assert answer.code == 0
    assert [name for name in COMMANDS if f" {name.split()[0]} " not in answer.out] == []


def test_help_and_refusals_of_the_parser_import_nothing_slow() -> None:
    program = (
        "import sys; from spectrans.cli import app; app(['compare', '--help'], standalone_mode=0);"
        "slow = {'torch', 'numpy', 'transformers', 'matplotlib', 'pywt', 'fastapi', 'uvicorn', 'optuna'} & set(sys.modules);"
        "sys.exit(f'imported {slow}' if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_version_is_that_of_the_package() -> None:
    import spectrans as package

    assert spectrans("--version").out == f"spectrans {package.__version__}\n"


@pytest.mark.parametrize("command", ["compare", "train"])
@pytest.mark.parametrize(
    "option",
    [
        *("num_layers", "hidden_dim", "num_heads", "positional_encoding_type", "norm_position"),
        *("epochs", "batch_size"),
    ],
)
def test_help_shows_the_defaults_that_hold(command: str, option: str) -> None:
    name = SHORT.get(option, option)
    annotation = inspect.signature(COMMANDS[command]).parameters[name].annotation
    assert annotation.__metadata__[0].show_default == str(getattr(RunSpec(), option))


def test_help_shows_the_defaults_of_data() -> None:
    def shown(option: str) -> object:
        parameters = inspect.signature(train).parameters
        return parameters[option].annotation.__metadata__[0].show_default

    assert shown("data") == DataSpec().source
    assert shown("data_seed") == str(DataSpec().seed)
    assert shown("vocab_size") == str(VOCAB_SIZE)
    assert shown("max_length") == f"{LONGEST_TEXT} for texts"


def test_help_shows_the_default_plan_and_learning_rates() -> None:
    def shown(command: str, option: str) -> object:
        parameters = inspect.signature(COMMANDS[command]).parameters
        return parameters[option].annotation.__metadata__[0].show_default

    assert shown("train", "plan") == RunSpec().plan
    assert shown("train", "learning_rate") == str(RunSpec().learning_rate)
    assert (shown("compare", "learning_rate"),) == tuple(map(str, Comparison().learning_rates))
    assert shown("compare", "plan") == "five plans"
    assert len(Comparison().plans) == 5


def test_help_shows_the_limits_of_a_server() -> None:
    parameters = inspect.signature(serve).parameters
    names = {"max_bytes": "body", "batch_size": "batch_rows"}
    shown = {
        names.get(name, name): parameters[name].annotation.__metadata__[0].show_default
        for name in ("queue", "rows", "max_bytes", "seconds", "batch_size", "batch_wait")
    }
    assert {name: float(text) for name, text in shown.items()} == Limits().model_dump(include=shown)


def test_help_shows_the_defaults_of_a_search() -> None:
    parameters = inspect.signature(search).parameters
    shown = {
        name: parameters[name].annotation.__metadata__[0].show_default
        for name in ("mixers", "attention", "seconds", "finalists", "seeds")
    }
    assert shown == {name: f"{getattr(Search(), name)}" for name in shown} | {"seconds": "2"}
    assert parameters["trials"].annotation.__metadata__[0].show_default.startswith(str(TRIALS))
