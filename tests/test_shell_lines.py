"""Every line for a shell that a document shows is one that its command takes, and runs."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from benchmarks.terminal import Shell
from tests.cli.command import spectrans, write_table
from tests.shell_lines import COMMAND, DOCUMENTS, KINDS, fences, read_line

LINES = [
    pytest.param(line, id=f"{document.name}-{line[:40]}")
    for document in DOCUMENTS
    for fence in fences(document)
    for line in fence.lines
]
INLINE = sorted(
    {line for d in DOCUMENTS for line in re.findall(r"`(spectrans [^`\n]+)`", d.read_text("utf-8"))}
)
MODULES = sorted(
    {
        line
        for d in DOCUMENTS
        for line in re.findall(r"`(python -m benchmarks\.[^`\n]+)`", d.read_text("utf-8"))
    }
)
# Takes hours, wherever it stands.
LONG = "python -m benchmarks.quality"
RUN = {d: [f for f in fences(d) if f.run and f.lines and LONG not in f.lines[0]] for d in DOCUMENTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_a_fence_says_what_it_holds(document: Path) -> None:
    known = {"python", "diff", "yaml", *KINDS}
    assert {fence.kind for fence in fences(document)} <= known
    assert all(fence.lines for fence in fences(document) if fence.kind in KINDS)


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_one_that_its_command_takes(line: str) -> None:
    read_line(line)


@pytest.mark.parametrize(
    "line",
    ["spectrans train --dta x", "spectrans trian", "python -m benchmarks.pages --fiel", "make tset",
     "pip install -e .[hff]", "ls; spectrans data chck x > file", "lss", "python examples/no.py",
     "torchrun --nnodes 2 -m spectrans train --no", "srun bash -c 'spectrans predcit'"],
)  # fmt: skip
def test_a_line_that_its_command_refuses_is_found(line: str) -> None:
    with pytest.raises((AssertionError, KeyError, SystemExit, TyperException)):
        read_line(line)


@pytest.mark.parametrize("line", INLINE)
def test_commands_and_options_in_a_sentence_exist(line: str) -> None:
    words = shlex.split(line)[1:]
    command = COMMAND
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    known |= {"--install-completion", "--help"}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("line", MODULES)
def test_a_benchmark_in_a_sentence_is_one_that_it_takes(line: str) -> None:
    read_line(line)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the table and the runs that the pages speak of."""
    folder = tmp_path_factory.mktemp("prepared")
    write_table(folder / "reviews.csv")
    shutil.copy(folder / "reviews.csv", folder / "new.csv")
    for name, data in (("reviews", "reviews.csv"), ("digits", "digits")):
        asked = ("train", "--data", data, "--plan", "gfnet,attention", "--steps", "2")
        answer = spectrans(*asked, "--out", f"runs/{name}-001", folder=folder)
        assert answer.code == 0, answer.err
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("document", [d for d in RUN if RUN[d]], ids=lambda p: p.name)
def test_the_lines_of_a_document_run(document: Path, prepared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(prepared, tmp_path / "folder")
    shell = Shell(folder)
    try:
        for line in (line for fence in RUN[document] for line in fence.lines):
            shell.run(line)
    finally:
        shell.close()
