"""The page of commands: each is there, and its example is one that the command takes."""

import re
import shlex
from pathlib import Path

import pytest

from tests.shell_lines import COMMAND, read_spectrans

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
LINES = re.findall(r"^\|.*`(spectrans [^`]*)` \|$", PAGE, re.M)


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_one_that_the_command_takes(line: str) -> None:
    read_spectrans(shlex.split(line)[1:])


def test_every_command_has_a_line() -> None:
    assert COMMAND.commands.keys() <= {line.split()[1] for line in LINES}
