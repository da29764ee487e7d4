"""The seven types of the contract, and what each is called elsewhere: the one table of types.

Whatever needs a type of Arrow, DuckDB or PostgreSQL asks here, by the contract's name of it or by the Arrow type
that rows have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa


@dataclass(frozen=True)
class Type:
    """One type. ``duckdb`` is also what other dialects are transpiled from; ``example`` is a value of it as SQL text."""

    arrow: pa.DataType
    duckdb: str
    postgres: str
    example: str


TYPES: dict[str, Type] = {
    "string": Type(pa.string(), "VARCHAR", "text", "'x'"),
    "integer": Type(pa.int64(), "BIGINT", "bigint", "1"),
    "decimal": Type(pa.decimal128(18, 2), "DECIMAL(18,2)", "numeric(18,2)", "1"),
    "double": Type(pa.float64(), "DOUBLE", "double precision", "1"),
    "date": Type(pa.date32(), "DATE", "date", "'2026-01-01'"),
    "timestamp": Type(
        pa.timestamp("us", tz="UTC"), "TIMESTAMPTZ", "timestamp with time zone", "'2026-01-01 00:00:00+00'"
    ),
    "boolean": Type(pa.bool_(), "BOOLEAN", "boolean", "TRUE"),
}
"""By the contract's name. Instants are microseconds in UTC."""

_NARROW: dict[pa.DataType, tuple[str, str, str]] = {
    pa.int32(): ("INTEGER", "integer", "integer"),
    pa.int16(): ("SMALLINT", "smallint", "integer"),
    pa.int8(): ("TINYINT", "smallint", "integer"),
    pa.float32(): ("FLOAT", "real", "double"),
}
"""Types that an engine may compute and no contract has: DuckDB's, PostgreSQL's and the contract's name."""

_POSTGRES_IN_DUCKDB = {type_.postgres: type_.duckdb for type_ in TYPES.values()} | {
    "real": "FLOAT", "jsonb": "VARCHAR", "timestamp without time zone": "TIMESTAMP",
}  # fmt: skip

Columns: TypeAlias = Mapping[str, str]
"""Columns of a table: contract types by name, in order."""
Rows: TypeAlias = pa.Table | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Rows as Python makes them: arrow, columns by name, or one mapping per row."""


def arrow_type(kind: str) -> pa.DataType:
    """Arrow type of a contract type."""
    return TYPES[kind].arrow


def duckdb_type(kind: str) -> str:
    """SQL type (DuckDB's dialect) of a contract type."""
    return TYPES[kind].duckdb


def schema_of(columns: Columns) -> pa.Schema:
    """Arrow schema of columns."""
    return pa.schema([(name, arrow_type(kind)) for name, kind in columns.items()])


def table_of(columns: Columns, rows: Rows) -> pa.Table:
    """Rows as a table of exactly these columns, cast to their types.

    Args:
        columns: of the table.
        rows: may hold more columns, in any order; lists, numpy arrays and arrow arrays alike.

    Raises:
        KeyError: a column is missing.
        pyarrow.ArrowInvalid: a value does not fit its type, such as a fraction in an integer.
    """
    schema = schema_of(columns)
    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    if isinstance(rows, Mapping):
        return pa.table([_array(rows[field.name], field.type) for field in schema], schema=schema)
    if rows and (missing := set(schema.names) - set(rows[0])):
        raise KeyError(", ".join(sorted(missing)))
    return pa.Table.from_pylist(list(rows), schema=schema)


def _array(values: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(kind)
    return pa.array(values, kind)


def duckdb_of(kind: pa.DataType) -> str:
    """DuckDB's type of an Arrow type; text where it has none of its own here."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ" if kind.tz else "TIMESTAMP"
    if kind in _NARROW:
        return _NARROW[kind][0]
    return next((type_.duckdb for type_ in TYPES.values() if type_.arrow == kind), "VARCHAR")


def postgres_of(kind: pa.DataType) -> str:
    """PostgreSQL's type of an Arrow type, as its catalog writes it; text where it has none of its own here."""
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return f"timestamp {'with' if kind.tz else 'without'} time zone"
    if kind in _NARROW:
        return _NARROW[kind][1]
    return next((type_.postgres for type_ in TYPES.values() if type_.arrow == kind), "text")


def duckdb_of_postgres(kind: str) -> str:
    """DuckDB's name of a type of PostgreSQL; the same name where DuckDB knows it."""
    return _POSTGRES_IN_DUCKDB.get(kind, kind)


def contract_type(kind: str) -> str:
    """Contract type of a DuckDB type as DuckDB names it; the name itself where the contract has none."""
    if kind.startswith("DECIMAL"):
        return "decimal"
    known = {spelling.duckdb: name for name, spelling in TYPES.items()} | {
        duckdb: name for duckdb, _, name in _NARROW.values()
    }
    return known.get({"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}.get(kind, kind), kind)


def nothing(types: Mapping[str, str]) -> str:
    """A SELECT of columns without rows.

    Args:
        types: SQL types (DuckDB's dialect) by column, such as ``duckdb_types`` gives them.
    """
    listed = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in types.items())
    return f"SELECT {listed} WHERE FALSE"


def duckdb_types(columns: Columns | pa.Schema) -> dict[str, str]:
    """SQL types (DuckDB's dialect) by column, of contract types or of a schema."""
    if isinstance(columns, pa.Schema):
        return {field.name: duckdb_of(field.type) for field in columns}
    return {name: duckdb_type(kind) for name, kind in columns.items()}
