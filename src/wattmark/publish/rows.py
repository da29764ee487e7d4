"""The rows of stored tables: loaded where a table is new, else changed where they differ.

DuckDB finds the difference. Each stored row has a hash, and each part of a table (a day or month where its key has
one, else the whole) a digest of them; the hashes of parts whose digest differs are read, and only rows whose hash
differs travel.
"""

from __future__ import annotations

import duckdb
import psycopg
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc_errors
from psycopg import sql

from wattmark.contract.types import duckdb_of_postgres, postgres_of
from wattmark.errors import PublishError
from wattmark.publish.incoming import (
    CHANGE,
    COPY,
    HASH,
    MADE,
    PARTS,
    STAGE,
    Incoming,
    Published,
    identifiers,
    quoted_name,
    typed_columns,
)
from wattmark.publish.refusal import named, naming
from wattmark.publish.server import Parts, Relation, Server


class Rows:
    """The rows of one publication.

    Args:
        server: the publisher's connections.
        duck: the connection that ``Incoming.query`` is read through.
        relations: what there is, by schema and name.
        parts: parts of each stored table.

    Raises:
        PublishError: a key is broken, or a value cannot be kept.
    """

    def __init__(
        self,
        server: Server,
        duck: duckdb.DuckDBPyConnection,
        relations: dict[tuple[str, str], Relation],
        parts: dict[str, Parts],
    ) -> None:
        self._server, self._duck, self._relations, self._parts = server, duck, relations, parts
        self.staged: list[Incoming] = []

    def load(self, incoming: Incoming) -> Published:
        """A table that is new, under a name that no view reads yet: keys are made once its rows are there."""
        made = incoming.made
        texts = {name: "text" if kind == "jsonb" else kind for name, kind in incoming.types.items()}
        with naming(incoming.name):
            self._server.side.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(made))
            self._server.side.execute(
                sql.SQL(
                    # Dead rows are few and stay few; giving pages back to the system would lock readers out.
                    "CREATE TABLE {} ({}) WITH (autovacuum_vacuum_scale_factor = 0.1, vacuum_truncate = off)"
                ).format(made, typed_columns(texts | incoming.extra))
            )
            rows = self._ingest(
                incoming, incoming.table + MADE, self._duck.sql(_hashed(incoming)).to_arrow_reader()
            )
            if incoming.json_columns:
                self._server.side.execute(
                    sql.SQL("ALTER TABLE {} {}").format(
                        made,
                        sql.SQL(", ").join(
                            sql.SQL("ALTER COLUMN {0} TYPE jsonb USING {0}::jsonb").format(
                                sql.Identifier(name)
                            )
                            for name in incoming.json_columns
                        ),
                    )
                )
            try:
                self._server.side.execute(
                    sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(
                        made, identifiers(incoming.stored_key)
                    )
                )
            except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
                raise _broken_key(incoming) from None
            self.make_stage(incoming)
            self._keep_parts(incoming, self._digests(incoming))
        return Published(incoming.name, rows, inserted=rows)

    def difference(self, incoming: Incoming) -> Published:
        """Find what differs from the stored rows, and change it in the one transaction."""
        before, after = self._parts.get(incoming.name, {}), self._digests(incoming)
        rows = sum(count for count, _ in after.values())
        differing = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
        if not differing:
            return Published(incoming.name, rows)
        part, key = incoming.part_column, incoming.stored_key
        within = ""
        # What belongs to no day cannot be stored; comparing the whole table says so.
        if part and "" not in differing and len(differing) < len(before.keys() | after.keys()):
            listed = ", ".join(f"DATE '{name}'" for name in differing)
            within = f" WHERE {quoted_name(part)} IN ({listed})"
        with naming(incoming.name):
            self._read_hashes(incoming, within)
        new = f"SELECT * FROM ({_hashed(incoming)}){within}"
        match = " AND ".join(f"n.{quoted_name(name)} = s.{quoted_name(name)}" for name in key)
        self._duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _changed AS SELECT n.*, CASE WHEN s.{HASH} IS NULL THEN 'i' ELSE 'u' END AS {CHANGE} "
            f"FROM ({new}) AS n LEFT JOIN _stored AS s ON {match} WHERE s.{HASH} IS NULL OR s.{HASH} <> n.{HASH}"
        )
        keys = f"SELECT * FROM ({incoming.query}){within}" if incoming.key else new
        self._duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _gone AS SELECT {', '.join(f's.{quoted_name(name)}' for name in key)} FROM _stored AS s "
            f"ANTI JOIN (SELECT {', '.join(map(quoted_name, key))} FROM ({keys})) AS n ON {match}"
        )
        inserted, updated, deleted, stored = self._duck.execute(
            f"SELECT COUNT(*) FILTER ({CHANGE} = 'i'), COUNT(*) FILTER ({CHANGE} = 'u'), (SELECT COUNT(*) FROM _gone), "
            "(SELECT COUNT(*) FROM _stored) FROM _changed"
        ).fetchall()[0]
        # Every stored row that stays is met by exactly one row, or a key comes twice; twice among new rows the table itself refuses.
        looked_at = sum(after[name][0] for name in (differing if within else after) if name in after)
        if looked_at - inserted != stored - deleted:
            raise _broken_key(incoming)
        names = [*incoming.types, *incoming.extra]
        types = incoming.types | incoming.extra
        gone = ", ".join(
            quoted_name(name) if name in key else f"CAST(NULL AS {duckdb_of_postgres(types[name])})"
            for name in names
        )
        reader = self._duck.sql(
            f"SELECT {', '.join(map(quoted_name, names))}, {CHANGE} FROM _changed UNION ALL SELECT {gone}, 'd' FROM _gone"
        ).to_arrow_reader()
        with naming(incoming.name):
            if inserted + updated + deleted:
                self._ready_stage(incoming)
                self._ingest(incoming, incoming.table + STAGE, reader)
                self._apply(incoming, inserted, updated, deleted)
            self._keep_parts(incoming, after)
        return Published(incoming.name, rows, inserted, updated, deleted)

    def make_stage(self, incoming: Incoming) -> None:
        """Make the table anew in which what differs arrives."""
        columns = {name: "text" if kind == "jsonb" else kind for name, kind in incoming.types.items()}
        self._server.side.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(incoming.stage))
        self._server.side.execute(
            sql.SQL("CREATE UNLOGGED TABLE {} ({}) WITH (autovacuum_enabled = false)").format(
                incoming.stage, typed_columns(columns | incoming.extra | {CHANGE: "text"})
            )
        )

    def _ready_stage(self, incoming: Incoming) -> None:
        if (incoming.store_schema, incoming.table + STAGE) not in self._relations:
            self.make_stage(incoming)
        elif self._server.side.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(incoming.stage)).fetchone():
            # A publisher that was killed left it.
            self._server.side.execute(sql.SQL("TRUNCATE {}").format(incoming.stage))
        self.staged.append(incoming)

    def _digests(self, incoming: Incoming) -> Parts:
        part = (
            f"COALESCE(CAST({quoted_name(incoming.part_column)} AS VARCHAR), '')"
            if incoming.part_column
            else "''"
        )
        # The hash of several values combines theirs by XOR, so what all rows of a part share would cancel out in an XOR
        # of these. The hash of one value mixes its bits.
        mixed = HASH if incoming.key else f"hash({HASH}, {COPY})"
        digest = f"CAST(hash({mixed}) >> 1 AS BIGINT)"
        return {
            name: (rows, value)
            for name, rows, value in self._duck.execute(
                f"SELECT {part}, COUNT(*), BIT_XOR({digest}) FROM ({_hashed(incoming)}) GROUP BY 1"
            ).fetchall()
        }

    def _keep_parts(self, incoming: Incoming, parts: Parts) -> None:
        before = self._parts.get(incoming.name, {})
        self._server.main.execute(
            sql.SQL("DELETE FROM {} WHERE table_name = %s AND part = ANY(%s)").format(PARTS),
            [incoming.name, [name for name in before if before[name] != parts.get(name)]],
        )
        with self._server.main.cursor() as cursor:
            cursor.executemany(
                sql.SQL("INSERT INTO {} (table_name, part, rows, digest) VALUES (%s, %s, %s, %s)").format(
                    PARTS
                ),
                [
                    (incoming.name, name, *values)
                    for name, values in parts.items()
                    if before.get(name) != values
                ],
            )

    def _read_hashes(self, incoming: Incoming, within: str) -> None:
        columns = dict.fromkeys((*incoming.stored_key, HASH))
        types = incoming.types | incoming.extra
        with self._server.adbc.cursor() as cursor:
            cursor.execute(
                sql.SQL("SELECT {} FROM {}")
                .format(identifiers(columns), incoming.store)
                .as_string(self._server.side)
                + within
            )
            self._duck.register("_read", cursor.fetch_record_batch())
            self._duck.execute(
                "CREATE OR REPLACE TEMP TABLE _stored AS SELECT "
                + ", ".join(
                    f"CAST({quoted_name(name)} AS {duckdb_of_postgres(types[name])}) AS {quoted_name(name)}"
                    for name in columns
                )
                + " FROM _read"
            )
            self._duck.unregister("_read")

    def _ingest(self, incoming: Incoming, table: str, rows: pa.RecordBatchReader) -> int:
        try:
            with self._server.adbc.cursor() as cursor:
                return int(
                    cursor.adbc_ingest(
                        table, plain_strings(rows), mode="append", db_schema_name=incoming.store_schema
                    )
                )
        except adbc_errors.Error as error:
            refused = named(error, incoming.name)
            if refused.code == "publish.value" and (where := _with_nul(self._duck, incoming)):
                refused = named(error, incoming.name, where)
            raise refused from None

    def _apply(self, incoming: Incoming, inserted: int, updated: int, deleted: int) -> None:
        key = incoming.stored_key
        matched = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("s", name), sql.Identifier("t", name)) for name in key
        )

        def new(name: str) -> sql.Composable:
            value = sql.Identifier("t", name)
            return sql.SQL("{}::jsonb").format(value) if name in incoming.json_columns else value

        done = []
        if deleted:
            done.append(
                self._server.main.execute(
                    sql.SQL("DELETE FROM {} AS s USING {} AS t WHERE t.{} = 'd' AND {}").format(
                        incoming.store, incoming.stage, sql.Identifier(CHANGE), matched
                    )
                ).rowcount
                == deleted
            )
        if updated:
            others = [name for name in (*incoming.types, HASH) if name not in key]
            done.append(
                self._server.main.execute(
                    sql.SQL("UPDATE {} AS s SET {} FROM {} AS t WHERE t.{} = 'u' AND {}").format(
                        incoming.store,
                        sql.SQL(", ").join(
                            sql.SQL("{} = {}").format(sql.Identifier(name), new(name)) for name in others
                        ),
                        incoming.stage,
                        sql.Identifier(CHANGE),
                        matched,
                    )
                ).rowcount
                == updated
            )
        if inserted:
            names = [*incoming.types, *incoming.extra]
            try:
                done.append(
                    self._server.main.execute(
                        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS t WHERE t.{} = 'i'").format(
                            incoming.store, identifiers(names), sql.SQL(", ").join(map(new, names)), incoming.stage, sql.Identifier(CHANGE)
                        )
                    ).rowcount
                    == inserted
                )  # fmt: skip
            except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
                raise _broken_key(incoming) from None
        if not all(done):
            raise PublishError(
                "publish.changed_beside", f"{incoming.name}: its stored rows were changed by another hand meanwhile.",
                "Nothing was published. Let nobody write to the schemas ending in _store; rerun.",
            )  # fmt: skip


