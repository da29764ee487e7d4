"""Runs the migrations of schema ``ops``; the URL comes from the caller, from ``-x url=…``, or from the settings.

Only online: a migration of state that people change is never applied from a script of SQL text.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from wattmark.local.services import warehouse_url
from wattmark.publish.ops import SCHEMA
from wattmark.settings import load_settings

# Held while a migration runs, so that two nights that start together do not both apply it.
LOCK = 7_305_412_901


def _url() -> str:
    given = context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True).get("url")
    return str(given or warehouse_url(load_settings()))


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    try:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.commit()
        context.configure(connection=connection, version_table="schema_version", version_table_schema=SCHEMA)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
        connection.commit()


engine = create_engine(_url(), poolclass=pool.NullPool)
with engine.connect() as connection:
    _migrate(connection)
