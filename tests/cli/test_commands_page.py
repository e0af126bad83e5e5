"""The page of commands: each is there, and its example is one that the command takes."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from spectrans.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
LINES = re.findall(r"`(spectrans [^`]*)`", PAGE)
COMMAND: Any = typer.main.get_command(app)


def parsed(command: Any, name: str, words: list[str]) -> tuple[Any, Any]:
    """The command that words name, and its context; options must exist and have values."""
    if hasattr(command, "commands") and words and not words[0].startswith("-"):
        return parsed(command.commands[words[0]], words[0], words[1:])
    return command, command.make_context(name, words)


@pytest.mark.parametrize("line", [line for line in LINES if "--install" not in line])
def test_a_line_is_one_that_the_command_takes(line: str) -> None:
    _, *words = shlex.split(line)
    command, context = parsed(COMMAND, "spectrans", words)
    assert command.name in words
    assert context.args == []


def test_every_command_has_a_line() -> None:
    shown = {line.split()[1] for line in LINES}
    assert COMMAND.commands.keys() <= shown
