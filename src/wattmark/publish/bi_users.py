"""Logins of those who read the warehouse.

A login gets one of the roles ``wattmark_bi`` and ``wattmark_pii``, a password that is made here and shown once, and
limits: how many sessions it may have, how long a statement may run, how long a transaction may idle, how much it may
spill to disk, and that it writes nothing unless it says so. All but the number of sessions and the spilling are
defaults that a session may change, as PostgreSQL has it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from wattmark.errors import PublishError
from wattmark.publish.incoming import BI_ROLE, PII_ROLE, SCHEMAS
from wattmark.publish.ops import libpq_url
from wattmark.publish.refusal import naming
from wattmark.publish.server import ensure_roles

SESSIONS = 8
"""Sessions a login may have at once; the server has 100 for everybody."""
LIMITS = {
    "statement_timeout": "15min",
    "idle_in_transaction_session_timeout": "1h",
    "lock_timeout": "10s",
    "default_transaction_read_only": "on",
}
TEMP_FILE_LIMIT = "5GB"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MARK = "Reads the marts; made by wattmark bi-user add."


@dataclass(frozen=True)
class NewLogin:
    """A login as it is shown once."""

    name: str
    password: str
    psql: str
    sqlalchemy: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Login:
    """A login as it stands: schemas it reads, its own schema, sessions it has and may have."""

    name: str
    reads: tuple[str, ...]
    schema: str | None
    connections: int
    limit: int


def add(url: str, name: str, *, pii: bool = False, schema: bool = False) -> NewLogin:
    """Make a login, or refuse where the name is taken.

    Args:
        url: SQLAlchemy URL of the warehouse; its user must be allowed to create roles.
        name: of the login.
        pii: also contacts and refused rows.
        schema: a schema of its own to make views in.

    Raises:
        PublishError: the name cannot be one, is taken, or the warehouse's user may not create roles.
    """
    _refuse_name(name, schema=schema)
    password = secrets.token_urlsafe(24)
    notes: list[str] = []
    with naming(), psycopg.connect(libpq_url(url)) as connection:
        ensure_roles(connection)
        if _found(connection, name):
            raise PublishError(
                "bi_user.taken", f"there is a role {name} already.",
                "Choose another name, or remove it first: wattmark bi-user remove NAME.",
            )  # fmt: skip
        _create(connection, name, password)
        for granted in (BI_ROLE, PII_ROLE) if pii else (BI_ROLE,):
            _grant(connection, name, granted)
        path = [*([name] if schema else []), "mart", *(["mart_pii", "quarantine"] if pii else [])]
        notes += _limit(connection, name, path)
        connection.execute(
            sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(name), sql.Literal(_MARK))
        )
        if schema:
            _make_schema(connection, name)
            notes.append(
                f"Views of its own go into schema {name}; it writes after SET default_transaction_read_only = off."
            )
    where = sa.make_url(url).set(username=name, password=password)
    return NewLogin(
        name,
        password,
        where.set(drivername="postgresql").render_as_string(hide_password=True).replace(":***", ""),
        where.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False),
        tuple(notes),
    )


def _refuse_name(name: str, *, schema: bool) -> None:
    if not _NAME.fullmatch(name) or name in (BI_ROLE, PII_ROLE) or name.startswith("pg_"):
        raise PublishError(
            "bi_user.name", f"{name!r} cannot be the name of a login.",
            "Take a to z, 0 to 9 and _, a letter first, at most 63.",
        )  # fmt: skip
    if schema and (name in SCHEMAS or name in ("ops", "public") or name.endswith("_store")):
        raise PublishError(
            "bi_user.schema", f"a schema {name} is the warehouse's own.", "Choose another name for the login."
        )


def _create(connection: psycopg.Connection[Any], name: str, password: str) -> None:
    # The server is given the SCRAM verifier; the password itself never travels or gets logged.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    try:
        connection.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT CONNECTION LIMIT {} PASSWORD {}"
            ).format(sql.Identifier(name), sql.Literal(SESSIONS), sql.Literal(verifier.decode()))
        )
    except psycopg.errors.InsufficientPrivilege:
        raise PublishError(
            "bi_user.forbidden", "the warehouse's user may not create roles.",
            "Let an administrator run: ALTER ROLE <that user> CREATEROLE;",
        ) from None  # fmt: skip


def _grant(connection: psycopg.Connection[Any], name: str, granted: str) -> None:
    try:
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(granted), sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        raise PublishError(
            "bi_user.grant", f"the warehouse's user may not grant {granted}.",
            f"Let an administrator run: GRANT {granted} TO <that user> WITH ADMIN OPTION;",
        ) from None  # fmt: skip


def _limit(connection: psycopg.Connection[Any], name: str, path: list[str]) -> list[str]:
    """Set a login's limits; returns what an administrator has to set instead."""
    role = sql.Identifier(name)
    schemas = sql.SQL(", ").join(map(sql.Identifier, path))
    settings = {setting: sql.Literal(value) for setting, value in LIMITS.items()} | {"search_path": schemas}
    for setting, value in settings.items():
        connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.SQL(setting), value))
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET temp_file_limit = {}").format(role, sql.Literal(TEMP_FILE_LIMIT))
            )
    except psycopg.errors.InsufficientPrivilege:
        return [
            f"What it spills to disk is not limited: let an administrator run ALTER ROLE {name} SET temp_file_limit = '{TEMP_FILE_LIMIT}';"
        ]
    return []


