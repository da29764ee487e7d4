"""YAML files with line numbers, so that an error can name the place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from wattmark.errors import SettingsError


class _Loader(yaml.CSafeLoader):
    """libyaml's loader with YAML 1.2's booleans (NO is Norway, not false) and without duplicate keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - how PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for at, key in enumerate(keys):
            if key in keys[:at]:
                raise yaml.MarkedYAMLError(
                    problem=f"found duplicate key {key!r}", problem_mark=node.value[at][0].start_mark
                )
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


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
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
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
