"""Every line for a shell that a document shows is one that its command takes, and runs."""

import csv
import os
import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from benchmarks.terminal import Shell
from tests.cli.command import spectrans, write_table
from tests.made_runs import saved_run
from tests.repository_copy import copied
from tests.shell_lines import COMMAND, DOCUMENTS, KINDS, REASONS, ROOT, fences, read_line
from tests.shorter_lines import SHORTER, STOPPED, shorter

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
RUN = {d: [line for f in fences(d) if not f.reason for line in f.lines] for d in DOCUMENTS}


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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_what_is_not_run_has_one_of_the_known_reasons(document: Path) -> None:
    text = document.read_text("utf-8")
    assert {fence.reason for fence in fences(document)} <= {None, *REASONS}
    assert text.count("\n<!-- not run") == sum(
        fence.reason is not None for fence in fences(document)
    )


@pytest.mark.parametrize("long", [long for long, _ in SHORTER])
def test_what_is_shortened_stands_on_a_page(long: str) -> None:
    assert any(re.search(long, line) for lines in RUN.values() for line in lines)


def test_what_is_stopped_stands_on_the_page_of_long_runs() -> None:
    assert set(STOPPED) <= set(RUN[ROOT / "docs" / "scale.md"])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the tables and the runs that the pages speak of."""
    folder = copied(tmp_path_factory.mktemp("prepared"))
    git = ["git", "-c", "user.name=-", "-c", "user.email=-"]
    for asked in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *asked], cwd=folder, check=True)
    write_table(folder / "reviews.csv")
    write_snippets(folder)
    learned = ("--plan", "gfnet,attention", "--steps", "2", "--out", "runs/digits-001")
    answer = spectrans("train", "--data", "digits", *learned, folder=folder)
    assert answer.code == 0, answer.err
    saved_run(folder / "runs" / "languages-001", "languages64")
    return folder


def write_snippets(folder: Path) -> None:
    """Write sentences with the scores that people gave, as in the archive that a page unpacks."""
    scores = {"red": 2.5, "green": -1.25, "blue": 0.25}
    with (folder / "reviews.csv").open(encoding="utf-8") as table:
        rows = [(scores[row["label"]], row["text"]) for row in csv.DictReader(table)]
    lines = [f"{number}_1\t{score}\t{text}\n" for number, (score, text) in enumerate(rows)]
    (folder / "hutto_ICWSM_2014").mkdir()
    file = folder / "hutto_ICWSM_2014" / "movieReviewSnippets_GroundTruth.txt"
    file.write_text("".join(lines), "utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("document", [d for d in RUN if RUN[d]], ids=lambda p: p.name)
def test_the_lines_of_a_document_run(
    document: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What runs in the copy is none of what a measurement of coverage is about.
    for name in [name for name in os.environ if name.startswith("COV")]:
        monkeypatch.delenv(name)
    shell = Shell(shutil.copytree(prepared, tmp_path / "folder", symlinks=True))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    try:
        for line in RUN[document]:
            shell.run(shorter(line, port))
    finally:
        shell.close()
