"""What a statement reads of a table, told by a hash, and which of those rows are others than in an earlier version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import duckdb
import pyarrow as pa
from sqlglot import exp

from wattmark.contract.types import duckdb_of, duckdb_types, nothing
from wattmark.engine.sqlfile import literal
from wattmark.lake import Lake
from wattmark.ledger import LakeError

_DIFFERING = """
SELECT DISTINCT CAST("{column}" AS VARCHAR) AS value FROM (
  (SELECT {columns} FROM {new} AS rows_now EXCEPT ALL SELECT {columns} FROM {old} AS rows_before)
  UNION ALL
  (SELECT {columns} FROM {old} AS rows_before EXCEPT ALL SELECT {columns} FROM {new} AS rows_now)
) ORDER BY value LIMIT {most}
"""


class Asked(Protocol):
    """What is asked here: a session of the night."""

    lake: Lake
    duck: duckdb.DuckDBPyConnection

    def see(self, names: Iterable[str]) -> None:
        """Make tables readable."""


def hash_of(*texts: str) -> str:
    """One hash of some texts."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def stored_rows(files: Sequence[str], schema: pa.Schema, partitions: Sequence[str]) -> str:
    """Files of a stored table as a relation in DuckDB's dialect, to stand in FROM; without rows where there is no file.

    Args:
        files: their paths.
        schema: columns of the table, those it is partitioned by among them.
        partitions: columns it is partitioned by, which stand in the paths.
    """
    if not files:
        return f"({nothing(duckdb_types(schema))})"
    types = ", ".join(f"'{column}': {duckdb_of(schema.field(column).type)}" for column in partitions)
    options = (
        f"hive_partitioning = true, hive_types = {{{types}}}" if partitions else "hive_partitioning = false"
    )
    listed = ", ".join(str(literal(file).sql(dialect="duckdb")) for file in files)
    return f"read_parquet([{listed}], {options}, union_by_name = true)"


def columns_read(statements: Sequence[exp.Expression], columns: Iterable[str]) -> list[str]:
    """Those of a table's columns that some statements may read, sorted."""
    named, takes_all = set(), False
    for statement in statements:
        named |= {column.name.lower() for column in statement.find_all(exp.Column)}
        takes_all |= any(not isinstance(star.parent, exp.Count) for star in statement.find_all(exp.Star))
    return [column for column in sorted(columns) if takes_all or column.lower() in named]


def content_of(session: Asked, name: str, statements: Sequence[exp.Expression]) -> str:
    """Hash of the columns that some statements may read of a table, whatever the order of its rows."""
    session.see([name])
    schema, table = name.split(".")
    relation = f'"{schema}"."{table}"'
    there = session.duck.sql(f"SELECT * FROM {relation}").columns
    columns = [f'"{column}"' for column in columns_read(statements, there)]
    hashed = f"SUM(hash({', '.join(columns)}))" if columns else "0"
    rows = session.duck.execute(f"SELECT COUNT(*), {hashed} FROM {relation}").fetchall()
    return hash_of(",".join(columns), repr(rows))


def differing(
    session: Asked,
    name: str,
    column: str,
    statements: Sequence[exp.Expression],
    versions: tuple[int, int],
    most: int,
) -> set[str] | None:
    """Values of a column, as text, in those rows of a table that are others in one version than in another.

    Only files that one of the versions has and the other has not are read, and of them what the statements read.

    Args:
        session: of the night.
        name: ``layer.table``.
        column: whose values are told.
        statements: what reads the table.
        versions: the earlier and the later version.
        most: so many are told at most.

    Returns:
        the values; None where the versions cannot be compared: the earlier one is gone, its columns were others, or a
        value is empty.
    """
    was, now = versions
    if was == now:
        return set()
    lake = session.lake
    try:
        old, new = set(lake.files(name, was)), set(lake.files(name, now))
    except LakeError as error:
        if error.history:
            return None
        raise
    schema, partitions = lake.schema(name, now), lake.partition_columns(name, now)
    if lake.schema(name, was) != schema or lake.partition_columns(name, was) != partitions:
        return None
    columns = ", ".join(f'"{each}"' for each in sorted({column, *columns_read(statements, schema.names)}))
    rows = session.duck.execute(
        _DIFFERING.format(
            column=column, columns=columns, most=most, old=stored_rows(sorted(old - new), schema, partitions),
            new=stored_rows(sorted(new - old), schema, partitions),
        )
    ).fetchall()  # fmt: skip
    return None if any(value is None for (value,) in rows) else {str(value) for (value,) in rows}
