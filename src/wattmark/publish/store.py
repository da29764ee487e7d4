"""Stored tables behind fixed views, changed by difference in one transaction.

Readers are granted views in ``mart``, ``mart_pii`` and ``quarantine`` that nobody swaps. The rows lie in tables
of schemas ``<schema>_store``, which readers cannot reach; ``as_of`` and ``run_id`` come from the one row of
``mart_store.current_run``. A night changes the rows that differ, and that row, in one transaction: PostgreSQL's
own row versions give every reader one whole run, whatever his isolation level, and no lock of his is waited for.

DuckDB finds the difference. Each stored row has a hash, and each part of a table (a day or month where its key has
one, else the whole) a digest of them; the hashes of parts whose digest differs are read, and only rows whose hash
differs travel. Statements that take a lock a reader could notice (a new column, a view made anew) run only when a
table's columns change, each tried for LOCK_MS at a time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import duckdb
import psycopg
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc_errors
from adbc_driver_postgresql import dbapi
from psycopg import sql

from wattmark.contract.types import duckdb_of_postgres, postgres_of
from wattmark.errors import PublishError, PublishUnavailableError
from wattmark.publish.ops import noted
from wattmark.publish.refusal import named, naming

_log = logging.getLogger(__name__)

BI_ROLE, PII_ROLE = "wattmark_bi", "wattmark_pii"
SCHEMAS = {"mart": BI_ROLE, "mart_pii": PII_ROLE, "quarantine": PII_ROLE}
"""Published schemas and the role that may read them; refused rows may hold personal data."""
CURRENT = sql.Identifier("mart_store", "current_run")
PARTS = sql.Identifier("mart_store", "part_digest")
HASH, COPY, CHANGE = "_row_hash", "_copy_no", "_change"
STAGE, MADE = "__stage", "__made"

BUSY_S = 300
"""How long a publisher waits for another one."""
LOCK_MS = 50
"""How long a statement that readers could notice asks for its lock at a time; readers that come meanwhile wait behind it."""
LOCK_PAUSE_S = 0.25
LOCK_TRIES = 240
"""About a minute."""
DEAD_SHARE = 0.2
"""Share of dead rows from which a table is vacuumed before it is changed again."""

Parts = dict[str, tuple[int, int]]
"""Rows and digest of each part of a table."""


@dataclass(frozen=True)
class Incoming:
    """One table to publish: what readers are to see, and where DuckDB reads its rows.

    ``query`` is a SELECT of exactly the columns of ``columns``, in their order. Without ``key`` a row is known by
    its values. ``names_run``: the view adds ``as_of`` and ``run_id``. ``docs`` holds a comment for each column.
    """

    schema: str
    table: str
    query: str
    columns: pa.Schema
    key: tuple[str, ...] = ()
    comment: str = ""
    docs: Mapping[str, str] = field(default_factory=dict)
    json_columns: tuple[str, ...] = ()
    names_run: bool = True

    @property
    def name(self) -> str:
        """``schema.table``, as readers call it."""
        return f"{self.schema}.{self.table}"

    @property
    def view(self) -> sql.Identifier:
        """What readers are granted."""
        return sql.Identifier(self.schema, self.table)

    @property
    def store_schema(self) -> str:
        """Where the rows lie."""
        return f"{self.schema}_store"

    @property
    def store(self) -> sql.Identifier:
        """The table of the rows."""
        return sql.Identifier(self.store_schema, self.table)

    @property
    def stage(self) -> sql.Identifier:
        """Where what differs arrives; nothing in it outlives a publication."""
        return sql.Identifier(self.store_schema, self.table + STAGE)

    @property
    def types(self) -> dict[str, str]:
        """PostgreSQL's type of each column that has rows."""
        return {
            one.name: "jsonb" if one.name in self.json_columns else postgres_of(one.type)
            for one in self.columns
        }

    @property
    def view_types(self) -> dict[str, str]:
        """The same of the view."""
        return self.types | ({"as_of": "date", "run_id": "text"} if self.names_run else {})

    @property
    def part_column(self) -> str | None:
        """The date in the key by which most rows are like those of the night before."""
        return next((name for name in self.key if pa.types.is_date32(self.columns.field(name).type)), None)

    @property
    def stored_key(self) -> tuple[str, ...]:
        """What makes a stored row unique."""
        return self.key or (HASH, COPY)

    @property
    def extra(self) -> dict[str, str]:
        """Columns of the stored table that readers do not see."""
        return {HASH: "bigint"} | ({} if self.key else {COPY: "integer"})


