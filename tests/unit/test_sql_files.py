"""What each SQL file of the project keeps to beyond what its reader demands."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from wattmark.engine.idioms import spelled_out
from wattmark.settings import PROJECT_ROOT

ROOT = PROJECT_ROOT / "include" / "sql"
LAYERS = ["audit", "core", "facts", "mart", "mart_pii", "segment"]


def written(path: Path) -> exp.Expression:
    """A file's statement as it stands there, before the engine puts anything in its place."""
    return sqlglot.parse_one(path.read_text(encoding="utf-8").partition("*/")[2], read="duckdb")


@pytest.fixture(scope="module")
def statements() -> dict[str, exp.Expression]:
    return {
        f"{layer}/{path.name}": written(path)
        for layer in LAYERS
        for path in sorted((ROOT / layer).glob("*.sql"))
    }


def test_no_file_spells_out_what_has_a_name(statements: dict[str, exp.Expression]) -> None:
    found = [
        f"{name}: {part.sql(dialect='duckdb')} is {idiom.signature}"
        for name, statement in statements.items()
        for part, idiom in spelled_out(statement)
    ]
    assert found == []
