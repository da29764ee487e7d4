"""Publishes a run to PostgreSQL: a schema built beside the live one, then renamed in one transaction.

Readers see the whole of the last run or the whole of this one, never an empty table, never tables of two
runs, and never an error because a table was swapped: renaming a schema takes no lock on its tables.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_postgresql import dbapi
from psycopg import sql

from wattmark import __version__
from wattmark.contract import Contract
from wattmark.engine.catalog import Catalog, PythonTable, TableDefinition
from wattmark.engine.session import DuckDBSession, Session
from wattmark.engine.sqlfile import literal
from wattmark.errors import PublishError
from wattmark.quality.accept import QUARANTINE_SCHEMA
from wattmark.run import Run
from wattmark.settings import Settings

BI_ROLE, PII_ROLE = "wattmark_bi", "wattmark_pii"
SCHEMAS = {"mart": BI_ROLE, "mart_pii": PII_ROLE, "quarantine": PII_ROLE}
"""Published schemas and the role that may read them; refused rows may hold personal data."""

_POSTGRES = {
    pa.string(): "text", pa.large_string(): "text", pa.string_view(): "text", pa.int64(): "bigint", pa.int32(): "integer",
    pa.int16(): "smallint", pa.int8(): "smallint", pa.float64(): "double precision", pa.float32(): "real",
    pa.bool_(): "boolean", pa.date32(): "date",
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """One table as it went out."""

    name: str
    rows: int


@dataclass(frozen=True)
class _Target:
    """One table to publish: where it is read, what it says of itself."""

    schema: str
    table: str
    source: str
    key: tuple[str, ...]
    comment: str
    columns: dict[str, str]
    json_columns: tuple[str, ...] = ()


def _described(definition: TableDefinition) -> tuple[str, dict[str, str], tuple[str, ...]]:
    if isinstance(definition, PythonTable):
        return f"{definition.purpose} Grain: {definition.grain}.", dict(definition.docs), ()
    header = definition.header
    columns = header.get("columns") or {}
    docs = {name: str(entry.get("doc", "")) for name, entry in columns.items() if isinstance(entry, dict)}
    as_json = tuple(name for name, entry in columns.items() if isinstance(entry, dict) and entry.get("json"))
    return f"{header.get('purpose', '')} Grain: {header.get('grain', '')}.".strip(), docs, as_json


def _targets(catalog: Catalog, contract: Contract) -> Iterator[_Target]:
    for name, definition in sorted(catalog.tables.items()):
        schema, table = name.split(".")
        if schema in ("mart", "mart_pii"):
            comment, docs, as_json = _described(definition)
            yield _Target(schema, table, name, definition.key, comment, docs, as_json)
    for source in contract.tables.values():
        yield _Target(
            "quarantine", source.name, f"quarantine.{source.name}", (), f"Rows of {source.name} that were refused, with the reason.",
            {"key": "Key of the refused row, its parts joined by |.", "row": "The row as it was handed over, as JSON text.",
             "reason": "The expectation it failed and the column.", "file": "File or table it came from.",
             "run_id": "Run that refused it.", "first_seen": "Day it was refused first."},
        )  # fmt: skip


def publish(settings: Settings, run: Run, url: str, session: Session | None = None) -> list[Published]:
    """Publish all marts, personal contacts and quarantines of a run in one transaction.

    Args:
        settings: the home's settings.
        run: the run; its date and id stand in every mart table.
        url: SQLAlchemy URL of the warehouse.
        session: the session to read through; a new one where None.

    Raises:
        PublishError: the warehouse refuses, or a table breaks its key. The live schemas stay as they are.
    """
    with session or DuckDBSession(settings, run) as reading:
        targets = list(_targets(reading.catalog, reading.contract))
        plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            with psycopg.connect(plain, autocommit=True) as connection:
                # One publisher at a time: a second one would build into the same schemas.
                connection.execute("SELECT pg_advisory_lock(hashtext('wattmark.publish'))")
                _ensure_roles(connection)
                _drop(connection, "__next", "__old")
                for schema in SCHEMAS:
                    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(f"{schema}__next")))
                # What is built beside the live schemas need not survive a crash; the swap itself is durable.
                connection.execute("SET synchronous_commit = off")
                with dbapi.connect(plain, autocommit=True) as adbc:
                    done = [_load(connection, adbc, reading, target, run) for target in targets]
                _grant(connection)
                connection.execute("SET synchronous_commit = on")
                _swap(connection)
                _drop(connection, "__old")
        except psycopg.Error as error:
            # Only the primary message: the detail of a key violation quotes the row.
            raise PublishError(
                "publish.refused",
                f"the warehouse refused: {error.diag.message_primary or str(error).splitlines()[0]}",
                "The last published run is still in place. Mend the cause and rerun.",
            ) from None
    return done


def _ensure_roles(connection: psycopg.Connection[Any]) -> None:
    for role in (BI_ROLE, PII_ROLE):
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchall():
            try:
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
            except psycopg.errors.InsufficientPrivilege:
                raise PublishError(
                    "publish.role", f"the role {role} does not exist and the warehouse's user may not create it.",
                    f"Let an administrator run: CREATE ROLE {role} NOLOGIN;",
                ) from None  # fmt: skip
            except psycopg.errors.DuplicateObject:
                pass


def _drop(connection: psycopg.Connection[Any], *suffixes: str) -> None:
    connection.execute("SET lock_timeout = '20s'")
    for schema in SCHEMAS:
        for suffix in suffixes:
            try:
                connection.execute(
                    sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema + suffix))
                )
            except psycopg.errors.LockNotAvailable:
                # A reader still holds the last run; it is dropped before the next one is built.
                if suffix == "__next":
                    raise
    connection.execute("SET lock_timeout = 0")


def _type(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    return _POSTGRES.get(kind, "text")


def _load(
    connection: psycopg.Connection[Any], adbc: Any, session: Session, target: _Target, run: Run
) -> Published:
    if target.schema == "quarantine":
        if session.lake.exists(target.source):
            reader = session.query(f"SELECT * FROM {target.source}")
        else:
            reader = pa.RecordBatchReader.from_batches(QUARANTINE_SCHEMA, [])
    else:
        as_of, run_id = (literal(value).sql(dialect="duckdb") for value in (run.as_of, run.run_id))
        reader = session.query(f"SELECT *, {as_of} AS as_of, {run_id} AS run_id FROM {target.source}")
    into = sql.Identifier(f"{target.schema}__next", target.table)
    columns = sql.SQL(", ").join(
        sql.SQL("{} " + _type(field.type)).format(sql.Identifier(field.name)) for field in reader.schema
    )
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(into, columns))
    with adbc.cursor() as cursor:
        rows = cursor.adbc_ingest(
            target.table, _plain_strings(reader), mode="append", db_schema_name=f"{target.schema}__next"
        )
    for column in target.json_columns:
        name = sql.Identifier(column)
        connection.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE jsonb USING {}::jsonb").format(into, name, name)
        )
    if target.key:
        try:
            key = sql.SQL(", ").join(map(sql.Identifier, target.key))
            connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(into, key))
        except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
            raise PublishError(
                "publish.key", f"{target.schema}.{target.table}: ({', '.join(target.key)}) is empty or not unique in the new rows.",
                "Nothing was published; the table's SQL file breaks its own key.",
            ) from None  # fmt: skip
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(into, sql.Literal(target.comment)))
    docs = {
        **target.columns,
        "as_of": "Day the run speaks for.",
        "run_id": target.columns.get("run_id", "Run that published the row."),
    }
    for name in reader.schema.names:
        if docs.get(name):
            connection.execute(
                sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                    into, sql.Identifier(name), sql.Literal(docs[name])
                )
            )
    return Published(f"{target.schema}.{target.table}", int(rows))


def _plain_strings(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """String views become plain strings, which is what the driver can write."""
    schema = pa.schema(
        [
            pa.field(field.name, pa.string() if pa.types.is_string_view(field.type) else field.type)
            for field in reader.schema
        ]
    )
    return (
        reader
        if schema == reader.schema
        else pa.RecordBatchReader.from_batches(schema, (batch.cast(schema) for batch in reader))
    )


def _grant(connection: psycopg.Connection[Any]) -> None:
    database = sql.Identifier(connection.info.dbname)
    for role in (BI_ROLE, PII_ROLE):
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(role))
        )
    for schema, role in SCHEMAS.items():
        names = sql.Identifier(f"{schema}__next"), sql.Identifier(role)
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(*names))
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(*names))
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(
                names[0],
                sql.Literal(
                    f"Published by wattmark {__version__}; rebuilt every night, do not change by hand."
                ),
            )
        )


def _swap(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction():
        existing = {row[0] for row in connection.execute("SELECT nspname FROM pg_namespace").fetchall()}
        for schema in SCHEMAS:
            if f"{schema}__old" in existing:
                raise PublishError(
                    "publish.old",
                    f"schema {schema}__old of an earlier run is still held by a reader.",
                    "Rerun when long queries have ended.",
                )
            if schema in existing:
                connection.execute(
                    sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(
                        sql.Identifier(schema), sql.Identifier(f"{schema}__old")
                    )
                )
            connection.execute(
                sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(
                    sql.Identifier(f"{schema}__next"), sql.Identifier(schema)
                )
            )


@dataclass(frozen=True)
class RunRecord:
    """What ``ops.pipeline_run`` keeps of a run; times are instants, rows are counts."""

    run_id: str
    as_of: dt.date
    state: str
    code_version: str
    parameters_hash: str
    rows_in: int | None = None
    rows_out: int | None = None
