"""What make says where the wrong Python is at hand, and that it leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from wattmark.settings import PROJECT_ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone without a .venv, and a folder for interpreters."""
    (tmp_path / "bin").mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-setup.lock"):
        shutil.copy(PROJECT_ROOT / name, tmp_path)
    return tmp_path


def interpreter(checkout: Path, version: str, *, venv: bool = True) -> None:
    """A python3 that says it is of a version; it makes a .venv where it is asked to, as the real one does."""
    file = checkout / "bin" / "python3"
    file.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *version_info*) echo {version};; *ensurepip*) exit {0 if venv else 1};;\n'
        '"-m venv .venv") mkdir -p .venv/bin; echo broken > .venv/made; exit 1;; *) exit 1;; esac\n'
    )
    file.chmod(0o755)


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=checkout, env={"PATH": path, "HOME": str(checkout)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("version", ["3.10", "3.9", "2.7", "3.14"])
@pytest.mark.parametrize("target", ["setup", "run", "test"])
def test_another_python_makes_no_venv_and_is_told(checkout: Path, version: str, target: str) -> None:
    interpreter(checkout, version)
    ended = make(checkout, target)
    assert ended.returncode != 0
    assert f"python3 is Python {version}, but 3.11 to 3.13 is needed" in ended.stderr
    assert f"make PYTHON=python3.12 {target}" in ended.stderr
    assert not (checkout / ".venv").exists()


def test_no_python_is_told(checkout: Path) -> None:
    ended = make(checkout, "setup", "PYTHON=no-such-python")
    assert ended.returncode != 0
    assert "There is no no-such-python" in ended.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_told(checkout: Path) -> None:
    interpreter(checkout, "3.12", venv=False)
    ended = make(checkout, "setup")
    assert ended.returncode != 0
    assert "install its package venv" in ended.stderr
    assert not (checkout / ".venv").exists()


def test_a_venv_that_cannot_be_made_is_taken_away(checkout: Path) -> None:
    interpreter(checkout, "3.12")
    assert make(checkout, "setup").returncode != 0
    assert not (checkout / ".venv").exists()


def test_a_venv_of_another_python_is_told(checkout: Path) -> None:
    interpreter(checkout, "3.12")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    old = checkout / ".venv" / "bin" / "python"
    old.write_text("#!/bin/sh\necho 3.10\n")
    old.chmod(0o755)
    ended = make(checkout, "setup")
    assert ended.returncode != 0
    assert "Delete .venv first" in ended.stderr
