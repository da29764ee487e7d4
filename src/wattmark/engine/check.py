"""Binds every SQL file on empty tables, so that mistakes are found before a night starts."""

from __future__ import annotations

import datetime as dt

import duckdb

from wattmark.contract.types import contract_type, duckdb_types, nothing
from wattmark.engine.catalog import Catalog
from wattmark.engine.python_table import PythonTable
from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import engine_error
from wattmark.errors import SqlFileError
from wattmark.run import Run
from wattmark.settings import Settings


def bind_all(settings: Settings, catalog: Catalog) -> dict[str, dict[str, str]]:
    """Bind each file in order of its references; returns the contract type of each column by table.

    Raises:
        SqlFileError: a file reads a column that does not exist, or its documented columns or key are not
            the ones it gives; names file and line.
    """
    run = Run.of(dt.date(2026, 1, 2), settings.utility.time_zone)
    found: dict[str, dict[str, str]] = {}
    with DuckDBSession(settings, run, catalog, stored=False, shared=True) as session:
        for name in catalog.order():
            definition = catalog.tables[name]
            schema, table = name.split(".")
            session.duck.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            if isinstance(definition, PythonTable):
                found[name] = dict(definition.columns)
                body = nothing(duckdb_types(definition.columns))
            else:
                session.see(
                    [
                        reference
                        for reference in sorted(definition.references)
                        if reference not in catalog.tables
                    ]
                )
                body = session.text_of(definition)
            try:
                relation = session.duck.sql(body)
                kinds = {
                    column: contract_type(str(kind))
                    for column, kind in zip(relation.columns, relation.types, strict=True)
                }
                if schema != "audit":
                    # An empty table stands in, so that what reads it binds without binding all this again.
                    columns = ", ".join(
                        f'"{column}" {kind}'
                        for column, kind in zip(relation.columns, relation.types, strict=True)
                    )
                    session.duck.execute(f'CREATE TABLE "{schema}"."{table}" ({columns})')
                    session.knows(name)
            except duckdb.Error as error:
                if isinstance(definition, PythonTable):
                    raise SqlFileError("table.columns", f"{name}: {error}") from None
                raise engine_error(definition, error) from None
            found[name] = kinds
            if isinstance(definition, PythonTable) or schema == "audit":
                continue
            declared = definition.header.get("columns")
            if declared is not None:
                expected = {
                    column: entry["type"] if isinstance(entry, dict) else entry
                    for column, entry in declared.items()
                }
                for column in sorted(set(expected) ^ set(kinds)):
                    raise definition.error(
                        "sql.columns",
                        f"{column} is {'documented but not selected' if column in expected else 'selected but not documented'}.",
                        column,
                    )
                for column, kind in expected.items():
                    if kinds[column] != kind:
                        raise definition.error(
                            "sql.columns",
                            f"{column} is documented as {kind}, but is {kinds[column]}.",
                            column,
                        )
            for column in definition.key:
                if column not in kinds:
                    raise definition.error("sql.key", f"the key column {column} is not selected.", column)
    return found
