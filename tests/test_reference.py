"""The reference covers every public name, and each of them has a docstring."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import spectrans

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "spectrans"
PAGE = (ROOT / "docs" / "reference.md").read_text("utf-8")
# What a user imports from.
PACKAGES = (
    "config", "data", "export", "hf", "mixers", "models", "pretrained", "report", "search", "tasks",
    "training",
)  # fmt: skip
# A module, and the names of it that are shown where not all are.
DIRECTIVE = re.compile(r"^::: (\S+)\n((?: {4}.*\n)*)", re.M)


class Public(NamedTuple):
    """A public name, the package that gives it, and the module that defines it."""

    package: str
    name: str
    home: str


def public() -> Iterator[Public]:
    for package in (f"spectrans.{name}" for name in PACKAGES):
        file = SOURCE.parent / package.replace(".", "/") / "__init__.py"
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                given = (alias.name for alias in node.names if alias.asname == alias.name)
                yield from (Public(package, name, str(node.module)) for name in given)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                yield Public(package, node.name, package)


def shown() -> dict[str, list[str] | None]:
    found: dict[str, list[str] | None] = {}
    for module, options in DIRECTIVE.findall(PAGE + "\n"):
        found[module] = (yaml.safe_load(options) or {}).get("options", {}).get("members")
    return found


PUBLIC = list(public())
SHOWN = shown()
every_name = pytest.mark.parametrize("public", PUBLIC, ids=lambda p: f"{p.package}.{p.name}")


@every_name
def test_a_public_name_is_in_the_reference(public: Public) -> None:
    assert public.home in SHOWN
    members = SHOWN[public.home]
    assert members is None or public.name in members


@every_name
def test_a_public_name_has_a_docstring_and_so_has_each_method(public: Public) -> None:
    found: Any = getattr(import_module(public.package), public.name)
    described = inspect.isclass(found) or inspect.isfunction(found)
    methods = vars(found) if inspect.isclass(found) else {}
    ours = [name for name, m in methods.items() if inspect.isfunction(m) and name[0] != "_"]
    assert not described or inspect.getdoc(found)
    assert [name for name in ours if not inspect.getdoc(getattr(found, name))] == []


def test_the_names_of_the_package_are_among_them() -> None:
    saving = {"save_pretrained", "from_pretrained"}
    assert "spectrans.io" in SHOWN
    assert "MIXERS" in (SHOWN["spectrans.mixers"] or ())
    known = {public.name for public in PUBLIC} | saving | {"MIXERS", "__version__"}
    assert set(spectrans.__all__) <= known


@pytest.mark.parametrize("module", SHOWN)
def test_what_the_reference_shows_exists(module: str) -> None:
    found = import_module(module)
    assert all(hasattr(found, name) for name in SHOWN[module] or ())
