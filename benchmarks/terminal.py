"""Run the commands that a page shows, and put what they print under them.

python -m benchmarks.terminal docs/first-five-minutes.md

A fence of the kind `console` holds lines that begin with `$ ` and what they printed. All of a page
are typed into one shell, in the folder given by --folder or in a new one, and their output takes
the place of the old; benchmarks/results/pages keeps it too, with the commit and the machine. A
command that ends with another code than 0 stops the run, and nothing is written; one that ends with
`&` goes on in the background until the page is done. A picture of docs/images that the page shows
is replaced by the file of its name that the commands made, if they made one.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import Others, commit, machine, versions
from benchmarks.process import ROOT

KEPT = ROOT / "benchmarks" / "results" / "pages"
IMAGES = ROOT / "docs" / "images"
PICTURE = re.compile(r"\]\(images/([^/)]+)\)")
FENCE = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
PROMPT = "$ "
_END = "-- done "
# A command that says nothing for so long has failed.
PATIENCE = 1800


class Shell:
    """One shell that runs commands one after the other and gives what each prints."""

    def __init__(self, folder: Path) -> None:
        # First the programs of this environment; and no colours, in lines of 100 characters.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            ["timeout", str(PATIENCE), "bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> str:
        """Run a command and give its output, errors included."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\ncode=$?; echo; echo '{_END}'$code\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_END):
                code = line.removeprefix(_END).strip()
                # The line that `echo` began.
                output = "".join(lines).removesuffix("\n")
                if code != "0":
                    raise SystemExit(f"{command}\n{output}\nended with code {code}")
                return output
            lines.append(line)
        raise SystemExit(f"{command}\n{''.join(lines)}\nended the shell")

    def close(self) -> None:
        """End the shell and what it left in the background."""
        self._process.communicate("kill $(jobs -p) 2>/dev/null; wait; exit\n", timeout=60)


def anew(page: str, shell: Shell) -> str:
    """Give a page with the output of its commands made anew."""

    def typed(fence: re.Match[str]) -> str:
        shown = []
        for command in commands(fence[1]):
            print(f"$ {command}", flush=True)
            # Tables fill their columns with spaces.
            output = re.sub(r" +$", "", shell.run(command), flags=re.M)
            shown.append(f"{PROMPT}{command}\n{output.rstrip()}".rstrip() + "\n")
        return f"```console\n{''.join(shown)}```"

    return FENCE.sub(typed, page)


def screens(page: str) -> list[str]:
    """Give what the fences of a page show."""
    return FENCE.findall(page)


def commands(fence: str) -> list[str]:
    """Give the commands of a fence; a line that ends with a backslash goes on in the next."""
    found: list[str] = []
    for line in fence.splitlines():
        if found and found[-1].endswith("\\"):
            found[-1] += f"\n{line}"
        elif line.startswith(PROMPT):
            found.append(line.removeprefix(PROMPT))
    return found


def take_pictures(page: str, folder: Path) -> list[Path]:
    """Replace the pictures of a page that its commands made, and give where these lie."""
    made = [file for name in PICTURE.findall(page) for file in sorted(folder.rglob(name))[:1]]
    for file in made:
        shutil.copyfile(file, IMAGES / file.name)
    return made


def main() -> None:
    """Make the pages that are named anew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pages", type=Path, nargs="+", metavar="PAGE")
    parser.add_argument("--folder", type=Path, help="where to run; by default a new folder")
    asked = parser.parse_args()
    for page in asked.pages:
        folder = asked.folder or Path(tempfile.mkdtemp(prefix="spectrans-"))
        shell, others = Shell(folder), Others(os.getpid())
        try:
            written = anew(page.read_text("utf-8"), shell)
        finally:
            shell.close()
        busy = others.busy()
        page.write_text(written, "utf-8")
        taken = "".join(f", {file.name}" for file in take_pictures(written, folder))
        origin = {"commit": commit(), "machine": machine(), "versions": versions()}
        kept = {**origin, "cores taken by others": busy, "screens": screens(written)}
        text = json.dumps(kept, indent=1, ensure_ascii=False)
        KEPT.mkdir(exist_ok=True)
        (KEPT / f"{page.stem}.json").write_text(f"{text}\n", "utf-8")
        print(f"wrote {page}{taken}; what the commands made is in {folder}")


if __name__ == "__main__":
    main()
