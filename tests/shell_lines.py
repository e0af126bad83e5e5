"""The lines for a shell that the documents show: found, taken apart, and read by their commands.

A fence of the kind `sh` holds commands; one of the kind `console` holds commands behind `$ ` and
what they print. The comment `<!-- not run: REASON -->` before a fence keeps the slow tests from
running it, for one of the `REASONS`.
"""

import argparse
import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pytest
import typer

from benchmarks.terminal import commands
from spectrans.cli import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
KINDS = ("sh", "console")
REASONS = {
    "needs the network",
    "needs several machines",
    "tests/test_add_a_mixer.py runs it in a copy with the edits",
}
FENCE = re.compile(r"(?:^<!-- not run: ([^\n]+) -->\n+)?^```([^\n]*)\n(.*?)^```$", re.M | re.S)
REDIRECTED = re.compile(r"(?<!\S)\d?[<>]+(&\d|\s*[\w./]+)")
COMMAND: Any = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.M))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]
# What the pages need of the system around them.
SYSTEM = {"awk", "cat", "cd", "curl", "do", "done", "echo", "git", "head", "ls", "sleep", "source", "tar", "tr", "until"}  # fmt: skip


class Fence(NamedTuple):
    """The commands of one fence."""

    kind: str
    lines: list[str]
    reason: str | None


def fences(document: Path) -> Iterator[Fence]:
    """Give the fences of a document in order."""
    for found in FENCE.finditer(document.read_text("utf-8")):
        reason, kind, text = found.groups()
        shown = text if kind == "console" else re.sub(r"^(?! )", "$ ", text, flags=re.M)
        lines = [line for line in commands(shown) if line.strip()] if kind in KINDS else []
        yield Fence(kind, lines, reason)


def programs(line: str) -> Iterator[list[str]]:
    """Give the words of every program that a line starts, without what goes to and from files."""
    alone = REDIRECTED.sub(" ", line.replace("\\\n", " "))
    lexer = shlex.shlex(alone, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if set(token) <= set(";&|"):
            yield from [words] if words else []
            words = []
        else:
            words.append(token)


def parsed(command: Any, name: str, words: list[str]) -> tuple[Any, Any]:
    """The command that words name, and its context; options must exist and have values."""
    if hasattr(command, "commands") and words and not words[0].startswith("-"):
        return parsed(command.commands[words[0]], words[0], words[1:])
    return command, command.make_context(name, words)


def read_spectrans(words: list[str]) -> None:
    """Refuse what `spectrans` would refuse before it begins."""
    command, context = parsed(COMMAND, "spectrans", words)
    assert command is not COMMAND
    assert context.args == []


class _ReadError(Exception):
    """A command has read its words."""


def read_benchmark(module: str, words: list[str]) -> None:
    """Refuse what a program of `benchmarks` would refuse, by the parser that it makes."""
    program = import_module(module)
    # One that reads no words would begin its work.
    if not hasattr(program, "argparse"):
        assert callable(program.main)
        assert not words
        return
    genuine = argparse.ArgumentParser.parse_args

    def stop(parser: Any, *given: Any) -> NoReturn:
        genuine(parser, *given)
        raise _ReadError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [module, *words])
        patch.setattr(argparse.ArgumentParser, "parse_args", stop)
        with pytest.raises(_ReadError):
            program.main()


def read_python(words: list[str]) -> None:
    """Read what a Python runs: a module of ours, or a file that exists."""
    if words[0] != "-m":
        assert (ROOT / words[0]).is_file()
    elif words[1].startswith("benchmarks."):
        read_benchmark(words[1], words[2:])
    elif words[1] == "spectrans":
        read_spectrans(words[2:])
    else:
        assert words[1] in ("pytest", "venv", "mkdocs")
        assert all((ROOT / word).exists() for word in words[2:] if word.startswith("tests"))


def read_pip(words: list[str]) -> None:
    """Refuse extras that do not exist."""
    for named in re.findall(r"\[([\w,-]+)\]", " ".join(words)):
        assert set(named.split(",")) <= EXTRAS.keys()


def read_make(words: list[str]) -> None:
    """Refuse targets that do not exist."""
    assert {word for word in words if "=" not in word} <= TARGETS


def read_launcher(words: list[str]) -> None:
    """Read what torchrun or srun start: a module, or a line for another shell."""
    if "-m" in words:
        read_python(words[words.index("-m") :])
    else:
        read_line(words[-1])


READERS: dict[str, Callable[[list[str]], None]] = {
    "spectrans": read_spectrans,
    "python": read_python,
    "pip": read_pip,
    "make": read_make,
    "torchrun": read_launcher,
    "srun": read_launcher,
}


def read_line(line: str) -> None:
    """Refuse a line that one of its programs would refuse."""
    for program, *words in programs(line):
        name = program.removeprefix(".venv/bin/")
        if name in READERS:
            READERS[name](words)
        else:
            assert name in SYSTEM or "=" in name or name.startswith("$"), name
