"""Every command, option, make target and link that a document or a page names is there."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from wattmark import cli
from wattmark.settings import PROJECT_ROOT

DOCUMENTS = sorted(
    [
        *PROJECT_ROOT.glob("*.md"),
        PROJECT_ROOT / "sample" / "README.md",
        *(PROJECT_ROOT / "docs").rglob("*.md"),
    ]
)
NAMING = [
    *DOCUMENTS,
    *(PROJECT_ROOT / "dags").glob("*.py"),
    *(PROJECT_ROOT / "src").rglob("*.py"),
    *(PROJECT_ROOT / "sample").rglob("*.py"),
    *(PROJECT_ROOT / "src").rglob("*.html"),
]
_COMMAND = re.compile(r"(?:\.venv/bin/|`|^|\$ |: |\()wattmark ((?:[a-z]|--)[^`\"'#|;\n]*)", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def root() -> Any:
    if not cli.app.registered_commands:
        cli.mount()
    return typer.main.get_command(cli.app)


def named() -> list[tuple[str, str]]:
    """Commands that files name, as they are written, with the file that names each first."""
    found: dict[str, str] = {}
    for path in NAMING:
        for written in _COMMAND.findall(path.read_text(encoding="utf-8")):
            found.setdefault(written.strip().rstrip(".,:"), str(path.relative_to(PROJECT_ROOT)))
    return sorted((written, path) for written, path in found.items())


def resolve(root: Any, words: list[str]) -> tuple[Any, list[str], list[str]]:
    """The command that words lead to, its path, and the words left over.

    Raises:
        KeyError: there is no such command.
    """
    command = root
    path: list[str] = []
    while hasattr(command, "commands") and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        command = command.commands[words[0]]
        path.append(words.pop(0))
    return command, path, words


def test_many_commands_are_named() -> None:
    assert len(named()) > 25
    assert {"check", "tidy", "down", "status"} <= {written.split()[0] for written, _ in named()}


@pytest.mark.parametrize(("written", "where"), named())
def test_a_named_command_is_there_with_its_options(root: Any, written: str, where: str) -> None:
    command, path, rest = resolve(root, written.split())
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    for word in rest:
        if word.startswith("--"):
            assert word.split("=")[0] in options, f"{where}: wattmark {written}"
    if path:
        assert helps(*path), f"{where}: wattmark {written}"


@cache
def helps(*path: str) -> bool:
    """Whether a command tells how it is used; asked once, as many documents name the same one."""
    return CliRunner().invoke(cli.app, [*path, "--help"]).exit_code == 0


def test_a_command_that_is_not_there_would_be_found(root: Any) -> None:
    with pytest.raises(KeyError):
        resolve(root, ["campain", "check"])
    with pytest.raises(KeyError):
        resolve(root, ["campaign", "chek"])
    command, path, rest = resolve(root, ["campaign", "check", "--hom", "x"])
    assert path == ["campaign", "check"] and rest == ["--hom", "x"]
    assert "--hom" not in {name for param in command.params for name in param.opts}


def test_named_make_targets_are_there() -> None:
    known = set(
        re.findall(r"^([a-z-]+):", (PROJECT_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for path in NAMING:
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert target in known, f"{path}: make {target}"


def test_make_help_lists_its_targets() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory", "-C", str(PROJECT_ROOT), "help"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert {"run", "test", "down", "setup"} <= {line.split()[0] for line in said.splitlines()}


@cache
def anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as they are rendered."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        plain = re.sub(r"[`*]", "", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for link in _LINK.findall(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (document.parent / target).resolve() if target else document
        assert file.exists(), f"{document}: {link}"
        if anchor:
            assert anchor in anchors(file), f"{document}: {link}"


def shown() -> list[tuple[str, str]]:
    """Command lines in blocks of code of the documents, comments left out, with the document that shows each."""
    found: dict[str, str] = {}
    for document in DOCUMENTS:
        for block in re.findall(
            r"^```\w*\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            for line in re.findall(r"^\s*(?:\.venv/bin/)?wattmark +(.*)$", block, re.MULTILINE):
                found.setdefault(re.sub(r"\s+#.*", "", line).strip(), str(document.relative_to(PROJECT_ROOT)))
    return sorted((written, path) for written, path in found.items())


def test_documents_show_commands() -> None:
    assert {"sample", "check", "run", "table", "golden", "bi-user"} <= {
        written.split()[0] for written, _ in shown()
    }


@pytest.mark.parametrize(("written", "where"), shown())
def test_a_shown_command_is_taken_word_for_word(
    root: Any, written: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that it needs is given, each value is of its option's kind, and nothing is left over."""
    (tmp_path / "state").mkdir()
    (tmp_path / "settings.yaml").touch()
    monkeypatch.setenv("WATTMARK_HOME", str(tmp_path))
    command, path, rest = resolve(root, written.replace("/path/to/home", str(tmp_path)).split())
    # The parameters' own checks run too; the command itself does not.
    context = command.make_context(" ".join(path), rest)
    assert context.args == [], f"{where}: wattmark {written}"
