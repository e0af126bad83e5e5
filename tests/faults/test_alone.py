"""Machines that are offline, bare, or written to by nobody: the first run works, and asks no one."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.cli.command import COMMAND, write_table
from tests.cli.made import make_run
from tests.faults.watched import alone, commands, environment

SIZES = (
    "-p",
    "gfnet,attention",
    "--layers",
    "2",
    "--hidden-dim",
    "8",
    "--heads",
    "2",
    "--steps",
    "2",
)


def test_the_look_out_sees_a_connection(tmp_path: Path) -> None:
    done = alone("import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')", tmp_path)
    assert done.returncode == 1
    assert "PermissionError: socket.getaddrinfo" in done.stderr


def test_the_look_out_sees_a_connection_of_a_process_that_is_started(tmp_path: Path) -> None:
    ask = "import socket; socket.create_connection(('127.0.0.1', 9))"
    start = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {ask!r}]))"
    done = alone(start, tmp_path)
    assert done.returncode == 1
    assert "PermissionError: socket.getaddrinfo" in done.stderr


def test_importing_any_part_of_the_library_speaks_to_nobody(tmp_path: Path) -> None:
    program = """
import importlib, pkgutil, sys, spectrans
for module in pkgutil.walk_packages(spectrans.__path__, "spectrans."):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as missing:
        # Of an extra that is not installed.
        assert not missing.name.startswith("spectrans")
print(len([name for name in sys.modules if name.startswith("spectrans.")]))
"""
    done = alone(program, tmp_path, HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 150
    assert list(tmp_path.iterdir()) == []


BARE = {
    "offline": {"HOME": "{home}"},
    "told to be offline": {"HOME": "{home}", "HF_HUB_OFFLINE": "1"},
    "no home": {},
    "a home that is not there": {"HOME": "/nonexistent/home"},
    "no locale": {"HOME": "{home}", "LANG": "C", "LC_ALL": "C"},
    "narrow": {"HOME": "{home}", "COLUMNS": "40", "TERM": "dumb"},
}


# The one that takes the most away, in short.
SHORT = {"no home"}


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param(variables, id=name, marks=[] if name in SHORT else [pytest.mark.slow])
        for name, variables in BARE.items()
    ],
)
def test_the_first_run_works_and_speaks_to_nobody(
    variables: dict[str, str], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    write_table(tmp_path / "colours.csv")
    settings = {name: value.format(home=home) for name, value in variables.items()}
    for words in (
        ("train", "--data", "colours.csv", *SIZES, "-o", "run"),
        ("predict", "run", "abc red \N{SNOWMAN}"),
    ):
        done = commands(words, folder=tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "arning" not in done.stderr
    assert (tmp_path / "run" / "report.html").exists()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run on texts, as it is before training, with its data beside it."""
    make_run(tmp_path / "run", source=str(write_table(tmp_path / "colours.csv")))
    return tmp_path / "run"


EVERY: dict[str, tuple[tuple[str, ...], ...]] = {
    "reading": (
        ("evaluate", "run", "--data", "colours.csv"),
        ("inspect", "run"),
        ("report", "run"),
        ("data", "check", "colours.csv"),
        ("data", "list"),
        ("plans", "gfnet,attention"),
        ("doctor",),
    ),
    "compare": (
        ("compare", "--data", "colours.csv", "-p", "fourier", "-p", "attention", *SIZES[2:], "--seeds", "1", "--jobs", "2", "-o", "compared"),
        ("report", "compared"),
    ),
    "export": (("export", "run", "--to", "both", "-o", "exported"),),
}  # fmt: skip
# Minutes of a busy machine.
SLOW = {"compare", "export"}


@pytest.mark.parametrize(
    "several",
    [
        pytest.param(several, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name, several in EVERY.items()
    ],
)
def test_no_command_speaks_to_anybody(several: tuple[tuple[str, ...], ...], run: Path) -> None:
    done = commands(*several, folder=run.parent, HOME=str(run.parent))
    assert done.returncode == 0, done.stderr
    assert "PermissionError" not in done.stderr


def test_a_server_answers_those_who_ask_and_asks_nobody(run: Path) -> None:
    # It looks up its own address.
    variables = environment(HOME=str(run.parent), WATCHED_HOSTS="127.0.0.1")
    with subprocess.Popen(
        [*COMMAND, "serve", "run", "--port", "0", "--json", "-q"],
        cwd=run.parent, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        place = json.loads(server.stdout.readline())["predict"]
        body = json.dumps({"input": "abc red"}).encode()
        asked = Request(place, body, {"content-type": "application/json"})
        with urlopen(asked) as answer:
            assert json.load(answer)
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=60)
    assert (server.returncode, said) == (0, "")


IDENTITY = """
from spectrans.export.runtime import runner
import torch
from onnx import TensorProto, helper
ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", ends[:1], ends[1:])
opsets = [helper.make_opsetid("", 17)]
model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
print(runner(model.SerializeToString())({"x": torch.ones(1)}))
"""


def test_onnxruntime_is_kept_from_reporting_its_use(tmp_path: Path) -> None:
    # What it sends is not Python's to see; what it would send is kept in a file at home.
    done = alone(IDENTITY, tmp_path, HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "tensor([1.])\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="mounts as Linux does")
@pytest.mark.slow
def test_a_library_on_a_disk_that_is_read_only_works(tmp_path: Path) -> None:
    write_table(tmp_path / "colours.csv")
    source = Path(__file__).parents[2] / "src"
    words = " ".join(("train", "--data", "colours.csv", *SIZES, "-q", "-o", "run"))
    script = f"""
mount --bind {source} {source} && mount -o remount,bind,ro {source} || exit 77
! touch {source}/spectrans/touched 2>/dev/null || exit 78
{sys.executable} -m spectrans {words}
"""
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("nothing can be mounted here")
    assert (done.returncode, done.stderr) == (0, "")