def _hashed(incoming: Incoming) -> str:
    """The rows with their hash, and with the number of each of equal rows where the table has no key."""
    # 63 bits: the warehouse's integers have a sign.
    digest = f"CAST(hash({', '.join(quoted_name(name) for name in incoming.columns.names)}) >> 1 AS BIGINT)"
    rows = f"SELECT *, {digest} AS {HASH} FROM ({incoming.query})"
    if incoming.key:
        return rows
    return f"SELECT *, CAST(ROW_NUMBER() OVER (PARTITION BY {HASH}) AS INTEGER) AS {COPY} FROM ({rows})"


def _broken_key(incoming: Incoming) -> PublishError:
    return PublishError(
        "publish.key", f"{incoming.name}: ({', '.join(incoming.key)}) is empty or not unique in the new rows.",
        "Nothing was published; the table's SQL file breaks its own key.",
    )  # fmt: skip


def _count(duck: duckdb.DuckDBPyConnection, query: str) -> int:
    row = duck.execute(query).fetchone()
    return int(row[0]) if row else 0


def plain_strings(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
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


def _with_nul(duck: duckdb.DuckDBPyConnection, incoming: Incoming) -> str:
    """The first text column that holds the character NUL, empty where none does."""
    for column in incoming.columns:
        if postgres_of(column.type) == "text" and _count(
            duck,
            f"SELECT COUNT(*) FROM ({incoming.query}) WHERE contains({quoted_name(column.name)}, chr(0))",
        ):
            return str(column.name)
    return ""
