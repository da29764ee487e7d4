"""Rows in the order and in the parts in which the lake keeps them."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from wattmark.contract import Table
from wattmark.contract.model import DAY
from wattmark.engine.session import DuckDBSession
from wattmark.quality.reading import sql_literal

ROWS_AT_ONCE = 2_000_000
"""Rows of whole days that are taken up together."""
SORTED_AT_ONCE = 6_000_000
"""Rows that are sorted at a time; a day may have many more."""


def clustered_by(table: Table) -> str:
    """Column that rows lie sorted by, so that one account's or point's rows are found without a full scan."""
    names = [column.name for column in table.columns]
    for candidate in ("account_id", "customer_id", "metering_point_id", "transformer_id"):
        if candidate in names:
            return candidate
    return table.key[0]


def days_in(days: Iterable[str]) -> str:
    """Predicate that DuckDB and Delta both read."""
    return f"{DAY} IN ({', '.join(sql_literal(day) for day in sorted(days))})"


def in_order(session: DuckDBSession, body: str, rows: int, order: list[str]) -> pa.RecordBatchReader:
    """Rows by columns of which the last has texts, sorted a range of those at a time where the rows are many."""
    duck = session.duck
    column = order[-1]
    edges = []
    if (slices := -(-rows // SORTED_AT_ONCE)) > 1:
        seen = duck.execute(
            f"SELECT {column} FROM _held USING SAMPLE reservoir({slices * 100} ROWS) REPEATABLE (1) ORDER BY 1"
        ).fetchall()
        edges = sorted({seen[len(seen) * part // slices][0] for part in range(1, slices)})
    ranges = [
        " AND ".join(
            f"{column} {sign} {sql_literal(edge)}"
            for sign, edge in ((">=", low), ("<", high))
            if edge is not None
        )
        or "TRUE"
        for low, high in zip([None, *edges], [*edges, None], strict=True)
    ]
    queries = [f"SELECT * FROM ({body}) WHERE {within} ORDER BY {', '.join(order)}" for within in ranges]
    schema = duck.sql(f"{body} LIMIT 0").to_arrow_table().schema
    return pa.RecordBatchReader.from_batches(
        schema, (batch for query in queries for batch in duck.sql(query).to_arrow_reader())
    )
