"""A workbench on a real warehouse that holds a small utility; its cases are taken away after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from tests.ops_server import emptied, warehouse_url
from tests.web.desk_data import fill, make_marts, who
from tests.web.service_data import service
from wattmark.publish.ops import libpq_url
from wattmark.settings import Settings, load_settings
from wattmark.web.pages import pages_app

__all__ = ["service", "warehouse_url"]

EMPTIED = (
    "audit_worklist", "exemption", "audit_case_event", "audit_case", "rule_decision", "personal_look", "review_item", "review",
)  # fmt: skip


@pytest.fixture(scope="module")
def desk_settings(warehouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home: Path = tmp_path_factory.mktemp("desk") / "home"
    there = "SELECT FROM pg_namespace WHERE nspname = %s"
    with psycopg.connect(libpq_url(warehouse_url), autocommit=True) as connection:
        # What tests of cases made for all of theirs is put aside.
        aside = [
            name for name in ("mart", "mart_pii") if connection.execute(there, [name]).fetchone() is not None
        ]
        for name in aside:
            connection.execute(f"ALTER SCHEMA {name} RENAME TO {name}_aside")
        make_marts(connection)
        fill(connection)
        yield load_settings(home, services={"warehouse_url": warehouse_url})
        connection.execute(
            "DROP SCHEMA mart CASCADE; DROP SCHEMA mart_pii CASCADE; DELETE FROM ops.staff_login; DELETE FROM ops.case_night"
        )
        for name in aside:
            connection.execute(f"ALTER SCHEMA {name}_aside RENAME TO {name}")


@pytest.fixture
def warehouse(desk_settings: Settings, warehouse_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(libpq_url(warehouse_url), autocommit=True) as connection:
        yield connection
        connection.execute(emptied(*EMPTIED))


@pytest.fixture
def client(desk_settings: Settings, warehouse: psycopg.Connection[Any]) -> TestClient:
    return TestClient(pages_app(desk_settings, guards=[], who=who), follow_redirects=False)
