"""YAML files with line numbers, so that an error can name the place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from wattmark.errors import SettingsError


def parse_yaml(text: str, name: str, first_line: int = 1) -> Any:
    """Parse YAML text into plain Python objects.

    Args:
        text: the document.
        name: the file it came from, for messages.
        first_line: the line of that file the text starts on.

    Raises:
        SettingsError: the text is not YAML; names file and line.
    """
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = first_line + (error.problem_mark.line if error.problem_mark else 0)
        raise SettingsError("yaml.syntax", f"{name}:{line}: {error.problem}.", "Correct the YAML.") from None


def read_yaml(path: Path) -> Any:
    """Read one YAML file into plain Python objects.

    Raises:
        SettingsError: the file is missing, or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError("yaml.unreadable", f"{path}: {error.strerror}.", "Check the path.") from None
    return parse_yaml(text, str(path))


def line_of(path: Path, keys: Sequence[str | int]) -> int | None:
    """The line (1-based) on which a key path stands in a YAML file; None where no part of it is there."""
    if not path.exists():
        return None
    node: Any = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    line: int | None = None
    for key in keys:
        if isinstance(node, CommentedMap) and key in node:
            line = node.lc.key(key)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(key, int) and key < len(node):
            line = node.lc.item(key)[0] + 1
        else:
            break
        node = node[key]
    return line
