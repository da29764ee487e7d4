"""Runs the migrations of schema ``ops``; the URL comes from the caller, from ``-x url=…``, or from the settings.

Only online: a migration of state that people change is never applied from a script of SQL text.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import DBAPIError

from wattmark.home import warehouse_url
from wattmark.publish.ops import SCHEMA
from wattmark.settings import load_settings

LOCK_S = 60
TRIES = 5


def _url() -> str:
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    return str(given or warehouse_url(load_settings()))


def _ready(connection: Connection) -> None:
    """The schema, and a table that is locked while a migration runs, which nobody but the owner can do."""
    for number in range(TRIES):
        try:
            if connection.execute(text("SELECT to_regclass('ops.migration_lock')")).scalar() is None:
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
                connection.execute(text("CREATE TABLE ops.migration_lock (held_by text)"))
                connection.execute(
                    text(
                        "COMMENT ON TABLE ops.migration_lock IS 'Locked while schema ops is migrated; always empty.'"
                    )
                )
                connection.execute(
                    text(
                        "COMMENT ON COLUMN ops.migration_lock.held_by IS 'Never filled; the lock on the table is all.'"
                    )
                )
            connection.commit()
            return
        except DBAPIError:
            # Two nights that start together both find it missing; one of them makes it.
            connection.rollback()
            if number + 1 == TRIES:
                raise


def _migrate(connection: Connection) -> None:
    _ready(connection)
    # Two nights that start together must not both apply a migration. The lock ends with the transaction.
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_S}s'"))
    connection.execute(text("LOCK TABLE ops.migration_lock IN EXCLUSIVE MODE"))
    context.configure(connection=connection, version_table="schema_version", version_table_schema=SCHEMA)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


engine = create_engine(_url(), poolclass=pool.NullPool)
with engine.connect() as connection:
    _migrate(connection)
