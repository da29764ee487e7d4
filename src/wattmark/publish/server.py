"""The warehouse as it is found when a publisher opens it: its roles, its schemas, and what relations lie in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import psycopg
from adbc_driver_postgresql import dbapi
from psycopg import sql

from wattmark.errors import PublishError
from wattmark.publish.incoming import BI_ROLE, CLOSING, CURRENT, PARTS, PII_ROLE, SCHEMAS, quoted_name

Parts = dict[str, tuple[int, int]]
"""Rows and digest of each part of a table."""


@dataclass
class Relation:
    """A relation as PostgreSQL has it."""

    oid: int
    kind: str
    columns: dict[str, str] = field(default_factory=dict)
    key: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Server:
    """Connections of one publisher.

    What readers see changes in one transaction of ``main``; ``side`` makes ready what they do not see yet, each
    statement for itself; ``adbc`` carries rows.
    """

    main: psycopg.Connection[Any]
    side: psycopg.Connection[Any]
    adbc: dbapi.Connection

    def one(self, query: str, *values: Any) -> Any:
        """The first value that ``side`` answers; None where there is no row."""
        row = self.side.execute(query, list(values)).fetchone()
        return row[0] if row else None


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


def ensure_schemas(server: Server, release: str) -> None:
    """Make the published schemas and those behind them where they are missing; ``release`` stands in their comments."""
    there = {row[0] for row in server.side.execute("SELECT nspname FROM pg_namespace").fetchall()}
    for schema, role in SCHEMAS.items():
        for name in (schema, f"{schema}_store"):
            if name not in there:
                server.side.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        if not server.one("SELECT has_schema_privilege(%s, %s, 'USAGE')", role, schema):
            server.side.execute(
                sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), sql.Identifier(role))
            )
        _comment_schema(server, schema, f"Published by wattmark {release}: views, one run at a time.")
        _comment_schema(
            server,
            f"{schema}_store",
            f"Rows behind the views of {schema}; nobody reads or changes them by hand.",
        )
    for row in (CURRENT, CLOSING):
        if server.one("SELECT to_regclass(%s)", row.as_string()) is None:
            server.side.execute(
                sql.SQL(
                    "CREATE TABLE {} (only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), publication_no bigint NOT NULL, "
                    "run_id text NOT NULL, as_of date NOT NULL, published_at timestamptz NOT NULL)"
                ).format(row)
            )
    if "mart_store" not in there:
        server.side.execute(
            sql.SQL(
                "CREATE TABLE {} (table_name text, part text, rows bigint NOT NULL, digest bigint NOT NULL, "
                "PRIMARY KEY (table_name, part))"
            ).format(PARTS)
        )


def _comment_schema(server: Server, schema: str, comment: str) -> None:
    if server.one("SELECT obj_description(%s::regnamespace, 'pg_namespace')", quoted_name(schema)) != comment:
        server.side.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), sql.Literal(comment))
        )


def relations(server: Server) -> dict[tuple[str, str], Relation]:
    """What lies in the published schemas and behind them, by schema and name."""
    found: dict[tuple[str, str], Relation] = {}
    for schema, name, oid, kind, column, type_name in server.side.execute(
        """SELECT n.nspname, c.relname, c.oid::bigint, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod)
           FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
           LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
           ORDER BY n.nspname, c.relname, a.attnum""",
        [[schema for published in SCHEMAS for schema in (published, f"{published}_store")]],
    ).fetchall():
        relation = found.setdefault((schema, name), Relation(oid, kind))
        if column is not None:
            relation.columns[column] = type_name
    by_oid = {relation.oid: relation for relation in found.values()}
    for oid, names in server.side.execute(
        "SELECT i.indrelid::bigint, array_agg(a.attname::text) FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid "
        "AND a.attnum = ANY(i.indkey) WHERE i.indisprimary AND i.indrelid = ANY(%s) GROUP BY 1",
        [list(by_oid)],
    ).fetchall():
        by_oid[oid].key = frozenset(names)
    return found


def parts(server: Server) -> dict[str, Parts]:
    """The parts of each published table, by its name."""
    found: dict[str, Parts] = {}
    for table, part, rows, digest in server.side.execute(
        sql.SQL("SELECT table_name, part, rows, digest FROM {}").format(PARTS)
    ).fetchall():
        found.setdefault(table, {})[part] = (rows, digest)
    return found


def dependants(server: Server, oid: int) -> list[str]:
    """Views of others that read a relation, each with the columns it reads."""
    return [
        f"{'materialized view ' if kind == 'm' else ''}{name}{f' (column {columns})' if columns else ''}"
        for name, kind, columns in server.side.execute(
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
