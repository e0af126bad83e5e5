"""What the repository promises its contributors: where things are, and which way imports point."""

import ast
import inspect
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spectrans import mixers
from spectrans.mixers import MIXERS, Dims
from tests.cases import CASES, GRIDS, VARIANTS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "spectrans"
MODULES = sorted(SOURCE.rglob("*.py"))
FOLDERS = ("src", "tests", "benchmarks", "examples", "scripts", "docs")
FILES = sorted(f for folder in FOLDERS for f in (ROOT / folder).rglob("*.py"))

# Tests and examples register mixers of their own.
OURS = sorted(k for k, v in MIXERS.items() if v.__module__.startswith("spectrans.mixers."))

# From the bottom up: a part imports from its own line and from the lines above it.
ORDER = (
    {"archives", "disk", "errors", "processes", "printable", "safefiles", "version"},
    {"options", "initialisation", "transforms", "sequences", "spill"},
    {"tensors"},
    {"positions", "packing", "linear"},
    {"mixers"},
    {"layout"},
    {"plan"},
    {"blocks", "heads"},
    {"config"},
    {"models"},
    {"io"},
    {"hf", "export"},
    {"pretrained"},
    {"tasks"},
    {"data"},
    {"training"},
    {"search"},
    {"report"},
    {"serving"},
    {"cli"},
    {"__main__"},
)
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}
# The methods `save_pretrained` and `from_pretrained` of a model are shortcuts to the functions.
SHORTCUTS = {("models", "io")}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_parts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("spectrans."))


def section(docstring: str, title: str) -> list[str]:
    """The names that a numpydoc section of a docstring describes."""
    found = re.search(rf"^{title}\n-+\n((?:[ \t]*\S.*\n?|\n(?!\S+\n-+))*)", docstring, re.M)
    return re.findall(r"^(\w+)", found[1], re.M) if found else []


@pytest.mark.parametrize("name", OURS)
def test_a_mixer_has_a_file_with_its_options_and_its_module(name: str) -> None:
    options = MIXERS[name]
    assert options.__module__ == f"spectrans.mixers.{name}"
    module = type(options().build(Dims(hidden_dim=64)))
    assert (module.__module__, module.__name__) == (options.__module__, f"{options.__name__}Mixer")


@pytest.mark.parametrize("name", OURS)
def test_a_mixer_is_exported_with_its_options(name: str) -> None:
    options = MIXERS[name]
    assert getattr(mixers, options.__name__) is options
    assert hasattr(mixers, f"{options.__name__}Mixer")


@pytest.mark.parametrize("name", OURS)
def test_a_mixer_has_a_literal_reference_and_a_row_in_the_cases(name: str) -> None:
    rows = [case for case in CASES if case.name == name]
    assert len(rows) == 1
    assert rows[0].reference.__module__ == f"tests.reference.{name}"


def test_every_file_of_a_mixer_is_in_the_list() -> None:
    defined = {
        item.name
        for path in (SOURCE / "mixers").glob("*.py")
        for item in ast.parse(path.read_text("utf-8")).body
        if isinstance(item, ast.ClassDef) and "MixerOptions" in map(ast.unparse, item.bases)
    }
    assert defined == {MIXERS[name].__name__ for name in OURS}


@pytest.mark.parametrize("name", OURS)
def test_a_mixer_has_a_row_for_every_option_that_changes_what_is_computed(name: str) -> None:
    varied = {
        option
        for case in CASES + VARIANTS + GRIDS
        if case.name == name
        for option, value in case.options
        if value != type(case.options).model_fields[option].default
    }
    # Routes to the same values are rows too; these are tested beside the mixers that have them.
    elsewhere = {"num_heads", "dropout", "seed"}
    assert MIXERS[name].model_fields.keys() - varied <= elsewhere