@dataclass(frozen=True)
class Published:
    """One table as it went out: rows it has, and how many of them were new, changed or taken away."""

    name: str
    rows: int
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def changed(self) -> int:
        """Rows that differed."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True)
class Standing:
    """The run that readers see."""

    publication_no: int
    run_id: str
    as_of: dt.date
    published_at: dt.datetime


@dataclass
class _Found:
    """A relation as PostgreSQL has it."""

    oid: int
    kind: str
    columns: dict[str, str] = field(default_factory=dict)
    key: frozenset[str] = frozenset()


@dataclass
class _Plan:
    """What has to be done with one table besides its rows."""

    incoming: Incoming
    fresh: bool
    view: Literal["keep", "make", "replace", "anew"]
    """replace: made over another table with the same columns; anew: it goes and comes back with others."""


def _identifiers(names: Iterable[str], prefix: str = "") -> sql.Composed:
    qualified = (sql.Identifier(prefix, name) if prefix else sql.Identifier(name) for name in names)
    return sql.SQL(", ").join(qualified)


def _same(left: str, right: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(left, one), sql.Identifier(right, one)) for one in columns
    )


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def ensure_roles(connection: psycopg.Connection[Any]) -> None:
    """Make the two roles that read, where they are missing, and let them into the database.

    Raises:
        PublishError: the warehouse's user may not.
    """
    for role in (BI_ROLE, PII_ROLE):
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchall():
            continue
        try:
            with connection.transaction():
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
        except psycopg.errors.InsufficientPrivilege:
            raise PublishError(
                "publish.role", f"the role {role} does not exist and the warehouse's user may not create it.",
                f"Let an administrator run: CREATE ROLE {role} NOLOGIN;",
            ) from None  # fmt: skip
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            pass  # another session made it meanwhile
    database = connection.info.dbname
    for role in (BI_ROLE, PII_ROLE):
        may = connection.execute(
            "SELECT has_database_privilege(%s, %s, 'CONNECT')", [role, database]
        ).fetchall()
        if not may[0][0]:
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.Identifier(role)
                )
            )


class Store:
    """The warehouse, opened for publishing; one publisher at a time. Use as a context manager.

    Args:
        url: libpq URL of the warehouse; schema ``ops`` must be migrated.
        release: named in the comments of the schemas.

    Raises:
        PublishUnavailableError: another publisher does not end, or the warehouse does not answer.
        PublishError: it refuses.
    """

    def __init__(self, url: str, release: str = "") -> None:
        self._url = url
        self._release = release
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            with naming():
                self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            with contextlib.suppress(psycopg.Error):
                self.main.rollback()
        self._stack.close()

    def _open(self) -> None:
        # What readers see changes in one transaction of `main`; `side` makes ready what they do not see yet.
        self.main = self._stack.enter_context(contextlib.closing(psycopg.connect(self._url)))
        self.main.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        self.main.execute("SET LOCAL statement_timeout = 0")
        self.main.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        self.main.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{BUSY_S}s")))
        try:
            self.main.execute("SELECT 1 FROM ops.publish_lock FOR UPDATE")
        except psycopg.errors.LockNotAvailable:
            raise PublishUnavailableError(
                "publish.busy", f"another night has been publishing for {BUSY_S} s.",
                "It is tried again; see what runs (wattmark status, Airflow), or end that session.",
            ) from None  # fmt: skip
        self.main.execute("SET LOCAL lock_timeout = '10s'")
        self.side = self._stack.enter_context(contextlib.closing(psycopg.connect(self._url, autocommit=True)))
        # What it makes is of no use before `main` commits, which makes it durable too.
        self.side.execute("SET synchronous_commit = off")
        self.adbc = self._stack.enter_context(contextlib.closing(dbapi.connect(self._url, autocommit=True)))
        self._ensure()
        self._relations = self._look()
        self._parts = self._read_parts()

    # --- what there is ---------------------------------------------------------------------------

    def _ensure(self) -> None:
        ensure_roles(self.side)
        with self.side.transaction():
            self._ensure_schemas()

    def _ensure_schemas(self) -> None:
        there = {row[0] for row in self.side.execute("SELECT nspname FROM pg_namespace").fetchall()}
        for schema, role in SCHEMAS.items():
            for name in (schema, f"{schema}_store"):
                if name not in there:
                    self.side.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
            if not self._one("SELECT has_schema_privilege(%s, %s, 'USAGE')", role, schema):
                self.side.execute(
                    sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(
                        sql.Identifier(schema), sql.Identifier(role)
                    )
                )
            self._comment_schema(schema, f"Published by wattmark {self._release}: views, one run at a time.")
            self._comment_schema(
                f"{schema}_store", f"Rows behind the views of {schema}; nobody reads or changes them by hand."
            )
        if "mart_store" not in there:
            self.side.execute(
                sql.SQL(
                    "CREATE TABLE {} (only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), publication_no bigint NOT NULL, "
                    "run_id text NOT NULL, as_of date NOT NULL, published_at timestamptz NOT NULL)"
                ).format(CURRENT)
            )
            self.side.execute(
                sql.SQL(
                    "CREATE TABLE {} (table_name text, part text, rows bigint NOT NULL, digest bigint NOT NULL, "
                    "PRIMARY KEY (table_name, part))"
                ).format(PARTS)
            )

    def _comment_schema(self, schema: str, comment: str) -> None:
        if self._one("SELECT obj_description(%s::regnamespace, 'pg_namespace')", _q(schema)) != comment:
            self.side.execute(
                sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(comment))
            )

    def _one(self, query: str, *values: Any) -> Any:
        row = self.side.execute(query, list(values)).fetchone()
        return row[0] if row else None

    def _look(self) -> dict[tuple[str, str], _Found]:
        found: dict[tuple[str, str], _Found] = {}
        for schema, name, oid, kind, column, type_name in self.side.execute(
            """SELECT n.nspname, c.relname, c.oid::bigint, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod)
               FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
               ORDER BY n.nspname, c.relname, a.attnum""",
            [[one for published in SCHEMAS for one in (published, f"{published}_store")]],
        ).fetchall():
            relation = found.setdefault((schema, name), _Found(oid, kind))
            if column is not None:
                relation.columns[column] = type_name
        by_oid = {one.oid: one for one in found.values()}
        for oid, names in self.side.execute(
            "SELECT i.indrelid::bigint, array_agg(a.attname::text) FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid "
            "AND a.attnum = ANY(i.indkey) WHERE i.indisprimary AND i.indrelid = ANY(%s) GROUP BY 1",
            [list(by_oid)],
        ).fetchall():
            by_oid[oid].key = frozenset(names)
        return found

    def _read_parts(self) -> dict[str, Parts]:
        found: dict[str, Parts] = {}
        for table, part, rows, digest in self.side.execute(
            sql.SQL("SELECT table_name, part, rows, digest FROM {}").format(PARTS)
        ).fetchall():
            found.setdefault(table, {})[part] = (rows, digest)
        return found

    def standing(self) -> Standing | None:
        """The run that readers see; None before the first publication."""
        row = self.main.execute(
            sql.SQL("SELECT publication_no, run_id, as_of, published_at FROM {}").format(CURRENT)
        ).fetchone()
        return Standing(*row) if row else None

    # --- publishing ------------------------------------------------------------------------------

    def change(self, duck: duckdb.DuckDBPyConnection, tables: Sequence[Incoming]) -> list[Published]:
        """Bring the stored tables to what DuckDB holds; readers see it once ``commit`` is called.

        Args:
            duck: the connection that ``Incoming.query`` is read through.
            tables: all tables that readers shall see; views of others go.

        Raises:
            PublishError: a view of somebody else reads a column that goes, a key is broken, a value cannot be kept.
        """
        with naming():
            self._plans = [self._plan(one) for one in tables]
            self._leaving = self._gone(tables)
            self._refuse_breaking()
            self._staged: list[Incoming] = []
            kept = [plan.incoming for plan in self._plans if not plan.fresh]
            for one in kept:
                self._add_columns(one)
            self._make_room(kept)
            return [
                self._load(duck, plan.incoming) if plan.fresh else self._difference(duck, plan.incoming)
                for plan in self._plans
            ]

    def commit(
        self,
        *,
        run_id: str,
        as_of: dt.date,
        period: dt.date,
        rows: int,
        changed: int,
        lake_versions: Mapping[str, int],
        back_to: int | None = None,
    ) -> Standing:
        """Let readers see what ``change`` made, with the row that names the run.

        Args:
            run_id: of the run.
            as_of: its day.
            period: its month.
            rows: of all tables.
            changed: how many of them differed.
            lake_versions: version of each table in the lake, to publish them again when a later one is taken back.
            back_to: number of the earlier publication that stands again; a new one is numbered where None.
        """
        with naming():
            if back_to is None:
                number = self.main.execute(
                    "INSERT INTO ops.publication (publication_no, run_id, as_of, period, published_at, rows, changed_rows, lake_versions) "
                    "SELECT COALESCE(MAX(publication_no), 0) + 1, %s, %s, %s, clock_timestamp(), %s, %s, %s FROM ops.publication "
                    "RETURNING publication_no",
                    [run_id, as_of, period, rows, changed, json.dumps(dict(lake_versions))],
                ).fetchall()[0][0]
            else:
                number = back_to
                self.main.execute(
                    "UPDATE ops.publication SET taken_back_at = clock_timestamp() WHERE publication_no > %s AND taken_back_at IS NULL",
                    [back_to],
                )
            self.main.execute(sql.SQL("DELETE FROM {}").format(CURRENT))
            row = self.main.execute(
                sql.SQL(
                    "INSERT INTO {} (publication_no, run_id, as_of, published_at) "
                    "SELECT publication_no, run_id, as_of, published_at FROM ops.publication WHERE publication_no = %s "
                    "RETURNING publication_no, run_id, as_of, published_at"
                ).format(CURRENT),
                [number],
            ).fetchall()[0]
            noted(self.main, number, back=back_to is not None)
            self._show()
            self.main.commit()
        try:
            self._tidy()
        except psycopg.Error as error:
            # What readers see is done; the next publication makes up for this.
            _log.warning("The warehouse was published but not tidied: %s", named(error).message)
        return Standing(*row)

    # --- columns and views -----------------------------------------------------------------------

    def _plan(self, one: Incoming) -> _Plan:
        view = self._relations.get((one.schema, one.table))
        store = self._relations.get((one.store_schema, one.table))
        wanted = one.types | one.extra
        if view is None:
            return _Plan(one, True, "make")
        if view.kind != "v":
            return _Plan(one, True, "anew")
        if store is None or store.key != set(one.stored_key):
            return _Plan(one, True, "replace" if _extends(view.columns, one.view_types) else "anew")
        if store.columns.items() <= wanted.items() and _extends(view.columns, one.view_types):
            return _Plan(one, False, "keep")
        return _Plan(one, True, "anew")

    def _add_columns(self, one: Incoming) -> None:
        """New columns, empty until this run's rows are there; what reads the view goes on reading it."""
        store, view = self._relations[one.store_schema, one.table], self._relations[one.schema, one.table]
        added = {name: kind for name, kind in one.types.items() if name not in store.columns}
        if added:
            self._patiently(
                one.store,
                lambda connection: [
                    connection.execute(
                        sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                            one.store, sql.Identifier(name), sql.SQL(kind)
                        )
                    )
                    for name, kind in added.items()
                ],
                one.name,
            )
            self._make_stage(one)
        if view.columns.keys() != one.view_types.keys():
            order = [*view.columns, *(name for name in one.view_types if name not in view.columns)]
            self._patiently(
                one.view,
                lambda connection: connection.execute(self._view(one, order, replace=True)),
                one.name,
            )
            view.columns.update(one.view_types)

    def _gone(self, tables: Sequence[Incoming]) -> list[tuple[str, str]]:
        wanted = {(one.schema, one.table) for one in tables}
        return [
            (schema, name)
            for schema, name in self._relations
            if schema in SCHEMAS and (schema, name) not in wanted
        ]

    def _refuse_breaking(self) -> None:
        """A view that has to go for a moment must not take those of others with it."""
        for schema, table, incoming in [
            *((plan.incoming.schema, plan.incoming.table, plan.incoming) for plan in self._plans if plan.view == "anew"),
            *((schema, table, None) for schema, table in self._leaving),
        ]:  # fmt: skip
            relation = self._relations[schema, table]
            readers = self._dependants(relation.oid)
            if not readers:
                continue
            wanted = incoming.view_types if incoming else {}
            lost = [name for name, kind in relation.columns.items() if wanted.get(name) != kind]
            what = (
                "is a table of an earlier release and becomes a view" if relation.kind != "v" and incoming
                else "is not published any more" if incoming is None
                else "changes: " + ", ".join(
                    f"{name} {'goes' if name not in wanted else f'becomes {wanted[name]}'}" for name in lost
                )
            )  # fmt: skip
            raise PublishError(
                "publish.dependants", f"{schema}.{table} {what}; it is read by {', '.join(readers)}.",
                "Nothing was published. Keep their definitions (pg_dump), drop them, publish, and make them again; "
                "what does not read such a column lives through every night.",
            )  # fmt: skip

    def _dependants(self, oid: int) -> list[str]:
        return [
            f"{'materialized view ' if kind == 'm' else ''}{name}{f' (column {columns})' if columns else ''}"
            for name, kind, columns in self.side.execute(
                """SELECT format('%%I.%%I', n.nspname, c.relname), c.relkind::text,
                          string_agg(DISTINCT a.attname, ', ' ORDER BY a.attname)
                   FROM pg_depend AS d JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
                   JOIN pg_class AS c ON c.oid = r.ev_class JOIN pg_namespace AS n ON n.oid = c.relnamespace
                   LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
                   WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %s AND c.oid <> d.refobjid
                   GROUP BY 1, 2 ORDER BY 1""",
                [oid],
            ).fetchall()
        ]

    def _view(self, one: Incoming, order: Iterable[str], *, replace: bool = False) -> sql.Composed:
        def column(name: str) -> sql.Composable:
            if one.names_run and name in ("as_of", "run_id"):
                # A subquery of its own rather than a join: planners take nothing from it but a constant.
                return sql.SQL("(SELECT {} FROM {} AS c) AS {}").format(
                    sql.Identifier("c", name), CURRENT, sql.Identifier(name)
                )
            return sql.Identifier("t", name)

        return sql.SQL("CREATE {} VIEW {} AS SELECT {} FROM {} AS t").format(
            sql.SQL("OR REPLACE" if replace else ""), one.view, sql.SQL(", ").join(map(column, order)), one.store
        )  # fmt: skip

    def _patiently(
        self, held: sql.Identifier, work: Callable[[psycopg.Connection[Any]], Any], name: str
    ) -> None:
        """Do what needs a lock that excludes readers, without one of them waiting longer than LOCK_MS behind it."""
        for attempt in range(LOCK_TRIES):
            try:
                with self.side.transaction():
                    self.side.execute(
                        sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_MS}ms"))
                    )
                    self.side.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(held))
                    work(self.side)
                return
            except psycopg.errors.LockNotAvailable:
                if attempt + 1 < LOCK_TRIES:
                    time.sleep(LOCK_PAUSE_S)
        raise self._held(name)

    def _held(self, name: str) -> PublishError:
        holders = ", ".join(
            f"{user} (process {pid})"
            for user, pid in self.side.execute(
                "SELECT DISTINCT a.usename, a.pid FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) "
                "WHERE l.relation = to_regclass(%s)::oid AND a.pid <> pg_backend_pid() AND a.pid <> %s ORDER BY 2",
                [".".join(map(_q, name.split("."))), self.main.info.backend_pid],
            ).fetchall()
        )
        return PublishUnavailableError(
            "publish.held", f"{name} gets other columns and is read in a transaction that does not end: {holders or 'unknown'}.",
            "It is tried again; end that transaction (SELECT pg_terminate_backend(process)), then rerun.",
        )  # fmt: skip

    def _show(self) -> None:
        """Views of new tables, and those that go, at the end of the one transaction; comments and grants with them."""
        changing = [plan.incoming for plan in self._plans if plan.view == "anew"]
        leaving = [*self._leaving, *((one.schema, one.table) for one in changing)]
        noticed = [*leaving, *((one.incoming.schema, one.incoming.table) for one in self._plans if one.view == "replace")]  # fmt: skip
        grants = {one: self._grants(self._relations[one].oid) for one in leaving}
        for attempt in range(LOCK_TRIES):
            try:
                with self.main.transaction():
                    self.main.execute(
                        sql.SQL("SET LOCAL lock_timeout = {}").format(
                            sql.Literal(f"{LOCK_MS}ms" if noticed else "10s")
                        )
                    )
                    self._change_views(leaving)
                break
            except psycopg.errors.LockNotAvailable:
                if attempt + 1 == LOCK_TRIES:
                    raise self._held(".".join((noticed or [("mart", "")])[0])) from None
                time.sleep(LOCK_PAUSE_S)
        comments: dict[tuple[str, str], dict[str | None, str]] = {}
        for schema, table, column, text in self.main.execute(
            "SELECT n.nspname, c.relname, a.attname, d.description FROM pg_description AS d JOIN pg_class AS c ON c.oid = d.objoid "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid "
            "AND a.attnum = d.objsubid AND d.objsubid > 0 WHERE d.classoid = 'pg_class'::regclass AND n.nspname = ANY(%s)",
            [list(SCHEMAS)],
        ).fetchall():
            comments.setdefault((schema, table), {})[column] = text
        for plan in self._plans:
            one = plan.incoming
            if plan.view in ("make", "anew"):
                self._grant(one, grants.get((one.schema, one.table), []))
            self._comment(one, comments.get((one.schema, one.table), {}))

    def _change_views(self, leaving: Sequence[tuple[str, str]]) -> None:
        for name in leaving:
            kind = "VIEW" if self._relations[name].kind == "v" else "TABLE"
            self.main.execute(sql.SQL("DROP {} {}").format(sql.SQL(kind), sql.Identifier(*name)))
        for plan in self._plans:
            one = plan.incoming
            if not plan.fresh:
                continue
            # Until now the new table lay under another name, so that a killed publisher leaves what stands.
            unused = sql.Identifier(one.store_schema, f"{one.table}__unused")
            stored = (one.store_schema, one.table) in self._relations
            if stored:
                self.main.execute(
                    sql.SQL("ALTER TABLE {} RENAME TO {}").format(one.store, sql.Identifier(f"{one.table}__unused"))
                )  # fmt: skip
            self.main.execute(
                sql.SQL("ALTER TABLE {} RENAME TO {}").format(self._made(one), sql.Identifier(one.table))
            )
            if plan.view == "replace":
                view = self._relations[one.schema, one.table]
                order = [*view.columns, *(name for name in one.view_types if name not in view.columns)]
                self.main.execute(self._view(one, order, replace=True))
            else:
                self.main.execute(self._view(one, one.view_types))
            if stored:
                self.main.execute(sql.SQL("DROP TABLE {}").format(unused))
        for schema, table in self._leaving:
            self.main.execute(
                sql.SQL("DELETE FROM {} WHERE table_name = %s").format(PARTS), [f"{schema}.{table}"]
            )
            for suffix in ("", STAGE):
                self.main.execute(
                    sql.SQL("DROP TABLE IF EXISTS {}").format(
                        sql.Identifier(f"{schema}_store", table + suffix)
                    )
                )

    @staticmethod
    def _made(one: Incoming) -> sql.Identifier:
        return sql.Identifier(one.store_schema, one.table + MADE)

    def _grants(self, oid: int) -> list[tuple[str, str]]:
        return self.main.execute(
            "SELECT CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, g.privilege_type "
            "FROM pg_class AS c, aclexplode(c.relacl) AS g WHERE c.oid = %s AND g.grantee <> c.relowner ORDER BY 1, 2",
            [oid],
        ).fetchall()

    def _grant(self, one: Incoming, before: Iterable[tuple[str, str]]) -> None:
        role = SCHEMAS[one.schema]
        for grantee, right in {(role, "SELECT"), *before}:
            self.main.execute(
                sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right), one.view, sql.SQL(grantee))
            )

    def _comment(self, one: Incoming, there: Mapping[str | None, str]) -> None:
        of_run = {"as_of": "Day the run speaks for.", "run_id": "Run that published the row."}
        wanted = {None: one.comment} | {
            name: of_run[name] if one.names_run and name in of_run else str(one.docs.get(name, ""))
            for name in one.view_types
        }
        for name, text in wanted.items():
            if text and there.get(name) != text:
                target = (
                    sql.SQL("VIEW {}").format(one.view) if name is None
                    else sql.SQL("COLUMN {}").format(sql.Identifier(one.schema, one.table, name))
                )  # fmt: skip
                self.main.execute(sql.SQL("COMMENT ON {} IS {}").format(target, sql.Literal(text)))

    # --- rows ------------------------------------------------------------------------------------

    def _make_stage(self, one: Incoming) -> None:
        columns = {name: "text" if kind == "jsonb" else kind for name, kind in one.types.items()}
        self.side.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(one.stage))
        self.side.execute(
            sql.SQL("CREATE UNLOGGED TABLE {} ({}) WITH (autovacuum_enabled = false)").format(
                one.stage, _columns(columns | one.extra | {CHANGE: "text"})
            )
        )

    def _ready_stage(self, one: Incoming) -> None:
        if (one.store_schema, one.table + STAGE) not in self._relations:
            self._make_stage(one)
        elif self.side.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(one.stage)).fetchone():
            # A publisher that was killed left it.
            self.side.execute(sql.SQL("TRUNCATE {}").format(one.stage))
        self._staged.append(one)

    def _hashed(self, one: Incoming) -> str:
        """The rows with their hash, and with the number of each of equal rows where the table has no key."""
        # 63 bits: the warehouse's integers have a sign.
        digest = f"CAST(hash({', '.join(_q(name) for name in one.columns.names)}) >> 1 AS BIGINT)"
        rows = f"SELECT *, {digest} AS {HASH} FROM ({one.query})"
        if one.key:
            return rows
        return f"SELECT *, CAST(ROW_NUMBER() OVER (PARTITION BY {HASH}) AS INTEGER) AS {COPY} FROM ({rows})"

    def _load(self, duck: duckdb.DuckDBPyConnection, one: Incoming) -> Published:
        """A table that is new, under a name that no view reads yet: keys are made once its rows are there."""
        made = self._made(one)
        texts = {name: "text" if kind == "jsonb" else kind for name, kind in one.types.items()}
        with naming(one.name):
            self.side.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(made))
            self.side.execute(
                sql.SQL(
                    # Dead rows are few and stay few; giving pages back to the system would lock readers out.
                    "CREATE TABLE {} ({}) WITH (autovacuum_vacuum_scale_factor = 0.1, vacuum_truncate = off)"
                ).format(made, _columns(texts | one.extra))
            )
            rows = self._ingest(one, one.table + MADE, duck.sql(self._hashed(one)).to_arrow_reader(), duck)
            if one.json_columns:
                self.side.execute(
                    sql.SQL("ALTER TABLE {} {}").format(
                        made,
                        sql.SQL(", ").join(
                            sql.SQL("ALTER COLUMN {0} TYPE jsonb USING {0}::jsonb").format(
                                sql.Identifier(name)
                            )
                            for name in one.json_columns
                        ),
                    )
                )
            try:
                self.side.execute(
                    sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(made, _identifiers(one.stored_key))
                )
            except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
                raise self._broken_key(one) from None
            self._make_stage(one)
            self._keep_parts(one, self._digests(duck, one))
        return Published(one.name, rows, inserted=rows)

    def _digests(self, duck: duckdb.DuckDBPyConnection, one: Incoming) -> Parts:
        part = f"COALESCE(CAST({_q(one.part_column)} AS VARCHAR), '')" if one.part_column else "''"
        # The hash of several values combines theirs by XOR, so what all rows of a part share would cancel out in an XOR
        # of these. The hash of one value mixes its bits.
        mixed = HASH if one.key else f"hash({HASH}, {COPY})"
        digest = f"CAST(hash({mixed}) >> 1 AS BIGINT)"
        return {
            name: (rows, value)
            for name, rows, value in duck.execute(
                f"SELECT {part}, COUNT(*), BIT_XOR({digest}) FROM ({self._hashed(one)}) GROUP BY 1"
            ).fetchall()
        }

    def _keep_parts(self, one: Incoming, parts: Parts) -> None:
        before = self._parts.get(one.name, {})
        self.main.execute(
            sql.SQL("DELETE FROM {} WHERE table_name = %s AND part = ANY(%s)").format(PARTS),
            [one.name, [name for name in before if before[name] != parts.get(name)]],
        )
        with self.main.cursor() as cursor:
            cursor.executemany(
                sql.SQL("INSERT INTO {} (table_name, part, rows, digest) VALUES (%s, %s, %s, %s)").format(
                    PARTS
                ),
                [(one.name, name, *values) for name, values in parts.items() if before.get(name) != values],
            )

    def _difference(self, duck: duckdb.DuckDBPyConnection, one: Incoming) -> Published:
        """Find what differs from the stored rows, and change it in the one transaction."""
        before, after = self._parts.get(one.name, {}), self._digests(duck, one)
        rows = sum(count for count, _ in after.values())
        differing = sorted(
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        )
        if not differing:
            return Published(one.name, rows)
        part, key = one.part_column, one.stored_key
        within = ""
        # What belongs to no day cannot be stored; comparing the whole table says so.
        if part and "" not in differing and len(differing) < len(before.keys() | after.keys()):
            listed = ", ".join(f"DATE '{name}'" for name in differing)
            within = f" WHERE {_q(part)} IN ({listed})"
        with naming(one.name):
            self._read_hashes(duck, one, within)
        new = f"SELECT * FROM ({self._hashed(one)}){within}"
        match = " AND ".join(f"n.{_q(name)} = s.{_q(name)}" for name in key)
        duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _changed AS SELECT n.*, CASE WHEN s.{HASH} IS NULL THEN 'i' ELSE 'u' END AS {CHANGE} "
            f"FROM ({new}) AS n LEFT JOIN _stored AS s ON {match} WHERE s.{HASH} IS NULL OR s.{HASH} <> n.{HASH}"
        )
        keys = f"SELECT * FROM ({one.query}){within}" if one.key else new
        duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _gone AS SELECT {', '.join(f's.{_q(name)}' for name in key)} FROM _stored AS s "
            f"ANTI JOIN (SELECT {', '.join(map(_q, key))} FROM ({keys})) AS n ON {match}"
        )
        inserted, updated, deleted, stored = duck.execute(
            f"SELECT COUNT(*) FILTER ({CHANGE} = 'i'), COUNT(*) FILTER ({CHANGE} = 'u'), (SELECT COUNT(*) FROM _gone), "
            "(SELECT COUNT(*) FROM _stored) FROM _changed"
        ).fetchall()[0]
        # Every stored row that stays is met by exactly one row, or a key comes twice; twice among new rows the table itself refuses.
        looked_at = sum(after[name][0] for name in (differing if within else after) if name in after)
        if looked_at - inserted != stored - deleted:
            raise self._broken_key(one)
        names = [*one.types, *one.extra]
        types = one.types | one.extra
        gone = ", ".join(
            _q(name) if name in key else f"CAST(NULL AS {duckdb_of_postgres(types[name])})" for name in names
        )
        reader = duck.sql(
            f"SELECT {', '.join(map(_q, names))}, {CHANGE} FROM _changed UNION ALL SELECT {gone}, 'd' FROM _gone"
        ).to_arrow_reader()
        with naming(one.name):
            if inserted + updated + deleted:
                self._ready_stage(one)
                self._ingest(one, one.table + STAGE, reader, duck)
                self._apply(one, inserted, updated, deleted)
            self._keep_parts(one, after)
        return Published(one.name, rows, inserted, updated, deleted)

    def _read_hashes(self, duck: duckdb.DuckDBPyConnection, one: Incoming, within: str) -> None:
        columns = dict.fromkeys((*one.stored_key, HASH))
        types = one.types | one.extra
        with self.adbc.cursor() as cursor:
            cursor.execute(
                sql.SQL("SELECT {} FROM {}").format(_identifiers(columns), one.store).as_string(self.side)
                + within
            )
            duck.register("_read", cursor.fetch_record_batch())
            duck.execute(
                "CREATE OR REPLACE TEMP TABLE _stored AS SELECT "
                + ", ".join(
                    f"CAST({_q(name)} AS {duckdb_of_postgres(types[name])}) AS {_q(name)}" for name in columns
                )
                + " FROM _read"
            )
            duck.unregister("_read")

    def _ingest(
        self, one: Incoming, table: str, rows: pa.RecordBatchReader, duck: duckdb.DuckDBPyConnection
    ) -> int:
        try:
            with self.adbc.cursor() as cursor:
                return int(
                    cursor.adbc_ingest(
                        table, plain_strings(rows), mode="append", db_schema_name=one.store_schema
                    )
                )
        except adbc_errors.Error as error:
            refused = named(error, one.name)
            if refused.code == "publish.value" and (where := _with_nul(duck, one)):
                refused = named(error, one.name, where)
            raise refused from None

    def _apply(self, one: Incoming, inserted: int, updated: int, deleted: int) -> None:
        key = one.stored_key
        matched = _same("s", "t", key)

        def new(name: str) -> sql.Composable:
            value = sql.Identifier("t", name)
            return sql.SQL("{}::jsonb").format(value) if name in one.json_columns else value

        done = []
        if deleted:
            done.append(
                self.main.execute(
                    sql.SQL("DELETE FROM {} AS s USING {} AS t WHERE t.{} = 'd' AND {}").format(
                        one.store, one.stage, sql.Identifier(CHANGE), matched
                    )
                ).rowcount
                == deleted
            )
        if updated:
            others = [name for name in (*one.types, HASH) if name not in key]
            done.append(
                self.main.execute(
                    sql.SQL("UPDATE {} AS s SET {} FROM {} AS t WHERE t.{} = 'u' AND {}").format(
                        one.store,
                        sql.SQL(", ").join(
                            sql.SQL("{} = {}").format(sql.Identifier(name), new(name)) for name in others
                        ),
                        one.stage,
                        sql.Identifier(CHANGE),
                        matched,
                    )
                ).rowcount
                == updated
            )
        if inserted:
            names = [*one.types, *one.extra]
            try:
                done.append(
                    self.main.execute(
                        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} AS t WHERE t.{} = 'i'").format(
                            one.store, _identifiers(names), sql.SQL(", ").join(map(new, names)), one.stage, sql.Identifier(CHANGE)
                        )
                    ).rowcount
                    == inserted
                )  # fmt: skip
            except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
                raise self._broken_key(one) from None
        if not all(done):
            raise PublishError(
                "publish.changed_beside", f"{one.name}: its stored rows were changed by another hand meanwhile.",
                "Nothing was published. Let nobody write to the schemas ending in _store; rerun.",
            )  # fmt: skip

    @staticmethod
    def _broken_key(one: Incoming) -> PublishError:
        return PublishError(
            "publish.key", f"{one.name}: ({', '.join(one.key)}) is empty or not unique in the new rows.",
            "Nothing was published; the table's SQL file breaks its own key.",
        )  # fmt: skip

    # --- room ------------------------------------------------------------------------------------

    def _make_room(self, tables: Iterable[Incoming]) -> None:
        """Give the room of rows that earlier nights left behind to this one, where PostgreSQL has not done so itself."""
        stale = {
            row[0]
            for row in self.side.execute(
                "SELECT relid::bigint FROM pg_stat_all_tables WHERE schemaname = ANY(%s) AND n_dead_tup > 100 + %s * n_live_tup",
                [[f"{schema}_store" for schema in SCHEMAS], DEAD_SHARE],
            ).fetchall()
        }
        for one in tables:
            found = self._relations[one.store_schema, one.table]
            if found.oid in stale:
                self.side.execute(sql.SQL("VACUUM (SKIP_LOCKED, ANALYZE) {}").format(one.store))

    def _tidy(self) -> None:
        """Empty what differed; let the planner know new tables (what changes from night to night PostgreSQL follows by itself)."""
        if self._staged:
            stages = sql.SQL(", ").join(one.stage for one in self._staged)
            self.side.execute(sql.SQL("TRUNCATE {}").format(stages))
        for schema in SCHEMAS:
            for suffix in ("__next", "__old"):
                self._drop_swapped(schema + suffix)
        if fresh := [plan.incoming.store for plan in self._plans if plan.fresh]:
            self.side.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(fresh)))

    def _drop_swapped(self, schema: str) -> None:
        """A schema that a release which swapped them left behind; not where somebody's view reads it, nor while it is held."""
        tables = self.side.execute(
            "SELECT c.oid::bigint FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(%s)::oid AND c.relkind = 'r'",
            [schema],
        ).fetchall()
        if not tables or any(self._dependants(oid) for (oid,) in tables):
            return
        with contextlib.suppress(psycopg.errors.LockNotAvailable), self.side.transaction():
            self.side.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_MS}ms")))
            self.side.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


def _extends(there: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all columns that are there stay as they are."""
    return there.items() <= wanted.items()


def _columns(types: Mapping[str, str]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()
    )


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


def _with_nul(duck: duckdb.DuckDBPyConnection, one: Incoming) -> str:
    """The first text column that holds the character NUL, empty where none does."""
    for column in one.columns:
        if postgres_of(column.type) == "text" and _count(
            duck, f"SELECT COUNT(*) FROM ({one.query}) WHERE contains({_q(column.name)}, chr(0))"
        ):
            return str(column.name)
    return ""
