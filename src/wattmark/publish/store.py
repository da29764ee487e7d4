"""Stored tables behind fixed views, changed by difference in one transaction.

Readers are granted views in ``mart``, ``mart_pii`` and ``quarantine`` that nobody swaps (``publish.views``). The rows lie in
tables of schemas ``<schema>_store``, which readers cannot reach (``publish.rows``); ``as_of`` and ``run_id`` come from the
one row of ``mart_store.current_run``. A night changes the rows that differ, and that row, in one transaction: PostgreSQL's
own row versions give every reader one whole run, whatever his isolation level, and no lock of his is waited for.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

import duckdb
import psycopg
from adbc_driver_postgresql import dbapi
from psycopg import sql

from wattmark.errors import PublishUnavailableError
from wattmark.publish.incoming import CLOSING, CURRENT, SCHEMAS, Incoming, Published, Standing
from wattmark.publish.ops import noted
from wattmark.publish.refusal import named, naming
from wattmark.publish.rows import Rows
from wattmark.publish.server import Server, dependants, ensure_roles, ensure_schemas, parts, relations
from wattmark.publish.views import LOCK_MS, Views

_log = logging.getLogger(__name__)

BUSY_S = 300
"""How long a publisher waits for another one."""
DEAD_SHARE = 0.2
"""Share of dead rows from which a table is vacuumed before it is changed again."""


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
        adbc = self._stack.enter_context(contextlib.closing(dbapi.connect(self._url, autocommit=True)))
        self._server = Server(self.main, self.side, adbc)
        ensure_roles(self.side)
        with self.side.transaction():
            ensure_schemas(self._server, self._release)
        self._relations = relations(self._server)
        self._parts = parts(self._server)

    def standing(self) -> Standing | None:
        """The run that readers see; None before the first publication."""
        row = self.main.execute(
            sql.SQL("SELECT publication_no, run_id, as_of, published_at FROM {}").format(CURRENT)
        ).fetchone()
        return Standing(*row) if row else None

    def change(
        self,
        duck: duckdb.DuckDBPyConnection,
        tables: Sequence[Incoming],
        stays: Callable[[str], bool] = lambda name: False,
    ) -> list[Published]:
        """Bring the stored tables to what DuckDB holds; readers see it once ``commit`` is called.

        Args:
            duck: the connection that ``Incoming.query`` is read through.
            tables: all tables that readers shall see; views of others go.
            stays: says of one of the others, ``schema.table``, whether it stays as it is.

        Raises:
            PublishError: a view of somebody else reads a column that goes, a key is broken, a value cannot be kept.
        """
        with naming():
            self._views = Views(self._server, self._relations, tables, stays)
            self._rows = Rows(self._server, duck, self._relations, self._parts)
            plans = self._views.plans
            kept = [plan.incoming for plan in plans if not plan.fresh]
            for column in kept:
                if self._views.add_columns(column):
                    self._rows.make_stage(column)
            self._make_room(kept)
            return [
                self._rows.load(plan.incoming) if plan.fresh else self._rows.difference(plan.incoming)
                for plan in plans
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
        closes: bool = False,
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
            closes: whether the tables that rest on audit cases are among those changed.
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
            standing = self._name(CURRENT, number)
            if closes:
                self._name(CLOSING, number)
            noted(self.main, number, back=back_to is not None)
        self._show()
        return standing

    def commit_closing(self, publication_no: int, lake_versions: Mapping[str, int]) -> Standing:
        """Let readers see what ``change`` made of the tables that rest on audit cases, beside the publication that stands.

        Args:
            publication_no: number of that publication.
            lake_versions: as in ``commit``, of these tables.
        """
        with naming():
            self.main.execute(
                "UPDATE ops.publication SET lake_versions = lake_versions || %s::jsonb WHERE publication_no = %s",
                [json.dumps(dict(lake_versions)), publication_no],
            )
            standing = self._name(CLOSING, publication_no)
        self._show()
        return standing

    def _name(self, row: sql.Identifier, publication_no: int) -> Standing:
        """Let the one row of a table name a publication."""
        self.main.execute(sql.SQL("DELETE FROM {}").format(row))
        found = self.main.execute(
            sql.SQL(
                "INSERT INTO {} (publication_no, run_id, as_of, published_at) "
                "SELECT publication_no, run_id, as_of, published_at FROM ops.publication WHERE publication_no = %s "
                "RETURNING publication_no, run_id, as_of, published_at"
            ).format(row),
            [publication_no],
        ).fetchall()[0]
        return Standing(*found)

    def _show(self) -> None:
        with naming():
            self._views.show()
            self.main.commit()
        try:
            self._tidy()
        except psycopg.Error as error:
            # What readers see is done; the next publication makes up for this.
            _log.warning("The warehouse was published but not tidied: %s", named(error).message)

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
        for table in tables:
            found = self._relations[table.store_schema, table.table]
            if found.oid in stale:
                self.side.execute(sql.SQL("VACUUM (SKIP_LOCKED, ANALYZE) {}").format(table.store))

    def _tidy(self) -> None:
        """Empty what differed; let the planner know new tables (what changes from night to night PostgreSQL follows by itself)."""
        if self._rows.staged:
            stages = sql.SQL(", ").join(table.stage for table in self._rows.staged)
            self.side.execute(sql.SQL("TRUNCATE {}").format(stages))
        for schema in SCHEMAS:
            for suffix in ("__next", "__old"):
                self._drop_swapped(schema + suffix)
        if fresh := [plan.incoming.store for plan in self._views.plans if plan.fresh]:
            self.side.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(fresh)))

    def _drop_swapped(self, schema: str) -> None:
        """A schema that a release which swapped them left behind; not where somebody's view reads it, nor while it is held."""
        tables = self.side.execute(
            "SELECT c.oid::bigint FROM pg_class AS c WHERE c.relnamespace = to_regnamespace(%s)::oid AND c.relkind = 'r'",
            [schema],
        ).fetchall()
        if not tables or any(dependants(self._server, oid) for (oid,) in tables):
            return
        with contextlib.suppress(psycopg.errors.LockNotAvailable), self.side.transaction():
            self.side.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_MS}ms")))
            self.side.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
