"""Campaign state in the warehouse, in and out in bulk."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
import pyarrow.csv as csv
from sqlalchemy import Connection, Engine, text

LASTING = "CASE {reason} WHEN 'complained' THEN 1 WHEN 'unsubscribed' THEN 2 WHEN 'deceased' THEN 4 WHEN 'bounced' THEN 5 ELSE 3 END"
"""How well a reason lasts, the least first, in both dialects: what a person said holds for good, a bounce marks an address."""

KEEP_SUPPRESSION = f"""
INSERT INTO ops.suppression AS kept (channel, address_hash, reason, since) {{rows}}
ON CONFLICT (channel, address_hash) DO UPDATE
SET since = LEAST(kept.since, EXCLUDED.since),
    reason = CASE WHEN {LASTING.format(reason="EXCLUDED.reason")} < {LASTING.format(reason="kept.reason")}
                  THEN EXCLUDED.reason ELSE kept.reason END
WHERE EXCLUDED.since < kept.since
   OR {LASTING.format(reason="EXCLUDED.reason")} < {LASTING.format(reason="kept.reason")}
"""
"""Keep suppressions (``rows``: VALUES or SELECT), one row per channel and address: the earliest day and the reason that lasts."""


def keep_suppression(
    connection: Connection, channel: str, address_hash: str, reason: str, since: dt.date
) -> None:
    """Keep a suppression, within the connection's transaction; ``address_hash`` is of an address or of a record."""
    connection.execute(
        text(
            KEEP_SUPPRESSION.format(
                rows="VALUES (:channel, :hash, CAST(:reason AS text), CAST(:since AS date))"
            )
        ),
        {"channel": channel, "hash": address_hash, "reason": reason, "since": since},
    )


def fetch(engine: Engine, sql: str, values: Sequence[Any], like: pa.Table) -> pa.Table:
    """Rows of a query in arrow, cast to the schema of ``like``; ``$1`` and so on are the values."""
    uri = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with adbc.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(sql, list(values) or None)
        return cursor.fetch_arrow_table().select(like.schema.names).cast(like.schema)


def copy_in(connection: Connection, table: str, rows: pa.Table | pa.RecordBatchReader) -> None:
    """Append rows to a table by COPY, in the connection's own transaction.

    Args:
        connection: within a transaction.
        table: ``schema.table``.
        rows: arrow rows whose columns are named as the table's.
    """
    reader = rows.to_reader(max_chunksize=65_536) if isinstance(rows, pa.Table) else rows
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    target = psycopg.sql.Identifier(*table.split("."))
    columns = psycopg.sql.SQL(", ").join(psycopg.sql.Identifier(name) for name in reader.schema.names)
    statement = psycopg.sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(target, columns)
    options = csv.WriteOptions(include_header=False, quoting_style="needed")
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in reader:
            buffer = pa.BufferOutputStream()
            csv.write_csv(pa.Table.from_batches([batch]), buffer, options)
            copy.write(buffer.getvalue().to_pybytes())
