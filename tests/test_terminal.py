"""Pages that show what commands print."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.terminal import Shell, anew, commands

PAGE = "before\n```console\n$ {}\nold output\n```\nafter\n"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


@pytest.mark.parametrize(
    ("command", "output"),
    [("echo new", "new\n"), ("printf no-end", "no-end\n"), ("true", ""), ("sleep 60 &", "")],
)
def test_a_page_gets_what_its_command_prints(shell: Shell, command: str, output: str) -> None:
    found = anew(PAGE.format(command), shell)
    assert found == PAGE.format(command).replace("old output\n", output)


def test_commands_share_a_folder_and_a_shell(shell: Shell, tmp_path: Path) -> None:
    shell.run("name=here; echo text > file")
    assert shell.run("cat file; echo $name") == "text\nhere\n"
    assert (tmp_path / "file").exists()


def test_a_command_that_fails_ends_the_run_with_its_output(shell: Shell) -> None:
    with pytest.raises(SystemExit, match=r"(?s)ls nothing.*nothing.*ended with code [12]"):
        anew(PAGE.format("ls nothing"), shell)


def test_a_command_may_go_on_in_the_next_line() -> None:
    assert commands("$ one \\\n  two\nits output\n$ three\n") == ["one \\\n  two", "three"]
