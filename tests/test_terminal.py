"""Pages that show what commands print."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import terminal
from benchmarks.process import ROOT
from benchmarks.terminal import KEPT, Shell, anew, commands, screens, take_pictures

PAGE = "before\n```console\n$ {}\nold output\n```\nafter\n"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("echo 'new   '; echo b", "new\nb\n"),
        ("printf no-end", "no-end\n"),
        ("true", ""),
        ("sleep 60 &", ""),
    ],
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


def test_what_a_page_shows_is_kept_with_its_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.format("echo new"), "utf-8")
    monkeypatch.setattr(terminal, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(sys, "argv", ["terminal", str(page), "--folder", str(tmp_path)])
    terminal.main()
    kept = json.loads((tmp_path / "kept" / "page.json").read_text("utf-8"))
    assert kept.pop("screens") == ["$ echo new\nnew\n"]
    assert kept.keys() == {"commit", "machine", "versions", "cores taken by others"}


def test_a_picture_that_the_commands_made_takes_the_place_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, images = tmp_path / "made" / "figures", tmp_path / "images"
    made.mkdir(parents=True)
    images.mkdir()
    monkeypatch.setattr(terminal, "IMAGES", images)
    for name in ("one.png", "unshown.png"):
        (made / name).write_text("new")
    for name in ("one.png", "other.png"):
        (images / name).write_text("old")
    page = "![a picture](images/one.png) ![of elsewhere](images/other.png)"
    assert take_pictures(page, tmp_path / "made") == [made / "one.png"]
    found = {file.name: file.read_text() for file in images.iterdir()}
    assert found == {"one.png": "new", "other.png": "old"}


def test_pages_show_what_was_kept() -> None:
    kept = {file.stem: json.loads(file.read_text("utf-8")) for file in KEPT.glob("*.json")}
    pages = {page.stem: screens(page.read_text("utf-8")) for page in ROOT.glob("docs/*.md")}
    shown = {name: fences for name, fences in pages.items() if fences}
    assert shown == {name: file["screens"] for name, file in kept.items()}