@pytest.mark.parametrize(
    "part", ["Normalisation", "Lengths", "Gradient", "Cost", "Source", "Tests"]
)
@pytest.mark.parametrize("name", OURS)
def test_a_mixer_is_explained_in_the_maths(name: str, part: str) -> None:
    page = (ROOT / "docs/maths.md").read_text("utf-8")
    sections = re.findall(rf"^## `{name}`\n\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    assert len(sections) == 1
    definition, *rest = sections[0].split("\n\n", 1)
    assert re.search(r"`y(_i)? = ", definition)
    assert f"\n- **{part}.** " in f"\n{rest[0]}"


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_is_at_most_320_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 320


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_is_named_for_what_it_holds(path: Path) -> None:
    words = {word for part in path.relative_to(ROOT).parts for word in re.split(r"[._]", part)}
    assert not words & {"util", "utils", "helper", "helpers", "common", "core", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_point_one_way(path: Path) -> None:
    me = part_of(path)
    if me == "__init__":
        pytest.skip("it gives the public names, from anywhere")
    upward = {
        part
        for part in imported_parts(ast.parse(path.read_text("utf-8")))
        if RANK[part] > RANK[me] and (me, part) not in SHORTCUTS
    }
    assert not upward


def test_every_part_has_a_place_in_the_order() -> None:
    assert {part_of(path) for path in MODULES} - {"__init__"} == RANK.keys()


def classes_with_fields() -> Iterator[tuple[str, list[str], list[str]]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                fields = [
                    item.target.id
                    for item in node.body
                    if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                    if not ast.unparse(item.annotation).startswith("ClassVar")
                ]
                own_init = any(getattr(item, "name", "") == "__init__" for item in node.body)
                docstring = ast.get_docstring(node) or ""
                # One line is enough for plain records, never for what a user sets.
                settings = any("Options" in ast.unparse(base) for base in node.bases)
                if fields and not own_init and (settings or "\n" in docstring):
                    described = section(docstring, "Parameters")
                    yield f"{relative(path)}:{node.name}", fields, described


def functions_that_raise() -> Iterator[tuple[str, set[str], set[str]]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                docstring = ast.get_docstring(node) or ""
                raised = {
                    ast.unparse(item.exc.func)
                    for item in ast.walk(node)
                    if isinstance(item, ast.Raise) and isinstance(item.exc, ast.Call)
                } - {"NotImplementedError"}
                if raised and "\n" in docstring:
                    described = set(section(docstring, "Raises"))
                    yield f"{relative(path)}:{node.name}", raised, described


def documented_functions() -> Iterator[tuple[str, list[str], list[str]]]:
    """The functions of the reference that take several arguments, and what is said of these."""
    page = (ROOT / "docs" / "reference.md").read_text("utf-8")
    for module, members in re.findall(
        r"^::: (\S+)(?:\n +options:\n +members: \[(.+)\])?", page, re.M
    ):
        home = import_module(module)
        names = members.split(", ") if members else [n for n in vars(home) if n[0] != "_"]
        for holder in (getattr(home, name) for name in names):
            if inspect.isfunction(holder) and (members or holder.__module__ == module):
                yield from described_arguments(holder, ())
            if inspect.isclass(holder) and (members or holder.__module__ == module):
                for name, member in vars(holder).items():
                    function = inspect.unwrap(getattr(member, "__func__", member))
                    # One that overrides another is described there.
                    if inspect.isfunction(function) and name[0] != "_":
                        yield from described_arguments(function, holder.__mro__[1:])


def described_arguments(
    function: Any, bases: tuple[type, ...]
) -> Iterator[tuple[str, list[str], list[str]]]:
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    given = inspect.signature(function).parameters.values()
    asked = [p.name for p in given if p.kind not in several and p.name not in ("self", "cls")]
    told = any("Parameters" in (getattr(b, function.__name__, None).__doc__ or "") for b in bases)
    # What every mixer may have is described in `Mixer`.
    if len(asked) > 1 and not told and function.__name__ != "forward_packed":
        described = section(inspect.getdoc(function) or "", "Parameters")
        yield f"{function.__module__}.{function.__qualname__}", asked, described


FIELDS = list(classes_with_fields())
RAISING = list(functions_that_raise())


@pytest.mark.parametrize(
    ("fields", "described"), [f[1:] for f in FIELDS], ids=[f[0] for f in FIELDS]
)
def test_every_field_is_described_in_order(fields: list[str], described: list[str]) -> None:
    assert described == fields


def test_every_argument_of_the_reference_is_described() -> None:
    found = list(documented_functions())
    assert len(found) > 50
    assert [name for name, asked, described in found if asked != described] == []


@pytest.mark.parametrize(
    ("raised", "described"), [r[1:] for r in RAISING], ids=[r[0] for r in RAISING]
)
def test_every_error_is_described(raised: set[str], described: set[str]) -> None:
    assert raised <= described


def loaded_by(program: str) -> set[str]:
    """The top-level packages that a new Python holds after running a program."""
    tail = "\nimport sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    run = [sys.executable, "-c", program + tail]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_package_loads_nothing_of_the_product_around_it() -> None:
    product = {"transformers", "accelerate", "datasets", "scipy", "matplotlib", "typer", "rich"}
    assert not loaded_by("import spectrans; spectrans.HybridTransformer") & product


def test_a_padded_batch_does_not_load_the_compiler() -> None:
    program = """
import spectrans, torch
model = spectrans.HybridEncoder(hidden_dim=8, num_layers=2)
model(inputs_embeds=torch.zeros(2, 3, 8), attention_mask=torch.tensor([[1, 1, 0], [1, 1, 1]]))
"""
    # torch's compiler doubles the time of an import, and is all that loads sympy.
    assert "sympy" not in loaded_by(program)


def test_help_answers_without_torch() -> None:
    program = """
import sys
from spectrans.cli import main
sys.argv = ["spectrans", "--help"]
try:
    main()
except SystemExit as done:
    assert not done.code
"""
    loaded = loaded_by(program)
    assert "typer" in loaded
    assert not loaded & {"torch", "transformers", "matplotlib"}


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("spectrans_hybrid-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    packed = {name for name in names if ".dist-info/" not in name}
    ignored = re.compile(r"__pycache__|\.pyc$")
    files = {f for f in SOURCE.rglob("*") if f.is_file() and not ignored.search(f.as_posix())}
    assert packed == {f.relative_to(SOURCE.parent).as_posix() for f in files}
    assert "spectrans/py.typed" in packed
    assert any(name.endswith("licenses/LICENSE") for name in names)
