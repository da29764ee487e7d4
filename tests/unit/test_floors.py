"""The house stands on its floors: what may import what, and where paths and private names belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wattmark.settings import PROJECT_ROOT

SOURCE = PROJECT_ROOT / "src" / "wattmark"


def test_nothing_imports_upwards_or_in_a_circle() -> None:
    """The contracts stand in pyproject.toml; a new package without a floor breaks them."""
    # In a process of its own: it sets up logging for all, which silences the loggers that are there.
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool, "--config", PROJECT_ROOT / "pyproject.toml", "--no-cache"],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def modules(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield str(path.relative_to(PROJECT_ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names_reached(module: ast.Module) -> list[str]:
    """Private names of other modules of the project that a module imports or asks a module for."""
    own = [
        (node.module, name)
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").split(".")[0] in ("wattmark", "wattmark_sample")
        for name in node.names
    ]
    imported = {name.asname or name.name for _, name in own}
    return [f"{module}.{name.name}" for module, name in own if private(name.name)] + [
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and private(node.attr)
        and isinstance(node.value, ast.Name)
        and node.value.id in imported
    ]


@pytest.mark.parametrize("folder", ["src", "sample/src", "dags", "plugins", "benchmarks", "tools"])
def test_no_private_name_is_reached_from_another_module(folder: str) -> None:
    found = {
        path: names for path, tree in modules(PROJECT_ROOT / folder) if (names := private_names_reached(tree))
    }
    assert not found


def test_a_private_name_that_is_reached_is_seen() -> None:
    text = "from wattmark import night\nfrom wattmark.lake import _one\nnight._two()\nself._three\n"
    assert private_names_reached(ast.parse(text)) == ["wattmark.lake._one", "night._two"]


def paths_below_a_home(module: ast.Module) -> list[str]:
    """Names that are put below a folder called ``home``."""
    return [
        str(node.right.value)
        for node in ast.walk(module)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and isinstance(node.right, ast.Constant)
        and (
            (isinstance(node.left, ast.Attribute) and node.left.attr == "home")
            or (isinstance(node.left, ast.Name) and node.left.id == "home")
        )
    ]


def test_where_things_lie_in_a_home_is_said_in_one_place() -> None:
    found = {
        path: names
        for path, tree in modules(SOURCE)
        if (names := paths_below_a_home(tree)) and path != "src/wattmark/home.py"
    }
    assert not found
    assert paths_below_a_home(ast.parse("one = settings.home / 'lists' / day\ntwo = home / day")) == ["lists"]


MODULE_LINES, FUNCTION_LINES = 500, 80


def too_long(path: str, text: str) -> list[str]:
    functions = [
        f"{path}:{node.name}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]
    return functions + ([path] if text.count("\n") > MODULE_LINES else [])


def test_no_module_and_no_function_is_longer_than_a_reader_can_hold() -> None:
    found = {
        name
        for path in SOURCE.rglob("*.py")
        if "sample" not in path.relative_to(SOURCE).parts
        for name in too_long(str(path.relative_to(PROJECT_ROOT)), path.read_text(encoding="utf-8"))
    }
    assert found == set()
    assert too_long("a.py", "def f():\n" + "    pass\n" * 80) == ["a.py:f"]
    assert too_long("a.py", "\n" * 501) == ["a.py"]
    assert too_long("a.py", "def f():\n" + "    pass\n" * 79 + "\n" * 420) == []
