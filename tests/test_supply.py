"""What is given away: built, complete, and nothing that does not belong there."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from benchmarks.licences import PAGE, rows

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    return folder


def tracked() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def test_the_source_distribution_holds_what_is_tracked_and_nothing_else(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    known = tracked()
    assert names - {"PKG-INFO"} <= known
    assert {name for name in known if name.startswith("src/")} <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "pyproject.toml"} <= names


def test_no_file_of_a_distribution_is_a_secret_or_a_program(built: Path) -> None:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("METADATA"))
        described = archive.read(metadata).decode()
    odd = re.compile(r"\.(so|dll|exe|pyd|pem|key|pkl|pickle|pt|bin|env|sh)$|(^|/)\.")
    assert [name for name in names if odd.search(name)] == []
    assert f"Name: {PROJECT['name']}" in described
    assert "License-File: LICENSE" in described


def test_only_a_few_libraries_are_needed() -> None:
    needed = {re.split(r"[\[>=<]", line)[0] for line in PROJECT["dependencies"]}
    assert len(needed) <= 11
    # What starts programs, speaks to servers or pulls in others is an extra.
    assert not needed & {"transformers", "datasets", "requests", "fastapi", "pandas", "lightning"}
    assert all(re.search(r">=\d", line) for line in PROJECT["dependencies"])


def test_every_version_of_a_development_environment_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==[\w.+!-]+( *[;#].*)?", line)] == []


def test_the_page_of_licences_lists_every_library_that_a_user_installs() -> None:
    assert set(rows()) <= set(PAGE.read_text("utf-8").splitlines())


def test_no_library_forbids_what_ours_allows() -> None:
    strong = re.compile(r"\b(A?GPL|SSPL|proprietary|non-?commercial)\b", re.I)
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert len(lines) > 15
    assert [line for line in lines if strong.search(line) and "LGPL" not in line] == []


@pytest.mark.slow
def test_a_wheel_in_a_fresh_environment_trains_and_answers(built: Path, tmp_path: Path) -> None:
    """With the libraries of this environment, which is where a fresh one would get them from."""
    (wheel,) = built.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    python = str(tmp_path / "env" / "bin" / "python")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    where = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    # All but this project itself, which is installed here as well.
    libraries = Path(next(p for p in sys.path if p.endswith("site-packages")))
    for child in libraries.iterdir():
        if "spectrans" not in child.name.lower() and not (Path(where) / child.name).exists():
            (Path(where) / child.name).symlink_to(child)
    try_out(tmp_path / "env", tmp_path)


def try_out(environment: Path, folder: Path) -> None:
    """Train and answer with what is installed in an environment, and with nothing else."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    sizes = ["-p", "gfnet", "--layers", "1", "--hidden-dim", "8", "--heads", "2", "--steps", "2"]
    for words in (["--version"], ["train", *sizes, "-o", "run"], ["predict", "run", "-e", "0"]):
        done = subprocess.run(
            [str(environment / "bin" / "spectrans"), *words],
            cwd=folder, env=clean, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    python = str(environment / "bin" / "python")
    shown = subprocess.run(
        [python, "-c", "import spectrans; print(spectrans.__file__)"],
        cwd=folder, env=clean, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.startswith(str(environment))


def runs(python: str, version: str) -> bool:
    """Whether a command is Python of a version; one of pyenv may be there and not run."""
    asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def interpreter(version: str) -> str:
    """The first Python of a version, on the path or of pyenv."""
    usual = shutil.which(f"python{version}")
    pyenv = Path.home() / ".pyenv" / "versions"
    others = sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/python"))
    for python in [usual, *others] if usual else others:
        if runs(python, version):
            return python
    pytest.skip(f"there is no Python {version} here")


@pytest.mark.slow
@pytest.mark.skipif(
    "SPECTRANS_PYTHONS" not in os.environ,
    reason="downloads torch for each version: `make test-pythons`",
)
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_each_python_installs_what_is_built_and_trains_and_answers(
    version: str, built: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "env"
    subprocess.run([interpreter(version), "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    (wheel,) = built.glob("*.whl")
    done = subprocess.run(
        [*pip, *constraints, "--only-binary", "torch", f"{PROJECT['name']}[hf] @ file://{wheel}"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "No matching distribution found for torch" in done.stderr:
        pytest.skip(f"there is no torch for Python {version} here")
    assert done.returncode == 0, done.stderr
    try_out(environment, tmp_path)
    (source,) = built.glob("*.tar.gz")
    again = [*pip, *constraints, "--force-reinstall", "--no-deps", str(source)]
    subprocess.run(again, cwd=tmp_path, capture_output=True, check=True)
    shutil.rmtree(tmp_path / "run")
    try_out(environment, tmp_path)
