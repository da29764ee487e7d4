"""Tables and values as the reference pages write them, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def cell(text: Any) -> str:
    """Text for a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """The lines of a table."""
    lines = [f"| {' | '.join(headings)} |", f"| {' | '.join('---' for _ in headings)} |"]
    return [*lines, *(f"| {' | '.join(map(cell, row))} |" for row in rows)]


def value(setting: Any) -> str:
    """A parameter's value as it is written in a settings file."""
    return f"`{json.dumps(setting, ensure_ascii=False, default=str)}`"