def _make_schema(connection: psycopg.Connection[Any], name: str) -> None:
    """A schema of a login's own."""
    role = sql.Identifier(name)
    if connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]).fetchall():
        raise PublishError(
            "bi_user.schema", f"there is a schema {name} already.", "Choose another name for the login."
        )
    # To make a schema for a role one has to be able to be it; nothing of it is inherited.
    limited = " WITH INHERIT FALSE, SET TRUE" if connection.info.server_version >= 160000 else ""
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER" + limited).format(role))
    connection.execute(sql.SQL("CREATE SCHEMA {0} AUTHORIZATION {0}").format(role))


def _found(connection: psycopg.Connection[Any], name: str) -> bool:
    return bool(connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchall())


def listing(url: str) -> list[Login]:
    """All logins that have one of the two roles, by name."""
    with naming(), psycopg.connect(libpq_url(url)) as connection:
        ensure_roles(connection)
        return [
            Login(
                name, tuple(schema for schema, role in SCHEMAS.items() if role in roles), own, sessions, limit
            )
            for name, roles, own, sessions, limit in connection.execute(
                "SELECT r.rolname, ARRAY(SELECT g.rolname::text FROM pg_roles AS g WHERE g.rolname = ANY(%s) AND pg_has_role(r.oid, g.oid, 'USAGE')), "
                "(SELECT n.nspname FROM pg_namespace AS n WHERE n.nspowner = r.oid ORDER BY n.nspname LIMIT 1), "
                "(SELECT COUNT(*) FROM pg_stat_activity AS a WHERE a.usesysid = r.oid), r.rolconnlimit "
                "FROM pg_roles AS r WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> CURRENT_USER "
                "AND EXISTS (SELECT 1 FROM pg_roles AS g WHERE g.rolname = ANY(%s) AND pg_has_role(r.oid, g.oid, 'USAGE')) ORDER BY 1",
                [[BI_ROLE, PII_ROLE], [BI_ROLE, PII_ROLE]],
            ).fetchall()
        ]


def remove(url: str, name: str, *, drop_schema: bool = False) -> None:
    """End a login's sessions and remove it.

    Raises:
        PublishError: it was not made by ``add``, or owns something still.
    """
    with naming(), psycopg.connect(libpq_url(url)) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s", [name]
        ).fetchone()
        if row is None or row[0] != _MARK:
            raise PublishError(
                "bi_user.unknown",
                f"{name} is no login that wattmark bi-user add made.",
                "See: wattmark bi-user list.",
            )
        role = sql.Identifier(name)
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(role))
        if connection.info.server_version >= 160000:
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(role))
        else:
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid()", [name]
        )  # fmt: skip
        if drop_schema:
            connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(role))
        else:
            # Only where nothing is in it.
            try:
                with connection.transaction():
                    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {}").format(role))
            except psycopg.errors.DependentObjectsStillExist:
                raise PublishError(
                    "bi_user.owns", f"login {name} owns views or tables in its schema.",
                    "Give them to somebody (REASSIGN OWNED), or remove them with it: --drop-schema.",
                ) from None  # fmt: skip
        try:
            with connection.transaction():
                connection.execute(sql.SQL("DROP ROLE {}").format(role))
        except psycopg.errors.DependentObjectsStillExist:
            raise PublishError(
                "bi_user.owns", f"login {name} owns objects in the database, or was granted rights on some.",
                "Give them to somebody: REASSIGN OWNED BY …; DROP OWNED BY …; then repeat.",
            ) from None  # fmt: skip
