"""A real PostgreSQL of the tests' own, with schema ops migrated; emptied between tests. Fixtures for a conftest to import."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, make_url

from wattmark import home
from wattmark.local import services
from wattmark.local.postgres import SUPERUSER
from wattmark.local.processes import next_free_port
from wattmark.publish.ops import libpq_url, upgrade
from wattmark.settings import load_settings


@pytest.fixture(scope="session")
def warehouse_url() -> Iterator[str]:
    # Every account may pass through it, unlike pytest's own folders: root hands the server to another one.
    folder = Path(tempfile.mkdtemp(prefix="wattmark-"))
    folder.chmod(0o755)
    settings = load_settings(folder / "home", services={"postgres_port": next_free_port(16_500)})
    try:
        services.up(settings, airflow=False)
        url = home.warehouse_url(settings)
        _hasten(url, home.secret(settings.home, SUPERUSER))
        upgrade(url)
        yield url
    finally:
        services.discard(settings)
        shutil.rmtree(folder, ignore_errors=True)


def _hasten(url: str, password: str) -> None:
    """Have the server wait for no disk, as nothing of it is kept, and let its tables be emptied whatever refuses it."""
    where = make_url(libpq_url(url)).set(username=SUPERUSER, password=password)
    with psycopg.connect(where.render_as_string(hide_password=False), autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("GRANT SET ON PARAMETER session_replication_role TO wattmark")


def emptied(*tables: str) -> str:
    """Statements that empty tables of ops in one transaction; some refuse it, their owner too.

    A test's rows are few: DELETE makes no new files, as TRUNCATE does for every table and index.
    """
    deletes = "; ".join(f"DELETE FROM ops.{name}" for name in tables)
    return f"BEGIN; SET LOCAL session_replication_role = replica; {deletes}; COMMIT"


EMPTIED = (
    "campaign_member", "campaign_drop", "campaign_area", "campaign_arm", "campaign_run", "campaign_key", "suppression",
    "audit_worklist", "audit_lot", "case_alert", "record_check", "exemption", "audit_case_event", "audit_case", "case_night", "rule_decision",
    "staff_login", "review_item", "review", "pipeline_run",
)  # fmt: skip
"""Those that others name come after these."""


@pytest.fixture
def ops(warehouse_url: str) -> Iterator[Engine]:
    engine = create_engine(warehouse_url)
    yield engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(emptied(*EMPTIED))
    engine.dispose()
