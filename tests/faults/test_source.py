"""What the code of the library never does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "spectrans"


def names(tree: ast.AST) -> dict[str, str]:
    """What the names that a file imports stand for."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return found


def calls(path: Path) -> Iterator[tuple[Path, str, ast.Call]]:
    """Every call of a file, with the whole name of what is called."""
    tree = ast.parse(path.read_text("utf-8"))
    known = names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, dot, rest = ast.unparse(node.func).partition(".")
            yield path, known.get(first, first) + dot + rest, node


CALLS = [call for path in sorted(SOURCE.rglob("*.py")) for call in calls(path)]
IMPORTS = {
    (path.relative_to(SOURCE).as_posix(), name.split(".")[0])
    for path in sorted(SOURCE.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    for name in (
        [alias.name for alias in node.names]
        if isinstance(node, ast.Import)
        else [node.module or ""]
        if isinstance(node, ast.ImportFrom)
        else []
    )
}


def called(*names: str) -> Iterator[str]:
    """Where one of these is called."""
    for path, name, call in CALLS:
        if name in names:
            yield f"{path.relative_to(SOURCE)}:{call.lineno} {name}"


def keyword(call: ast.Call, name: str) -> str | None:
    found = [ast.unparse(k.value) for k in call.keywords if k.arg == name]
    return found[0] if found else None


def test_nothing_that_runs_text_or_unpickles_is_called() -> None:
    runs = ("eval", "exec", "compile", "__import__", "os.system", "os.popen")
    unpickles = ("pickle.load", "pickle.loads", "dill.load", "joblib.load", "marshal.loads")
    loads = ("shelve.open", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all")
    assert list(called(*runs, *unpickles, *loads, "torch.jit.load")) == []
    assert not [use for use in IMPORTS if use[1] in ("pickle", "marshal", "shelve", "dill")]


@pytest.mark.parametrize(
    ("function", "argument", "value"),
    [("torch.load", "weights_only", "True"), ("numpy.load", "allow_pickle", "False")],
)
def test_a_loader_is_told_to_run_nothing(function: str, argument: str, value: str) -> None:
    found = [call for _, name, call in CALLS if name == function]
    assert found
    assert {keyword(call, argument) for call in found} == {value}
    # Nor is anything else that knows this argument.
    assert {keyword(call, argument) for _, _, call in CALLS} == {value, None}


def test_yaml_is_read_by_the_safe_loader() -> None:
    from yaml import SafeLoader

    from spectrans.config.text import _Loader

    found = [ast.unparse(call) for _, name, call in CALLS if name == "yaml.load"]
    assert found == ["yaml.load(text, _Loader)"]
    assert issubclass(_Loader, SafeLoader)


def test_no_shell_and_no_code_from_elsewhere() -> None:
    said = {(k.arg, ast.unparse(k.value)) for _, _, call in CALLS for k in call.keywords if k.arg}
    assert ("shell", "True") not in said
    assert ("trust_remote_code", "True") not in said


def test_only_the_server_and_the_hub_know_of_the_network() -> None:
    network = {"socket", "urllib", "http", "requests", "httpx", "aiohttp", "ftplib", "smtplib",
               "websockets", "uvicorn", "fastapi", "starlette", "huggingface_hub"}  # fmt: skip
    users = {path.split("/")[0] for path, name in IMPORTS if name in network}
    assert users == {"serving", "hf"}
