"""Machines that are offline, bare, or written to by nobody: the first run works, and asks no one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import write_table
from tests.faults.watched import alone

RUN = """
from spectrans.cli import main
sys.argv = ["spectrans", *{words!r}]
main()
"""
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


def test_importing_any_part_of_the_library_speaks_to_nobody(tmp_path: Path) -> None:
    program = """
import importlib, pkgutil, spectrans
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
        done = alone(RUN.format(words=words), tmp_path, **settings)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert "arning" not in done.stderr
    assert (tmp_path / "run" / "report.html").exists()


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
