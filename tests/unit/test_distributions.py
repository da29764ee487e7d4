"""Two distributions from one checkout: what runs at a utility, and the sample utility, which adds its commands where it is."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wattmark import __version__, cli
from wattmark.errors import WattmarkError
from wattmark.settings import PROJECT_ROOT


def test_one_version_stands_everywhere() -> None:
    sample = tomllib.loads((PROJECT_ROOT / "sample" / "pyproject.toml").read_text())["project"]
    assert sample["version"] == __version__
    assert f"wattmark=={__version__}" in sample["dependencies"]
    assert f"WATTMARK_VERSION:-{__version__}" in (PROJECT_ROOT / "docker-compose.yaml").read_text()
    assert version("wattmark") == version("wattmark-sample") == __version__


def imported(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_nothing_that_runs_at_a_utility_imports_the_sample() -> None:
    files = [
        file
        for folder in ("src", "dags", "plugins", "migrations")
        for file in (PROJECT_ROOT / folder).rglob("*.py")
    ]
    assert len(files) > 100
    assert [
        str(file) for file in files if any(name.startswith("wattmark_sample") for name in imported(file))
    ] == []
    assert "sample" not in (PROJECT_ROOT / "Dockerfile").read_text()


def test_an_installed_sample_brings_its_commands() -> None:
    assert "sample" in {point.name for point in entry_points(group=cli.COMMANDS)}
    done = subprocess.run(
        [sys.executable, "-m", "wattmark", "audit", "score", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "--sample" in done.stdout


@pytest.mark.parametrize("arguments", [["sample", "--out", "x"], ["quickstart"], ["sample", "--help"]])
def test_without_it_a_command_says_what_to_install(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = typer.Typer()
    bare.command("other")(lambda: None)
    monkeypatch.setattr(cli, "app", bare)
    monkeypatch.setattr(cli, "entry_points", lambda group: ())
    cli._mount_others()
    ended = CliRunner().invoke(bare, arguments)
    assert isinstance(ended.exception, WattmarkError)
    assert ended.exception.code == "cli.not_installed"
    assert f"wattmark {arguments[0]} comes with the sample utility" in ended.exception.message
    assert "make setup" in ended.exception.remedy
