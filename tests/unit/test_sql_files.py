"""What each SQL file of the project keeps to beyond what its reader demands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from tools.format_sql import LEFT_OUT

from wattmark.campaign.audience import relations
from wattmark.engine.catalog import TableDefinition, load_catalog
from wattmark.engine.idioms import spelled_out
from wattmark.engine.python_table import PythonTable
from wattmark.settings import PROJECT_ROOT

ROOT = PROJECT_ROOT / "include" / "sql"
LAYERS = ["audit", "campaign", "core", "facts", "kpi", "mart", "mart_pii", "segment"]
RELATIONS = PROJECT_ROOT / "include" / "campaigns" / "relations"
PATHS = [
    *(path for layer in LAYERS for path in sorted((ROOT / layer).glob("*.sql"))),
    *sorted(RELATIONS.glob("*.sql")),
]
FIELD_TERMS = {"ct"}  # a current transformer


def written(path: Path) -> exp.Expression:
    """A file's statement as it stands there, before the engine puts anything in its place."""
    return sqlglot.parse_one(path.read_text(encoding="utf-8").partition("*/")[2], read="duckdb")


@pytest.fixture(scope="module")
def statements() -> dict[str, exp.Expression]:
    return {f"{path.parent.name}/{path.name}": written(path) for path in PATHS}


def test_no_file_spells_out_what_has_a_name(statements: dict[str, exp.Expression]) -> None:
    found = [
        f"{name}: {part.sql(dialect='duckdb')} is {idiom.signature}"
        for name, statement in statements.items()
        for part, idiom in spelled_out(statement)
    ]
    assert found == []


def test_an_alias_says_what_it_stands_for(statements: dict[str, exp.Expression]) -> None:
    found = [
        f"{name}: {alias.name}"
        for name, statement in statements.items()
        for alias in statement.find_all(exp.TableAlias)
        if len(alias.name) < 3 and alias.name not in FIELD_TERMS
    ]
    assert found == []


def test_a_column_names_its_table_where_there_are_several(statements: dict[str, exp.Expression]) -> None:
    found = [
        f"{name}: {column.name}"
        for name, statement in statements.items()
        for column in statement.find_all(exp.Column)
        if not column.table and _reads_several(column)
    ]
    assert found == []


def _reads_several(column: exp.Column) -> bool:
    query = column.find_ancestor(exp.Select)
    return query is not None and bool(query.args.get("joins"))


def test_no_line_of_a_statement_is_long() -> None:
    found = [
        f"{path.parent.name}/{path.name}:{number}"
        for path in PATHS
        if f"{path.parent.name}/{path.name}" not in LEFT_OUT
        for number, line in _statement_lines(path)
        if len(line) > 110
    ]
    assert found == []


def _statement_lines(path: Path) -> list[tuple[int, str]]:
    head, _, rest = path.read_text(encoding="utf-8").partition("*/")
    return list(enumerate(rest.splitlines(), start=head.count("\n") + 1))


def test_a_grain_says_per() -> None:
    tables = load_catalog(PROJECT_ROOT / "include").tables
    grains = {name: _grain(table) for name, table in tables.items() if table.layer in LAYERS}
    grains |= {
        relation.name: relation.header["grain"] for relation in relations(PROJECT_ROOT / "include").values()
    }
    assert [name for name, grain in grains.items() if re.search(r"\bone row an? ", str(grain))] == []


def _grain(table: TableDefinition) -> object:
    return table.grain if isinstance(table, PythonTable) else table.header.get("grain", "")
