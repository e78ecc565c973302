"""The house: modules import downwards only, no private name crosses a module, none is too long, and ruff is content."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nstlib

PACKAGE = Path(nstlib.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
#: From the ground up: a room uses only itself and rooms before it.
ROOMS = [
    "machine",
    "files",
    "arguments",
    "images",
    "color",
    "networks",
    "losses",
    "distances",
    "pyramid",
    "masks",
    "objectives",
    "optimize",
    "preparation",
    "regions",
    "transfer",
    "estimates",
    "plots",
] + ["experiments", "widgets", "checks", "commands", "__main__"]
LONGEST = 300  # lines of a module
MODULES = sorted(PACKAGE.rglob("*.py"))
ids = {"ids": lambda path: path.relative_to(PACKAGE).as_posix()}


def imports(path):
    """(module of nstlib, name or None, line) of each import, wherever it stands in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "nstlib":
            assert not node.level, "relative imports hide where a name comes from"
            yield from ((node.module, alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((a.name, None, node.lineno) for a in node.names if a.name.split(".")[0] == "nstlib")


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff(command):
    """Its settings stand in pyproject.toml, those of the lessons in notebooks/ruff.toml."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("an installed package, not a checkout")
    run = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr


def room(module):
    return module.split(".")[1] if "." in module else "nstlib"


def test_every_module_is_in_a_room():
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}
    assert found == {*ROOMS, "__init__"}


@pytest.mark.parametrize("path", MODULES, **ids)
def test_imports_go_down(path):
    if path == PACKAGE / "__init__.py":
        return
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module, _, line in imports(path):
        if module == "nstlib":  # the package itself, inside a function of a command: all its rooms are there by then
            assert own in ("commands", "__main__"), f"line {line}: import the room, not the whole package"
        else:
            assert ROOMS.index(room(module)) <= ROOMS.index(own), f"line {line}: {own} is below {room(module)}"


@pytest.mark.parametrize("path", MODULES, **ids)
def test_no_private_name_crosses_a_module(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for module, name, line in imports(path):
        private = [part for part in [*module.split("."), name or ""] if part.startswith("_") and part != "__main__"]
        assert not private, f"line {line}: {private}"
    modules = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            dunder = node.attr.startswith("__")
            assert dunder or not node.attr.startswith("_"), f"line {node.lineno}: {node.value.id}.{node.attr}"


@pytest.mark.parametrize("path", MODULES, **ids)
def test_no_module_is_too_long(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines"


def code_lines(path, name):
    """Lines of a function without its signature, its docstring, comments and empty lines."""
    text = path.read_text(encoding="utf-8")
    function = next(n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    lines = text.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def test_what_is_minimised_and_how_are_read_in_one_sitting():
    assert code_lines(PACKAGE / "transfer.py", "style_transfer") <= 40
    assert code_lines(PACKAGE / "optimize" / "loop.py", "descend") <= 40
    assert code_lines(PACKAGE / "optimize" / "run.py", "coarse_to_fine") <= 40
    assert code_lines(PACKAGE / "objectives" / "gatys.py", "gatys_objective") <= 60
