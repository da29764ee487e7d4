"""The views that readers are granted: made, extended and taken away without one of them waiting long.

Statements that take a lock a reader could notice run only where a table's columns change, each tried for LOCK_MS at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import sql

from wattmark.errors import PublishError, PublishUnavailableError
from wattmark.publish.incoming import PARTS, SCHEMAS, STAGE, Incoming, quoted_name
from wattmark.publish.server import Relation, Server, dependants

LOCK_MS = 50
"""How long a statement that readers could notice asks for its lock at a time; readers that come meanwhile wait behind it."""
LOCK_PAUSE_S = 0.25
LOCK_TRIES = 240
"""About a minute."""


@dataclass
class Plan:
    """What has to be done with one table besides its rows."""

    incoming: Incoming
    fresh: bool
    view: Literal["keep", "make", "replace", "anew"]
    """replace: made over another table with the same columns; anew: it goes and comes back with others."""


class Views:
    """The views of one publication.

    Args:
        server: the publisher's connections.
        relations: what there is, by schema and name.
        tables: all tables that readers shall see; views of others go.
        stays: says of a table that is none of these whether its view stays as it is.

    Raises:
        PublishError: a view of somebody else reads a column that goes.
    """

    def __init__(
        self,
        server: Server,
        relations: dict[tuple[str, str], Relation],
        tables: Sequence[Incoming],
        stays: Callable[[str], bool],
    ) -> None:
        self._server, self._relations = server, relations
        self.plans = [self._plan(table) for table in tables]
        self._leaving = self._gone(tables, stays)
        self._refuse_breaking()

    def _plan(self, incoming: Incoming) -> Plan:
        view = self._relations.get((incoming.schema, incoming.table))
        store = self._relations.get((incoming.store_schema, incoming.table))
        wanted = incoming.types | incoming.extra
        if view is None:
            return Plan(incoming, True, "make")
        if view.kind != "v":
            return Plan(incoming, True, "anew")
        if store is None or store.key != set(incoming.stored_key):
            return Plan(incoming, True, "replace" if _extends(view.columns, incoming.view_types) else "anew")
        if store.columns.items() <= wanted.items() and _extends(view.columns, incoming.view_types):
            return Plan(incoming, False, "keep")
        return Plan(incoming, True, "anew")

    def _gone(self, tables: Sequence[Incoming], stays: Callable[[str], bool]) -> list[tuple[str, str]]:
        wanted = {(table.schema, table.table) for table in tables}
        return [
            (schema, name)
            for schema, name in self._relations
            if schema in SCHEMAS and (schema, name) not in wanted and not stays(f"{schema}.{name}")
        ]

    def _refuse_breaking(self) -> None:
        """A view that has to go for a moment must not take those of others with it."""
        for schema, table, incoming in [
            *((plan.incoming.schema, plan.incoming.table, plan.incoming) for plan in self.plans if plan.view == "anew"),
            *((schema, table, None) for schema, table in self._leaving),
        ]:  # fmt: skip
            relation = self._relations[schema, table]
            readers = dependants(self._server, relation.oid)
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

    def add_columns(self, incoming: Incoming) -> bool:
        """New columns, empty until this run's rows are there; what reads the view goes on reading it."""
        store, view = (
            self._relations[incoming.store_schema, incoming.table],
            self._relations[incoming.schema, incoming.table],
        )
        added = {name: kind for name, kind in incoming.types.items() if name not in store.columns}
        if added:
            self._patiently(
                incoming.store,
                lambda connection: [
                    connection.execute(
                        sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                            incoming.store, sql.Identifier(name), sql.SQL(kind)
                        )
                    )
                    for name, kind in added.items()
                ],
                incoming.name,
            )
        if view.columns.keys() != incoming.view_types.keys():
            order = [*view.columns, *(name for name in incoming.view_types if name not in view.columns)]
            self._patiently(
                incoming.view,
                lambda connection: connection.execute(self._view(incoming, order, replace=True)),
                incoming.name,
            )
            view.columns.update(incoming.view_types)
        return bool(added)

    def _view(self, incoming: Incoming, order: Iterable[str], *, replace: bool = False) -> sql.Composed:
        def column(name: str) -> sql.Composable:
            if incoming.names_run and name in ("as_of", "run_id"):
                # A subquery of its own rather than a join: planners take nothing from it but a constant.
                return sql.SQL("(SELECT {} FROM {} AS c) AS {}").format(
                    sql.Identifier("c", name), incoming.run_row, sql.Identifier(name)
                )
            return sql.Identifier("t", name)

        return sql.SQL("CREATE {} VIEW {} AS SELECT {} FROM {} AS t").format(
            sql.SQL("OR REPLACE" if replace else ""), incoming.view, sql.SQL(", ").join(map(column, order)), incoming.store
        )  # fmt: skip

    def _patiently(
        self, held: sql.Identifier, work: Callable[[psycopg.Connection[Any]], Any], name: str
    ) -> None:
        """Do what needs a lock that excludes readers, without one of them waiting longer than LOCK_MS behind it."""
        for attempt in range(LOCK_TRIES):
            try:
                with self._server.side.transaction():
                    self._server.side.execute(
                        sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_MS}ms"))
                    )
                    self._server.side.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(held))
                    work(self._server.side)
                return
            except psycopg.errors.LockNotAvailable:
                if attempt + 1 < LOCK_TRIES:
                    time.sleep(LOCK_PAUSE_S)
        raise self._held(name)

    def _held(self, name: str) -> PublishError:
        holders = ", ".join(
            f"{user} (process {pid})"
            for user, pid in self._server.side.execute(
                "SELECT DISTINCT a.usename, a.pid FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) "
                "WHERE l.relation = to_regclass(%s)::oid AND a.pid <> pg_backend_pid() AND a.pid <> %s ORDER BY 2",
                [".".join(map(quoted_name, name.split("."))), self._server.main.info.backend_pid],
            ).fetchall()
        )
        return PublishUnavailableError(
            "publish.held", f"{name} gets other columns and is read in a transaction that does not end: {holders or 'unknown'}.",
            "It is tried again; end that transaction (SELECT pg_terminate_backend(process)), then rerun.",
        )  # fmt: skip

    def show(self) -> None:
        """Views of new tables, and those that go, at the end of the one transaction; comments and grants with them."""
        changing = [plan.incoming for plan in self.plans if plan.view == "anew"]
        leaving = [*self._leaving, *((plan.schema, plan.table) for plan in changing)]
        noticed = [*leaving, *((each.incoming.schema, each.incoming.table) for each in self.plans if each.view == "replace")]  # fmt: skip
        grants = {view: self._grants(self._relations[view].oid) for view in leaving}
        for attempt in range(LOCK_TRIES):
            try:
                with self._server.main.transaction():
                    self._server.main.execute(
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
        for schema, table, column, text in self._server.main.execute(
            "SELECT n.nspname, c.relname, a.attname, d.description FROM pg_description AS d JOIN pg_class AS c ON c.oid = d.objoid "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid "
            "AND a.attnum = d.objsubid AND d.objsubid > 0 WHERE d.classoid = 'pg_class'::regclass AND n.nspname = ANY(%s)",
            [list(SCHEMAS)],
        ).fetchall():
            comments.setdefault((schema, table), {})[column] = text
        for plan in self.plans:
            incoming = plan.incoming
            if plan.view in ("make", "anew"):
                self._grant(incoming, grants.get((incoming.schema, incoming.table), []))
            self._comment(incoming, comments.get((incoming.schema, incoming.table), {}))

    def _change_views(self, leaving: Sequence[tuple[str, str]]) -> None:
        for name in leaving:
            kind = "VIEW" if self._relations[name].kind == "v" else "TABLE"
            self._server.main.execute(sql.SQL("DROP {} {}").format(sql.SQL(kind), sql.Identifier(*name)))
        for plan in self.plans:
            incoming = plan.incoming
            if not plan.fresh:
                continue
            # Until now the new table lay under another name, so that a killed publisher leaves what stands.
            unused = sql.Identifier(incoming.store_schema, f"{incoming.table}__unused")
            stored = (incoming.store_schema, incoming.table) in self._relations
            if stored:
                self._server.main.execute(
                    sql.SQL("ALTER TABLE {} RENAME TO {}").format(incoming.store, sql.Identifier(f"{incoming.table}__unused"))
                )  # fmt: skip
            self._server.main.execute(
                sql.SQL("ALTER TABLE {} RENAME TO {}").format(incoming.made, sql.Identifier(incoming.table))
            )
            if plan.view == "replace":
                view = self._relations[incoming.schema, incoming.table]
                order = [*view.columns, *(name for name in incoming.view_types if name not in view.columns)]
                self._server.main.execute(self._view(incoming, order, replace=True))
            else:
                self._server.main.execute(self._view(incoming, incoming.view_types))
            if stored:
                self._server.main.execute(sql.SQL("DROP TABLE {}").format(unused))
        for schema, table in self._leaving:
            self._server.main.execute(
                sql.SQL("DELETE FROM {} WHERE table_name = %s").format(PARTS), [f"{schema}.{table}"]
            )
            for suffix in ("", STAGE):
                self._server.main.execute(
                    sql.SQL("DROP TABLE IF EXISTS {}").format(
                        sql.Identifier(f"{schema}_store", table + suffix)
                    )
                )

    def _grants(self, oid: int) -> list[tuple[str, str]]:
        return self._server.main.execute(
            "SELECT CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, g.privilege_type "
            "FROM pg_class AS c, aclexplode(c.relacl) AS g WHERE c.oid = %s AND g.grantee <> c.relowner ORDER BY 1, 2",
            [oid],
        ).fetchall()

    def _grant(self, incoming: Incoming, before: Iterable[tuple[str, str]]) -> None:
        role = SCHEMAS[incoming.schema]
        for grantee, right in {(role, "SELECT"), *before}:
            self._server.main.execute(
                sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(right), incoming.view, sql.SQL(grantee))
            )

    def _comment(self, incoming: Incoming, there: Mapping[str | None, str]) -> None:
        of_run = {"as_of": "Day the run speaks for.", "run_id": "Run that published the row."}
        wanted = {None: incoming.comment} | {
            name: of_run[name] if incoming.names_run and name in of_run else str(incoming.docs.get(name, ""))
            for name in incoming.view_types
        }
        for name, text in wanted.items():
            if text and there.get(name) != text:
                target = (
                    sql.SQL("VIEW {}").format(incoming.view) if name is None
                    else sql.SQL("COLUMN {}").format(sql.Identifier(incoming.schema, incoming.table, name))
                )  # fmt: skip
                self._server.main.execute(sql.SQL("COMMENT ON {} IS {}").format(target, sql.Literal(text)))


def _extends(there: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all columns that are there stay as they are."""
    return there.items() <= wanted.items()
